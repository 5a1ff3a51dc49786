"""Patterns that somebody else wrote, on an engine that cannot be made to hang.

RE2 where it is installed: linear in the text. Elsewhere `regex` with a time limit.
"""

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib import import_module
from typing import Any, Protocol

from mcp_servers_shared.errors import InvalidInput, LimitExceeded

MOST_CHARS = 1_000
_MEMORY = 8 << 20
_SECONDS = 0.2


class Finder(Protocol):
    """A compiled pattern over bytes."""

    @property
    def size(self) -> int:
        """How large the compiled pattern is: some hundred for an ordinary one."""
        ...

    def first(self, data: bytes, start: int = 0, end: int | None = None) -> tuple[int, int] | None:
        """Where it matches first between `start` and `end`."""
        ...

    def spans(self, data: bytes, start: int = 0) -> Iterator[tuple[int, int]]:
        """Where it matches from `start` on, in order, no two overlapping."""
        ...

    def fits(self, data: bytes) -> bool:
        """Whether it matches all of `data`."""
        ...


def compiled(pattern: str, *, literal: bool = False, ignore_case: bool = False) -> Finder:
    """A user's pattern for lines of UTF-8 text: never across a line end, ^ and $ at each line.

    Raises InvalidInput (`bad_pattern`).
    """
    if not pattern or len(pattern) > MOST_CHARS:
        raise _bad(f"a pattern has 1 to {MOST_CHARS:,} characters", "Search for less.")
    if "\n" in pattern:
        raise _bad("a pattern cannot hold a line end", "Lines are searched one by one.")
    try:
        raw = pattern.encode()
    except UnicodeEncodeError:
        raise _bad("the pattern holds a lone surrogate", "Write ordinary text.") from None
    if literal and not ignore_case:
        return Literal(raw)
    return _lines(raw, literal, ignore_case)


@lru_cache(maxsize=64)
def _lines(raw: bytes, literal: bool, ignore_case: bool) -> Finder:
    re2 = engine()
    if re2 is None:
        text = re.escape(raw) if literal else raw
        return Timed(text, multiline=True, ignore_case=ignore_case)
    options = _options(re2)
    options.never_nl = True
    options.literal = literal
    options.case_sensitive = not ignore_case
    try:
        if literal:
            return Linear(re2.compile(raw, options=options))
        re2.compile(raw, options=options)
        # A $ stands before \r\n as well, as readers of such files expect.
        return Linear(re2.compile(b"(?m)" + _before_carriage_return(raw), options=options))
    except re2.error as error:
        said = error.args[0] if error.args else b""
        reason = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        raise _bad(
            f"the pattern cannot be used: {reason[:200]}",
            "RE2 syntax: no look-around and no backreferences. Set literal for plain text.",
        ) from None


def _before_carriage_return(raw: bytes) -> bytes:
    """`raw` with each $ that means the end of a line made to pass over a carriage return there."""
    if b"$" not in raw or b"\\Q" in raw:
        return raw
    parts, in_class, index = bytearray(), False, 0
    while index < len(raw):
        char = raw[index : index + 1]
        if char == b"\\":
            parts += raw[index : index + 2]
            index += 2
            continue
        if char == b"[" and not in_class:
            in_class = True
            # The first ] of a class is one of its characters, and so is the one after ^.
            skipped = re.match(rb"\[\^?\]?", raw[index:])
            char = skipped[0] if skipped else char
        elif char == b"[" and raw[index + 1 : index + 2] == b":" and (end := raw.find(b":]", index)) > 0:
            char = raw[index : end + 2]
        elif char == b"]":
            in_class = False
        parts += rb"(?:\r?$)" if char == b"$" and not in_class else char
        index += len(char)
    return bytes(parts)


@lru_cache(maxsize=1_024)
def expression(raw: bytes, *, utf8: bool) -> Finder:
    """An expression of this server's own making, from somebody's glob or ignore file.

    `utf8`: its characters are those of UTF-8, else bytes. Raises InvalidInput (`bad_pattern`) where it is too large.
    """
    re2 = engine()
    if re2 is None:
        return TimedText(raw) if utf8 else Timed(raw)
    options = _options(re2)
    options.dot_nl = True
    if not utf8:
        options.encoding = re2.Options.Encoding.LATIN1
    try:
        return Linear(re2.compile(raw, options=options))
    except re2.error:
        raise _bad("the pattern is too complicated", "Use fewer wildcards and shorter lists.") from None


@cache
def engine() -> Any:
    """The module re2, None where it is not installed. It has no types."""
    try:
        return import_module("re2")
    except ImportError:
        return None


def _options(re2: Any) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    options.never_capture = True
    return options


class Literal:
    """Plain text."""

    def __init__(self, needle: bytes) -> None:
        self._needle = needle

    size = 1

    def first(self, data: bytes, start: int = 0, end: int | None = None) -> tuple[int, int] | None:
        """Where it stands first."""
        at = data.find(self._needle, start, end)
        return None if at < 0 else (at, at + len(self._needle))

    def spans(self, data: bytes, start: int = 0) -> Iterator[tuple[int, int]]:
        """Where it stands."""
        at = data.find(self._needle, start)
        while at >= 0:
            yield at, at + len(self._needle)
            at = data.find(self._needle, at + len(self._needle))

    def fits(self, data: bytes) -> bool:
        """Whether it is all of `data`."""
        return data == self._needle


class Linear:
    """RE2."""

    def __init__(self, pattern: Any) -> None:
        self._pattern = pattern
        self.size = int(pattern.programsize)
        # The module's own `search` makes a generator and an object each time: for a short text most of its time.
        self._match: Any = getattr(getattr(pattern, "_regexp", None), "Match", None)
        anchors: Any = getattr(getattr(getattr(engine(), "_re2", None), "RE2", None), "Anchor", None)
        if anchors is None:
            self._match = None
        else:
            self._anywhere, self._whole = anchors.UNANCHORED, anchors.ANCHOR_BOTH

    def first(self, data: bytes, start: int = 0, end: int | None = None) -> tuple[int, int] | None:
        """Where it matches first."""
        if self._match is None:
            match = self._pattern.search(data, start, end)
            return match.span() if match else None
        size = len(data)
        start, end = min(start, size), size if end is None else min(end, size)
        if start > end:
            return None
        span: tuple[int, int] = self._match(self._anywhere, data, start, end)[0]
        return span if span[0] >= 0 else None

    def spans(self, data: bytes, start: int = 0) -> Iterator[tuple[int, int]]:
        """Where it matches."""
        for match in self._pattern.finditer(data, start):
            yield match.span()

    def fits(self, data: bytes) -> bool:
        """Whether it matches all of `data`."""
        if self._match is None:
            return self._pattern.fullmatch(data) is not None
        return self._match(self._whole, data, 0, len(data))[0][0] >= 0


class Timed:
    """`regex`, each search with a time limit. For what RE2 cannot do, and where it is missing."""

    def __init__(self, raw: bytes | str, *, multiline: bool = False, ignore_case: bool = False) -> None:
        import regex

        # In a user's pattern a dot stays within its line, in ours it stands for any character.
        flags = (regex.MULTILINE if multiline else regex.DOTALL) | (regex.IGNORECASE if ignore_case else 0)
        try:
            self._pattern: Any = regex.compile(raw, flags)  # pyright: ignore[reportArgumentType]
        except regex.error as error:
            raise _bad(f"the pattern cannot be used: {error}", "Set literal for plain text.") from None

    size = 1

    def first(self, data: bytes, start: int = 0, end: int | None = None) -> tuple[int, int] | None:
        """Where it matches first. Raises LimitExceeded (`pattern_too_slow`)."""
        try:
            match = self._pattern.search(data, start, len(data) if end is None else end, timeout=_SECONDS)
        except TimeoutError:
            raise _too_slow() from None
        return match.span() if match else None

    def spans(self, data: bytes, start: int = 0) -> Iterator[tuple[int, int]]:
        """Where it matches. Raises LimitExceeded (`pattern_too_slow`)."""
        while start <= len(data) and (span := self.first(data, start)) is not None:
            yield span
            start = span[1] if span[1] > span[0] else span[1] + 1

    def fits(self, data: bytes) -> bool:
        """Whether it matches all of `data`. Raises LimitExceeded (`pattern_too_slow`)."""
        try:
            return self._pattern.fullmatch(data, timeout=_SECONDS) is not None
        except TimeoutError:
            raise _too_slow() from None


class TimedText(Timed):
    """The same for an expression whose characters are those of UTF-8, over UTF-8."""

    def __init__(self, raw: bytes) -> None:
        super().__init__(raw.decode())

    def first(self, data: bytes, start: int = 0, end: int | None = None) -> tuple[int, int] | None:
        """Where it matches first, in bytes. Raises LimitExceeded (`pattern_too_slow`)."""
        text = data[start:end].decode(errors="replace")
        try:
            match = self._pattern.search(text, timeout=_SECONDS)
        except TimeoutError:
            raise _too_slow() from None
        if match is None:
            return None
        first = start + len(text[: match.start()].encode())
        return first, first + len(match[0].encode())

    def fits(self, data: bytes) -> bool:
        """Whether it matches all of `data`. Raises LimitExceeded (`pattern_too_slow`)."""
        try:
            return self._pattern.fullmatch(data.decode(errors="replace"), timeout=_SECONDS) is not None
        except TimeoutError:
            raise _too_slow() from None


def _too_slow() -> LimitExceeded:
    return LimitExceeded("the pattern takes too long", code="pattern_too_slow", hint="Write it without nested repeats.")


def _bad(message: str, hint: str) -> InvalidInput:
    return InvalidInput(message, code="bad_pattern", hint=hint)
