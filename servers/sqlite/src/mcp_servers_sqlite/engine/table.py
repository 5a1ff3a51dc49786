"""Rows from a cursor, as many whole ones as fit: a table line each, their JSON values, and the columns."""

import sqlite3
from collections.abc import Sequence
from itertools import islice
from typing import Any

from mcp_servers_shared.errors import LimitExceeded, StatementRefused
from mcp_servers_sqlite.engine.blocks import plain_block
from mcp_servers_sqlite.engine.cells import TYPE_NAMES, Cells, column_name, escape, reveal
from mcp_servers_sqlite.engine.frames import compact_json

_SMALLEST_CELL = 16
# Rows read ahead before they are looked at. One at a time is enough to read the largest values.
MOST_AT_ONCE = 128


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
        self._json: list[str] = []
        self.last: Sequence[Any] = ()
        self.cut_by: str | None = None
        self.squeezed = False
        self._kinds: list[set[type]] = [set() for _ in names]
        self._used = 0

    @property
    def cut_columns(self) -> list[str]:
        """Names of the columns in which a value was cut."""
        return [self.names[index] for index in sorted(self._cells.cut)]

    def fill(self, limit: int, skip: int = 0, most_at_once: int = MOST_AT_ONCE) -> None:
        """Takes up to `limit` rows after `skip`, and looks at one more to know whether there is one.

        `most_at_once` rows are held before they are looked at: with large values that can be too much memory.

        Raises:
            LimitExceeded: not even one row, or the header alone, fits.
        """
        rows = iter(self._cursor)
        if skip:
            next(islice(rows, skip, skip), None)
        self._used = len(self._header()) + len(compact_json(self.names)) + 26 * len(self.names)
        if self._used > self._room:
            raise LimitExceeded(
                f"{len(self.names)} columns are more than one answer holds", code="too_wide", hint="Name fewer columns."
            )
        at_once = 1
        while self.cut_by is None:
            left = limit - len(self.rows)
            chunk = list(islice(rows, min(at_once, left + 1)))
            if not chunk:
                break
            if left:
                self._take(chunk[:left])
            if len(chunk) > left and self.cut_by is None:
                self.cut_by = "rows"
            at_once = min(most_at_once, at_once * 8)

    def _take(self, chunk: list[Sequence[Any]]) -> None:
        """Keeps the rows of a chunk, all at once when they are plain and fit, else one by one."""
        block = plain_block(chunk, self._cells.cell_chars)
        if block is not None:
            cost = self._cost(block.chars, block.size, len(chunk))
            if self._used + cost <= self._room:
                self._used += cost
                self.lines.append(block.lines)
                self._json.append(block.json)
                self._keep(chunk, chunk, block.kinds)
                return
        for row in chunk:
            line, values, size = self._cells.row(row)
            cost = self._cost(len(line), size)
            if self._used + cost > self._room:
                if self.rows:
                    self.cut_by = "size"
                    return
                line, values = self._squeeze(row, self._used)
                cost = self._room - self._used
            self._used += cost
            self.lines.append(line)
            self._json.append(compact_json(values))
            self._keep([row], [values], [{type(value)} for value in row])

    def _keep(self, rows: Sequence[Sequence[Any]], values: Sequence[Sequence[Any]], kinds: Sequence[set[type]]) -> None:
        self.rows += values
        self.last = rows[-1]
        for known, found in zip(self._kinds, kinds, strict=True):
            known |= found

    def columns(self) -> list[dict[str, str]]:
        """Name of each column and the storage classes seen in it, such as `integer` or `integer|text`."""
        empty = "null" if self.rows else ""
        return [
            {"name": name, "type": "|".join(sorted(TYPE_NAMES[kind] for kind in found if kind in TYPE_NAMES)) or empty}
            for name, found in zip(self.names, self._kinds, strict=True)
        ]

    def json(self) -> str:
        """The rows as JSON: a list of lists."""
        return f"[{','.join(self._json)}]"

    def text(self) -> str:
        """The page as a compact Markdown table, or as JSON `{"columns", "rows"}`."""
        if self._as_json:
            return reveal(f'{{"columns":{compact_json(self.names)},"rows":{self.json()}}}')
        return "\n".join((self._header(), *self.lines))

    def _header(self) -> str:
        names = "|".join([escape(name) for name in self.names])
        return f"|{names}|\n|{'-|' * len(self.names)}"

    def _cost(self, chars: int, size: int, rows: int = 1) -> int:
        """Characters of a page for rows whose lines hold `chars` and whose JSON holds `size`."""
        return 2 * (size + rows) if self._as_json else chars + size + 2 * rows

    def _squeeze(self, row: Sequence[Any], used: int) -> tuple[str, Sequence[Any]]:
        """The first row, with cells cut shorter until it fits: an answer that shows nothing helps nobody."""
        cells = self._cells
        while cells.cell_chars > _SMALLEST_CELL:
            cells.cell_chars = max(_SMALLEST_CELL, cells.cell_chars // 2)
            line, values, size = cells.row(row)
            if used + self._cost(len(line), size) <= self._room:
                self.squeezed = True
                self._room = used + self._cost(len(line), size)
                return line, values
        raise LimitExceeded("One row is larger than one answer", code="too_wide", hint="Name fewer columns.")
