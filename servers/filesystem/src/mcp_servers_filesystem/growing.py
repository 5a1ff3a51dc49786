"""A file of JSON lines that grows at its end and is sometimes written anew: every line is parsed once."""

import contextlib
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

ValueT = TypeVar("ValueT")

_BEGINNING = 128


class GrowingLines(Generic[ValueT]):
    """What the lines say, by the key that `take` gives each.

    Args:
        take: puts what one line says into what is known; may raise ValueError, KeyError, TypeError, AttributeError for
            a line that says nothing, such as one that a kill cut off.
    """

    def __init__(self, take: Callable[[dict[str, ValueT], dict[str, Any]], None]) -> None:
        self._take = take
        self._lock = threading.Lock()
        self._forget(b"")

    def _forget(self, beginning: bytes) -> None:
        self._known: dict[str, ValueT] = {}
        self._beginning = beginning
        self._read_to = 0

    def values(self, path: Path) -> list[ValueT]:
        """All that is known, in the order of its first lines. Raises OSError."""
        with self._lock:
            try:
                descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
            except FileNotFoundError:
                self._forget(b"")
                return []
            try:
                self._catch_up(descriptor)
            finally:
                os.close(descriptor)
            return list(self._known.values())

    def _catch_up(self, descriptor: int) -> None:
        # The first line holds an id that no other file has: inodes are used again.
        beginning = os.pread(descriptor, _BEGINNING, 0)
        same = self._beginning and beginning.startswith(self._beginning)
        if not same or os.fstat(descriptor).st_size < self._read_to:
            self._forget(beginning)
        self._beginning = beginning
        size = os.fstat(descriptor).st_size
        parts: list[bytes] = []
        at = self._read_to
        while at < size and (part := os.pread(descriptor, size - at, at)):
            parts.append(part)
            at += len(part)
        whole, end, _ = b"".join(parts).rpartition(b"\n")
        self._read_to += len(whole) + len(end)
        for line in whole.split(b"\n"):
            with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):
                self._take(self._known, json.loads(line))
