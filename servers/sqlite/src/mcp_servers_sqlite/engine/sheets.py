"""An answer in sections, text and JSON side by side, that stops where its budget ends and says what it left out."""

import sqlite3
from collections.abc import Iterable
from typing import Any

from mcp_servers_shared.errors import LimitExceeded
from mcp_servers_shared.guard.untrusted import visible
from mcp_servers_sqlite.engine.entries import compact
from mcp_servers_sqlite.engine.table import Table

DEFAULT_CHARS = 48_000
SAMPLE_CELL_CHARS = 200
_LEAST_PASSAGE = 80


class Sheet:
    """Collects lines and fields within `max_chars` characters, both channels counted."""

    def __init__(self, max_chars: int) -> None:
        self.lines: list[str] = []
        self.data: dict[str, Any] = {}
        self.notes: list[str] = []
        self.cut = False
        self.room = max_chars - 2

    def line(self, text: str) -> None:
        """A line that is always there."""
        self.lines.append(text)
        self.room -= len(text) + 1

    def field(self, name: str, value: Any) -> None:
        """A field that is always there."""
        self.data[name] = value
        self.room -= len(name) + len(compact(value)) + 4

    def section(self, title: str, name: str, items: Iterable[tuple[str, Any]], keep: int = 0) -> None:
        """A title, then an item a line and a list element each, as many as fit while `keep` characters stay free."""
        values: list[Any] = []
        missing = 0
        for text, value in items:
            opening = 0 if values else len(title) + len(name) + 7
            cost = len(text) + len(compact(value)) + 2 + opening
            # Room for the line that says how many are missing.
            if missing or self.room - cost < keep + 40:
                missing += 1
                continue
            if not values:
                self.lines.append(title)
                self.data[name] = values
            self.room -= cost
            self.lines.append(text)
            values.append(value)
        if missing:
            self.cut = True
            self.line(f"... {missing} more {name.replace('_', ' ')}")

    def passage(self, title: str, name: str, text: str) -> None:
        """A text of any length; its beginning where it is too long."""
        most = (self.room - len(title) - len(name) - 40) // 2
        escaped = visible(text)
        while len(escaped) + len(compact(escaped)) > 2 * most and len(text) > _LEAST_PASSAGE:
            text = text[: len(text) * 2 // 3]
            escaped, self.cut = f"{visible(text)} ...", True
        if len(escaped) + len(compact(escaped)) > 2 * most:
            self.notes.append(f"No room for the {title.rstrip(':')}.")
            return
        self.line(f"{title} {escaped}")
        self.field(name, escaped)

    def sample(
        self, conn: sqlite3.Connection, sql: str, limit: int, *, room: int, params: tuple[Any, ...] = ()
    ) -> None:
        """The rows of a statement as a Markdown table and as `{"columns", "rows"}`."""
        cursor = conn.execute(sql, params)
        table = Table(cursor, as_json=False, cell_chars=SAMPLE_CELL_CHARS, room=min(room, self.room) - 80)
        try:
            table.fill(limit)
        except LimitExceeded:
            self.cut = True
            self.notes.append("Sample rows do not fit: ask for single columns with query_database.")
            return
        finally:
            cursor.close()
        self.line(f"Sample of {len(table.rows)} rows:")
        self.line(table.text())
        self.field("sample", {"columns": table.names, "rows": table.rows})

    def answer(self) -> dict[str, Any]:
        """Text, data, truncated and notes."""
        return {"text": "\n".join(self.lines), "data": self.data, "truncated": self.cut, "notes": self.notes}
