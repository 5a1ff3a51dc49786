"""Rows from a cursor, as many whole ones as fit: a table line each, their JSON values, and the columns."""

import sqlite3
from collections.abc import Sequence
from itertools import islice
from typing import Any

from mcp_servers_shared.errors import LimitExceeded, StatementRefused
from mcp_servers_sqlite.engine.cells import TYPE_NAMES, Cells, column_name, escape, reveal
from mcp_servers_sqlite.engine.frames import compact_json

_SMALLEST_CELL = 16


class Table:
    """One page of a result.

    `cut_by` is None when the result ended, `"rows"` when the row limit was reached, `"size"` when the next row would
    not fit into `room`. `last` is the last row kept, as SQLite gave it.
    """

    def __init__(self, cursor: sqlite3.Cursor, *, as_json: bool, cell_chars: int, room: int) -> None:
        if cursor.description is None:
            raise StatementRefused("This statement returns no rows; it is not a read", rule="engine")
        self._cursor = cursor
        self._as_json = as_json
        self._room = room
        names = [column_name(column[0]) for column in cursor.description]
        self._cells = Cells(len(names), cell_chars)
        self.names = names
        self.lines: list[str] = []
        self.rows: list[Sequence[Any]] = []
        self.last: Sequence[Any] = ()
        self.cut_by: str | None = None
        self.squeezed = False
        self._seen: set[tuple[type, ...]] = set()

    @property
    def cut_columns(self) -> list[str]:
        """Names of the columns in which a value was cut."""
        return [self.names[index] for index in sorted(self._cells.cut)]

    def fill(self, limit: int, skip: int = 0) -> None:
        """Takes up to `limit` rows after `skip`, and looks at one more to know whether there is one.

        Raises:
            LimitExceeded: not even one row, or the header alone, fits.
        """
        rows = iter(self._cursor)
        if skip:
            next(islice(rows, skip, skip), None)
        used = len(self._header()) + len(compact_json(self.names)) + 26 * len(self.names)
        if used > self._room:
            raise LimitExceeded(
                f"{len(self.names)} columns are more than one answer holds", code="too_wide", hint="Name fewer columns."
            )
        kept, render = self.rows, self._cells.row
        for row in rows:
            if len(kept) >= limit:
                self.cut_by = "rows"
                break
            line, values, size = render(row)
            used += self._cost(line, size)
            if used > self._room:
                if kept:
                    self.cut_by = "size"
                    break
                line, values = self._squeeze(row, used - self._cost(line, size))
            self.lines.append(line)
            kept.append(values)
            self._seen.add(tuple(map(type, row)))
            self.last = row

    def columns(self) -> list[dict[str, str]]:
        """Name of each column and the storage classes seen in it, such as `integer` or `integer|text`."""
        kinds: list[set[str]] = [set() for _ in self.names]
        for signature in self._seen:
            for index, kind in enumerate(signature):
                if kind in TYPE_NAMES:
                    kinds[index].add(TYPE_NAMES[kind])
        empty = "null" if self.rows else ""
        return [
            {"name": name, "type": "|".join(sorted(kind)) or empty}
            for name, kind in zip(self.names, kinds, strict=True)
        ]

    def text(self) -> str:
        """The page as a compact Markdown table, or as JSON `{"columns", "rows"}`."""
        if self._as_json:
            return reveal(compact_json({"columns": self.names, "rows": self.rows}))
        return "\n".join((self._header(), *self.lines))

    def _header(self) -> str:
        names = "|".join([escape(name) for name in self.names])
        return f"|{names}|\n|{'-|' * len(self.names)}"

    def _cost(self, line: str, size: int) -> int:
        return 2 * size + 2 if self._as_json else len(line) + size + 2

    def _squeeze(self, row: Sequence[Any], used: int) -> tuple[str, Sequence[Any]]:
        """The first row, with cells cut shorter until it fits: an answer that shows nothing helps nobody."""
        cells = self._cells
        while cells.cell_chars > _SMALLEST_CELL:
            cells.cell_chars = max(_SMALLEST_CELL, cells.cell_chars // 2)
            line, values, size = cells.row(row)
            if used + self._cost(line, size) <= self._room:
                self.squeezed = True
                self._room = used + self._cost(line, size)
                return line, values
        raise LimitExceeded("One row is larger than one answer", code="too_wide", hint="Name fewer columns.")
