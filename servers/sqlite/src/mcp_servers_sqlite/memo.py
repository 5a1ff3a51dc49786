"""The memo of findings, kept in the server's own small database in the state folder, never in the user's."""

import logging
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio

from mcp_servers_shared.errors import Unavailable
from mcp_servers_shared.state import StateFolder

if TYPE_CHECKING:
    import aiosqlite

logger = logging.getLogger("mcp_servers.sqlite")

_FOLDER, _FILE = "sqlite", "memo.db"
_TABLE = "CREATE TABLE IF NOT EXISTS insights(id INTEGER PRIMARY KEY, subject TEXT, added REAL, insight TEXT)"
_MOST_INSIGHTS = 1_000


class Memo:
    """Insights about one set of databases, the `subject`. The file is made by the first insight."""

    def __init__(self, state: StateFolder, subject: str) -> None:
        self._state = state
        self._path = state.path / _FOLDER / _FILE
        self._subject = subject
        self._lock = anyio.Lock()

    async def append(self, insight: str) -> None:
        """Keep one more insight; the oldest goes when there are 1,000.

        Raises Unavailable where the state folder cannot be written.
        """
        async with self._open(make=True) as db:
            await db.execute(_TABLE)
            await db.execute(
                "INSERT INTO insights(subject, added, insight) VALUES(?, ?, ?)", (self._subject, time.time(), insight)
            )
            await db.execute(
                "DELETE FROM insights WHERE subject = ? AND id NOT IN"
                " (SELECT id FROM insights WHERE subject = ? ORDER BY id DESC LIMIT ?)",
                (self._subject, self._subject, _MOST_INSIGHTS),
            )
            await db.commit()

    async def read(self) -> list[str]:
        """All insights, oldest first. Makes nothing. Raises Unavailable where the file cannot be read."""
        if not self._path.exists() or not self._path.stat().st_size:
            return []
        async with self._open() as db:
            query = "SELECT insight FROM insights WHERE subject = ? ORDER BY id"
            return [str(row[0]) for row in await db.execute_fetchall(query, (self._subject,))]

    @asynccontextmanager
    async def _open(self, *, make: bool = False) -> "AsyncGenerator[aiosqlite.Connection, None]":
        import sqlite3  # both at first use: most sessions keep no memo

        import aiosqlite

        try:
            if make:
                self._state.folder(_FOLDER)
            async with self._lock, aiosqlite.connect(self._path) as db:
                yield db
        except (OSError, sqlite3.Error) as error:
            logger.error("memo %s: %s", self._path, error)
            raise Unavailable(
                "the memo cannot be opened",
                code="memo_unavailable",
                hint="The server's log says why. The databases are not affected.",
            ) from None
