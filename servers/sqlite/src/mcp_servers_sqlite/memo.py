"""The memo of findings, kept in the server's own small database in the state folder, never in the user's."""

import time
from collections.abc import Callable
from pathlib import Path

import anyio

_TABLE = "CREATE TABLE IF NOT EXISTS insights(id INTEGER PRIMARY KEY, subject TEXT, added REAL, insight TEXT)"
_MOST_INSIGHTS = 1_000


class Memo:
    """Insights about one set of databases. `path` is asked for at first use, so that starting makes nothing."""

    def __init__(self, path: Callable[[], Path], subject: str) -> None:
        self._path = path
        self._subject = subject
        self._lock = anyio.Lock()

    async def append(self, insight: str) -> None:
        """Keep one more insight; the oldest goes when there are 1,000."""
        import aiosqlite

        async with self._lock, aiosqlite.connect(self._path()) as db:
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
        """All insights, oldest first."""
        import aiosqlite

        path = self._path()
        if not path.exists():
            return []
        async with self._lock, aiosqlite.connect(path) as db:
            await db.execute(_TABLE)
            query = "SELECT insight FROM insights WHERE subject = ? ORDER BY id"
            return [str(row[0]) for row in await db.execute_fetchall(query, (self._subject,))]
