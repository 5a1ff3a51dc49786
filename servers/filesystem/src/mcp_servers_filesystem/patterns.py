"""Patterns that somebody else wrote, on an engine that cannot be made to hang.

RE2 where it is installed: linear in the text. Elsewhere `regex` with a time limit.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from importlib import import_module
from typing import Any, Protocol

from mcp_servers_shared.errors import InvalidInput, LimitExceeded

MOST_CHARS = 1_000
_MEMORY = 8 << 20
_SECONDS = 0.2


class Finder(Protocol):
    """A compiled pattern over UTF-8 bytes."""

    def spans(self, data: bytes, start: int = 0) -> Iterator[tuple[int, int]]:
        """Where it matches from `start` on, in order."""
        ...


def compiled(pattern: str, *, literal: bool = False, ignore_case: bool = False) -> Finder:
    """The pattern ready to search. Raises InvalidInput (`bad_pattern`)."""
    if not pattern or len(pattern) > MOST_CHARS:
        raise _bad(f"a pattern has 1 to {MOST_CHARS:,} characters", "Search for less.")
    try:
        raw = pattern.encode()
    except UnicodeEncodeError:
        raise _bad("the pattern holds a lone surrogate", "Write ordinary text.") from None
    if literal and not ignore_case:
        return Literal(raw)
    return _compiled(raw, literal, ignore_case)


@lru_cache(maxsize=64)
def _compiled(raw: bytes, literal: bool, ignore_case: bool) -> Finder:
    re2 = engine()
    if re2 is None:
        return Timed(raw, literal, ignore_case)
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    options.literal = literal
    options.case_sensitive = not ignore_case
    try:
        # (?m): ^ and $ at lines, as grep has them.
        return Linear(re2.compile(raw if literal else b"(?m)" + raw, options=options))
    except re2.error as error:
        said = error.args[0] if error.args else b""
        reason = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        raise _bad(
            f"the pattern cannot be used: {reason[:200]}",
            "RE2 syntax: no look-around and no backreferences. Set literal for plain text.",
        ) from None


@cache
def engine() -> Any:
    """The module re2, None where it is not installed. It has no types."""
    try:
        return import_module("re2")
    except ImportError:
        return None


class Literal:
    """Plain text."""

    def __init__(self, needle: bytes) -> None:
        self._needle = needle

    def spans(self, data: bytes, start: int = 0) -> Iterator[tuple[int, int]]:
        """Where it stands."""
        at = data.find(self._needle, start)
        while at >= 0:
            yield at, at + len(self._needle)
            at = data.find(self._needle, at + len(self._needle))


class Linear:
    """RE2."""

    def __init__(self, pattern: Any) -> None:
        self._pattern = pattern

    def spans(self, data: bytes, start: int = 0) -> Iterator[tuple[int, int]]:
        """Where it matches."""
        while start <= len(data):
            match = self._pattern.search(data, start)
            if match is None:
                return
            first, end = match.span()
            yield first, end
            start = end if end > first else end + 1


class Timed:
    """`regex`, each search with a time limit."""

    def __init__(self, raw: bytes, literal: bool, ignore_case: bool) -> None:
        import regex

        flags = regex.MULTILINE | (regex.IGNORECASE if ignore_case else 0)
        text = regex.escape(raw) if literal else raw
        try:
            self._pattern = regex.compile(text, flags)
        except regex.error as error:
            raise _bad(f"the pattern cannot be used: {error}", "Set literal for plain text.") from None

    def spans(self, data: bytes, start: int = 0) -> Iterator[tuple[int, int]]:
        """Where it matches. Raises LimitExceeded (`pattern_too_slow`)."""
        while start <= len(data):
            try:
                match = self._pattern.search(data, start, timeout=_SECONDS)
            except TimeoutError:
                raise LimitExceeded(
                    "the pattern takes too long", code="pattern_too_slow", hint="Write it without nested repeats."
                ) from None
            if match is None:
                return
            yield match.span()
            start = match.end() if match.end() > match.start() else match.end() + 1


def names_matcher(expression: str, wild: int) -> Callable[[str], object]:
    """A test whether a whole name fits `expression`: by `re` where that is harmless, by RE2 where much in it is wild.

    Raises InvalidInput (`bad_pattern`).
    """
    if wild <= 2:
        return re.compile(expression, re.DOTALL).fullmatch
    re2 = engine()
    if re2 is None:
        import regex

        slow = regex.compile(expression, regex.DOTALL)
        return lambda name: slow.fullmatch(name, timeout=_SECONDS)
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    options.dot_nl = True
    try:
        linear = re2.compile(expression, options=options)
    except re2.error:
        raise _bad("the pattern is too complicated", "Use fewer wildcards.") from None
    # Names that are not UTF-8 hold lone surrogates, which RE2 does not take.
    return lambda name: linear.fullmatch(name.encode(errors="replace").decode())


def _bad(message: str, hint: str) -> InvalidInput:
    return InvalidInput(message, code="bad_pattern", hint=hint)
