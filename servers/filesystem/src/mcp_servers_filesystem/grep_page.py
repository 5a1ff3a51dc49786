"""A page of matching lines, filled while there is room. Text and data hold the same."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from mcp_servers_filesystem.deadlines import Deadline
from mcp_servers_filesystem.names import shown
from mcp_servers_filesystem.patterns import Finder
from mcp_servers_filesystem.texts import Window

Mode = Literal["content", "files", "count"]

_LINE_BYTES = 300
_ENTRY = 30
_SLICE = 1 << 20
_SMALL_SLICE = 1 << 16
_LARGE = 400


@dataclass
class Hits:
    """What was found."""

    lines: list[str] = field(default_factory=list[str])
    data: list[Any] = field(default_factory=list[Any])
    matches: int = 0
    """Matching lines on this page, also those of files that are only counted."""
    files: int = 0
    searched: int = 0
    notices: list[str] = field(default_factory=list[str])
    following: dict[str, Any] | None = None


class GrepPage:
    """Takes windows of files until the limit or the room is used up.

    Args:
        mode: what is shown of a file.
        limit: matching lines, or files in the other modes.
        context: lines around a match.
        price: characters a line takes in all channels.
        room: characters there are.
    """

    prefix = ""
    """What stands before a relative path."""

    def __init__(self, mode: Mode, limit: int, context: int, price: Callable[[str], int], room: int) -> None:
        self._mode, self._limit, self._context, self._price = mode, limit, context, price
        self._left = room
        self.hits = Hits()
        self.done = 0
        """Files that no later page need look at."""
        self.progress: dict[str, Any] | None = None
        self._path = self._last = self._mark = ""
        self._count = self._line = self._passed = 0
        self._shown: list[str] | None = None
        self._shown_to = 0

    def searching(self, finder: Finder, deadline: Deadline) -> None:
        """With this pattern."""
        self._finder, self._deadline = finder, deadline
        self._slice = _SLICE if finder.size < _LARGE else _SMALL_SLICE

    def begin(self, path: str, mark: str, *, passed: int = 0, line: int = 0) -> None:
        """A file. `passed`: lines that an earlier page is done with; `line`: those before the first window."""
        self._path, self._mark, self._passed, self._line = path, mark, passed, line
        self._count, self._shown, self._shown_to = 0, None, passed
        self.progress = None
        self.hits.searched += 1

    def first(self, data: bytes) -> tuple[int, int] | None:
        """The first match in a small text."""
        return self._next(data, 0)

    def pass_over(self, path: str) -> None:
        """A file in which nothing matches."""
        self.hits.searched += 1
        self.done += 1
        self._last = path

    def take(self, window: Window, span: tuple[int, int] | None = None) -> bool:
        """False where the page is full. `span`: the first match, where it is known."""
        data = window.data
        if self._mode == "files" and self._count:
            return True
        span = span or self._next(data, 0)
        if span is not None:
            if self._mode == "content":
                if not self._content(window, span):
                    return False
            else:
                self._counted(data, span)
        if self._mode == "content" and not window.last:
            if span is None:
                self._line += data.count(b"\n")
            self.progress = {"file": self._path, "line": self._line, "offset": window.end, "mark": self._mark}
        return True

    def end(self) -> bool:
        """The file is done. False where the page is full."""
        self.progress = None
        if self._mode != "content" and self._count:
            label = self._label()
            line = label if self._mode == "files" else f"{label}:{self._count}"
            if len(self.hits.data) == self._limit or not self._pays(self._price(line) + _ENTRY):
                self.hits.following = {"after": self._last}
                return False
            self.hits.lines.append(line)
            self.hits.data.append(label if self._mode == "files" else {"path": label, "count": self._count})
            self.hits.matches += self._count
            self.hits.files += 1
        self._last = self._path
        self.done += 1
        return True

    def give_up(self) -> str:
        """The file takes longer than a call may. Its path, to go on behind it."""
        self.hits.notices.append(f"Too large to search in the time a call has: {self._label()}")
        self.done += 1
        return self._path

    def _label(self) -> str:
        return self.prefix + shown(os.fsencode(self._path))

    def _next(self, data: bytes, at: int) -> tuple[int, int] | None:
        """The first match from `at`, the start of a line, on. In slices, so that a caller who leaves is noticed."""
        first, size = self._finder.first, len(data)
        while at < size:
            end = data.find(b"\n", at + self._slice) if at + self._slice < size else -1
            if end < 0:
                end = size - data.endswith(b"\n")
            span = first(data, at, end)
            if span is not None or end >= size - 1:
                return span
            self._deadline.check()
            at = end + 1
        return None

    def _counted(self, data: bytes, span: tuple[int, int] | None) -> None:
        while span is not None:
            self._count += 1
            end = data.find(b"\n", span[0])
            span = self._next(data, end + 1) if end >= 0 and self._mode == "count" else None

    def _content(self, window: Window, span: tuple[int, int] | None) -> bool:
        data = window.data
        at, number = 0, self._line
        while span is not None:
            number += data.count(b"\n", at, span[0])
            start = data.rfind(b"\n", at, span[0]) + 1 or at
            end = data.find(b"\n", span[0])
            end = len(data) if end < 0 else end
            if number >= self._passed and not self._show(data, number, (start, end), span[0]):
                offset = window.offset + start if window.offset >= 0 else 0
                self.hits.following = {"file": self._path, "line": number, "offset": offset, "mark": self._mark}
                return False
            at, number = end + 1, number + 1
            span = self._next(data, at)
        self._line = number + data.count(b"\n", at)
        return True

    def _show(self, data: bytes, number: int, line: tuple[int, int], at: int) -> bool:
        """Takes a matching line with its context. False where there is no room."""
        if self.hits.matches == self._limit:
            return False
        lines = self._before(data, number, line[0]) if self._context else []
        lines.append(f"{number + 1}:{clipped(data, line, at)}")
        after = self._after(data, number, line[1]) if self._context else []
        price = sum(map(self._price, lines)) + sum(map(self._price, after))
        label = self._label() if self._shown is None else ""
        price += self._price(label) + _ENTRY if label else 0
        if not self._pays(price):
            return False
        if self._shown is None:
            self._shown = []
            self.hits.lines.append(label)
            self.hits.data.append({"path": label, "lines": self._shown})
            self.hits.files += 1
        self.hits.lines += [*lines, *after]
        self._shown += [*lines, *after]
        self._shown_to = number + 1 + len(after)
        self.hits.matches += 1
        return True

    def _pays(self, price: int) -> bool:
        """Whether that much fits. The first thing on a page always does."""
        if price > self._left and self.hits.lines:
            return False
        self._left -= price
        return True

    def _before(self, data: bytes, number: int, start: int) -> list[str]:
        lines: list[str] = []
        for back in range(1, self._context + 1):
            if start == 0 or number - back < self._shown_to:
                break
            end = start - 1
            start = data.rfind(b"\n", 0, end) + 1
            lines.append(f"{number - back + 1}-{clipped(data, (start, end), start)}")
        return lines[::-1]

    def _after(self, data: bytes, number: int, end: int) -> list[str]:
        """The lines behind it, up to one that matches itself."""
        lines: list[str] = []
        for ahead in range(1, self._context + 1):
            start = end + 1
            if start >= len(data):
                break
            end = data.find(b"\n", start)
            end = len(data) if end < 0 else end
            if self._finder.first(data, start, end) is not None:
                break
            lines.append(f"{number + ahead + 1}-{clipped(data, (start, end), start)}")
        return lines


def clipped(data: bytes, line: tuple[int, int], at: int) -> str:
    """A line for a reader: of a long one the part around byte `at`."""
    start, end = line
    if end > start and data[end - 1] == 0x0D:
        end -= 1
    if end - start <= _LINE_BYTES:
        return data[start:end].decode(errors="replace")
    first = max(start, min(at - _LINE_BYTES // 3, end - _LINE_BYTES))
    last = min(first + _LINE_BYTES, end)
    # Not within a character.
    while first > start and first < last and data[first] & 0xC0 == 0x80:
        first += 1
    while last < end and last > first and data[last] & 0xC0 == 0x80:
        last -= 1
    part = data[first:last].decode(errors="replace")
    return f"{'...' if first > start else ''}{part}{'...' if last < end else ''} ({end - start:,} bytes)"
