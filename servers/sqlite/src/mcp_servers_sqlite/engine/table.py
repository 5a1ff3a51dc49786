"""Rows from a cursor, as many whole ones as fit: a table line each, their JSON values, and the columns."""

import json
import sqlite3
from collections.abc import Sequence
from itertools import islice
from typing import Any

from mcp_servers_shared.errors import LimitExceeded, StatementRefused
from mcp_servers_sqlite.engine.blocks import plain_block
from mcp_servers_sqlite.engine.cells import TYPE_NAMES, Cells, column_name, escape, reveal
from mcp_servers_sqlite.engine.frames import Part, compact_json, part

_SMALLEST_CELL = 16
# Rows read ahead before they are looked at. One at a time is enough to read the largest values.
MOST_AT_ONCE = 128


class Table:
    """One page of a result.

    `cut_by` is None when the result ended, `"rows"` when the row limit was reached, `"size"` when the next row would
    not fit into `room`. `last` is the last row kept, as SQLite gave it. `rows` holds the values that are shown, unless
    they are not wanted (`keep_rows`): then they are gone from memory as soon as they are written down.
    """

    def __init__(
        self, cursor: sqlite3.Cursor, *, as_json: bool, cell_chars: int, room: int, keep_rows: bool = True
    ) -> None:
        if cursor.description is None:
            raise StatementRefused("This statement returns no rows; it is not a read", rule="engine")
        self._cursor = cursor
        self._as_json = as_json
        self._room = room
        names = [column_name(column[0]) for column in cursor.description]
        self._cells = Cells(len(names), cell_chars)
        self.names = names
        self.rows: list[Sequence[Any]] = []
        self.row_count = 0
        self._keep_rows = keep_rows
        self._lines: list[bytes] = []
        self._json: list[bytes] = []
        self._line_chars = self._json_chars = 0
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
            left = limit - self.row_count
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
                self._write(block.escaped_lines, block.chars, block.json, block.size)
                self._keep(chunk, chunk, block.kinds)
                return
        for row in chunk:
            line, values, size = self._cells.row(row)
            cost = self._cost(len(line), size)
            if self._used + cost > self._room:
                if self.row_count:
                    self.cut_by = "size"
                    return
                line, values = self._squeeze(row, self._used)
                cost = self._room - self._used
            self._used += cost
            encoded = part(values)
            self._write(part(line).json[1:-1], len(line), encoded.json, encoded.chars)
            self._keep([row], [values], [{type(value)} for value in row])

    def _keep(self, rows: Sequence[Sequence[Any]], values: Sequence[Sequence[Any]], kinds: Sequence[set[type]]) -> None:
        if self._keep_rows:
            self.rows += values
        self.row_count += len(rows)
        self.last = rows[-1]
        for known, found in zip(self._kinds, kinds, strict=True):
            known |= found

    def _write(self, lines: bytes, line_chars: int, rows: bytes, json_chars: int) -> None:
        self._lines.append(lines)
        self._line_chars += line_chars
        self._json.append(rows)
        self._json_chars += json_chars

    def columns(self) -> list[dict[str, str]]:
        """Name of each column and the storage classes seen in it, such as `integer` or `integer|text`."""
        empty = "null" if self.row_count else ""
        return [
            {"name": name, "type": "|".join(sorted(TYPE_NAMES[kind] for kind in found if kind in TYPE_NAMES)) or empty}
            for name, found in zip(self.names, self._kinds, strict=True)
        ]

    def rows_part(self) -> Part:
        """The rows as JSON: a list of lists."""
        between = max(0, self.row_count - 1)
        return Part(_joined(b"[", b",", self._json, b"]"), 2 + self._json_chars + between)

    def text_part(self) -> Part:
        """The page as a compact Markdown table, or as JSON `{"columns", "rows"}`; either as a JSON string."""
        if self._as_json:
            text = reveal(f'{{"columns":{compact_json(self.names)},"rows":{self.rows_part().json.decode()}}}')
            return part(text, len(text))
        header = self._header()
        lines = [part(header).json[1:-1], *self._lines]
        return Part(_joined(b'"', b"\\n", lines, b'"'), len(header) + self._line_chars + self.row_count)

    def text(self) -> str:
        """The same as it is read."""
        return json.loads(self.text_part().json)

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


def _joined(opening: bytes, between: bytes, pieces: Sequence[bytes], closing: bytes) -> bytes:
    """The pieces in one copy."""
    separated = [piece for one in pieces for piece in (between, one)]
    return b"".join((opening, *separated[1:], closing))
