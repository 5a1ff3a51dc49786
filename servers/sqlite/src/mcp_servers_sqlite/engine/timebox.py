"""Statements that end with a time budget instead of with an error."""

import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any

_AGAIN_SECONDS = 0.02


class Timebox:
    """Runs statements until its seconds are over; from then on each one ends early, with what it had.

    The connection's progress handler belongs to the worker's own deadline, so a thread interrupts instead.
    """

    def __init__(self, conn: sqlite3.Connection, seconds: float) -> None:
        self._conn = conn
        self._ends = time.monotonic() + seconds
        self._done = threading.Event()
        self._watch = threading.Thread(target=self._interrupt, name="timebox", daemon=True)

    def __enter__(self) -> "Timebox":
        self._watch.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._done.set()
        self._watch.join()

    @property
    def left(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self._ends - time.monotonic())

    def rows(self, sql: str, params: Sequence[Any] = (), *, keep: float = 0.0) -> Iterator[tuple[Any, ...]]:
        """The rows of a statement, as many as there is time for while `keep` seconds stay for what comes after."""
        if not self.left:
            return
        try:
            cursor = self._conn.execute(sql, params)
            try:
                for row in cursor:
                    yield row
                    if self.left <= keep:
                        return
            finally:
                cursor.close()
        except sqlite3.OperationalError as error:
            if self.left or error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_INTERRUPT:
                raise

    def row(self, sql: str, params: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        """The only row of a statement, or None when time ran out before."""
        return next(self.rows(sql, params), None)

    def _interrupt(self) -> None:
        if self._done.wait(self.left):
            return
        # Again and again: an interrupt between two statements stops neither.
        while not self._done.wait(_AGAIN_SECONDS):
            self._conn.interrupt()
