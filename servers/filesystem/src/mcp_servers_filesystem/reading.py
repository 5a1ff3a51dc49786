"""Text of a file: whole, its first or last lines, a range of lines, or the page that a cursor continues."""

import math
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mcp_servers_filesystem.deadlines import Deadline
from mcp_servers_filesystem.decoding import Source, clean, source_of
from mcp_servers_filesystem.etags import etag_of
from mcp_servers_filesystem.fitting import MOST_COST, Cost, at_line_end, fitting
from mcp_servers_filesystem.pages import Page
from mcp_servers_filesystem.space import Opened, Space
from mcp_servers_shared.errors import InvalidInput

_CHUNK = 1 << 20
_COUNTED_BYTES = 4 << 20
_AT_ONCE_BYTES = 32 * 1024


@dataclass(frozen=True)
class Wanted:
    """Which part of a text, by which words. Everything None: all of it."""

    head: float | None = None
    tail: float | None = None
    offset: int | None = None
    limit: int | None = None
    numbers: bool = False
    encoding: str | None = None
    etag: str | None = None
    going_on: dict[str, Any] = field(default_factory=dict[str, Any])
    """What a cursor holds: position, lines left, number of the next line."""


@dataclass(frozen=True)
class Window:
    """Where to read from, in bytes; how many lines at most; and the number of the first one."""

    start: int
    lines: int | None = None
    number: int | None = None
    joined: bool = False
    """Without the last line's end, as the official server's head."""
    plain_ends: bool = False
    """With CR LF as LF, as the official server's tail."""


def read_text(
    deadline: Deadline, space: Space, path: str, wanted: Wanted, cost: Cost, room: int, most_bytes: int
) -> Page:
    """The page of `path` that `wanted` asks for, at most `room` by `cost`.

    Raises what Space.file raises, PathRefused (`binary`), InvalidInput for arguments that exclude each other.
    """
    _consistent(wanted)
    with space.file(path) as found:
        return _read(deadline, found, wanted, cost, room, most_bytes)


def read_at_once(
    deadline: Deadline, space: Space, path: str, wanted: Wanted, cost: Cost, room: int, most_bytes: int
) -> Page | None:
    """As `read_text`, for a small file that the system holds in memory; None for any other. It waits for nothing."""
    _consistent(wanted)
    found = space.file_at_once(path)
    if found is None:
        return None
    with found:
        if found.stat.st_size > _AT_ONCE_BYTES or not _in_memory(found):
            return None
        return _read(deadline, found, wanted, cost, room, most_bytes)


def _in_memory(found: Opened) -> bool:
    """Whether reading the whole of it needs no disk."""
    if sys.platform != "linux":
        return False
    try:
        buffer = bytearray(found.stat.st_size)
        return os.preadv(found.fd, [buffer], 0, os.RWF_NOWAIT) == len(buffer)
    except OSError:
        return False


def _read(deadline: Deadline, found: Opened, wanted: Wanted, cost: Cost, room: int, most_bytes: int) -> Page:
    etag = etag_of(found.stat)
    if wanted.etag == etag:
        return Page("", {"not_modified": True, "etag": etag}, [f"Not modified since etag {etag}."])
    source = source_of(found, wanted.encoding, most_bytes)
    window = _window(deadline, source, wanted)
    return _page(source, window, wanted, cost, room, found, etag)


def _consistent(wanted: Wanted) -> None:
    if wanted.head and wanted.tail:
        raise InvalidInput(
            "Cannot specify both head and tail parameters simultaneously",
            code="invalid_arguments",
            hint="Give one of them, or offset and limit for lines in the middle.",
        )
    if (wanted.head or wanted.tail) and (wanted.offset or wanted.limit):
        raise InvalidInput(
            "offset and limit do not go with head and tail", code="invalid_arguments", hint="Give one pair of them."
        )


def _window(deadline: Deadline, source: Source, wanted: Wanted) -> Window:
    if going := wanted.going_on:
        return Window(going["at"], going.get("left"), going.get("line"), joined=bool(wanted.head))
    if wanted.head:
        return Window(0, max(0, min(math.ceil(wanted.head), source.size)), 1, joined=True)
    if wanted.tail:
        return Window(_tail_start(deadline, source, max(0, int(wanted.tail))), None, None, plain_ends=True)
    if wanted.offset is None and wanted.limit is None:
        return Window(0, None, 1)
    first = min(wanted.offset or 1, source.size + 1)
    # No file has more lines than bytes, and a cursor has no room for larger numbers.
    lines = None if wanted.limit is None else min(wanted.limit, source.size)
    return Window(_line_start(deadline, source, first), lines, first)


def _line_start(deadline: Deadline, source: Source, line: int) -> int:
    """Where line `line` (from 1) begins; the end where there are fewer."""
    left = line - 1
    position = 0
    while left > 0 and (chunk := source.read(position, _CHUNK)):
        deadline.check()
        ends = chunk.count(b"\n")
        if ends < left:
            left -= ends
            position += len(chunk)
            continue
        at = -1
        for _ in range(left):
            at = chunk.index(b"\n", at + 1)
        return position + at + 1
    return source.size if left > 0 else 0


def _tail_start(deadline: Deadline, source: Source, lines: int) -> int:
    """Where the last `lines` lines begin. A line end at the end of the file begins no line."""
    if lines == 0 or source.size == 0:
        return source.size
    end = source.size
    if source.read(end - 1, 1) == b"\n":
        end -= 1
    for position, chunk in _chunks_backwards(source, end):
        deadline.check()
        ends = chunk.count(b"\n")
        if ends < lines:
            lines -= ends
            continue
        at = len(chunk)
        for _ in range(lines):
            at = chunk.rindex(b"\n", 0, at)
        return position + at + 1
    return 0


def _chunks_backwards(source: Source, end: int) -> Iterator[tuple[int, bytes]]:
    size = 4096
    while end > 0:
        start = max(0, end - size)
        yield start, source.read(start, end - start)
        end, size = start, _CHUNK


def _page(source: Source, window: Window, wanted: Wanted, cost: Cost, room: int, found: Opened, etag: str) -> Page:
    raw = source.read(window.start, room * 4 + 8)
    at_end = window.start + len(raw) >= source.size
    text = source.text(raw)
    if not at_end:
        # The last character may have been cut in the middle of its bytes.
        text = text[:-4]
    text, complete = _first_lines(text, window.lines)
    kept = _fitting(text, wanted, window, cost, room)
    if kept < len(text):
        text, complete = text[: at_line_end(text, kept)], False
    after = window.start + source.length(text)
    more = not complete and after < source.size
    fields: dict[str, Any] = {"etag": etag, "size": found.stat.st_size}
    if source.named != "utf-8":
        fields["encoding"] = source.named
    if b"\r\n" in raw[:4096]:
        fields["eol"] = "crlf"
    following = _following(window, text, after) if more else None
    body = _as_shown(text, wanted, window)
    if window.joined and not more:
        body = body.removesuffix("\n")
    if window.plain_ends:
        body = body.replace("\r\n", "\n")
    return Page(body, fields, _notices(source, window, text, after, more), following)


def _fitting(text: str, wanted: Wanted, window: Window, cost: Cost, room: int) -> int:
    if not wanted.numbers and len(text) * MOST_COST < room:
        return len(text)
    return fitting(text[:room], lambda part: cost(_as_shown(part, wanted, window)), room)


def _as_shown(text: str, wanted: Wanted, window: Window) -> str:
    shown = clean(text)
    return numbered(shown, window.number or 1) if wanted.numbers else shown


def _first_lines(text: str, lines: int | None) -> tuple[str, bool]:
    """The first `lines` lines, and whether that many were there."""
    if lines is None:
        return text, False
    at = 0
    for _ in range(lines):
        end = text.find("\n", at)
        if end < 0:
            return text, False
        at = end + 1
    return text[:at], True


def numbered(text: str, first: int) -> str:
    """Each line with its number and a tab before it."""
    if not text:
        return text
    ends = text.endswith("\n")
    lines = text.removesuffix("\n").split("\n")
    return "\n".join(f"{first + index}\t{line}" for index, line in enumerate(lines)) + ("\n" if ends else "")


def _following(window: Window, text: str, after: int) -> dict[str, Any]:
    ends = text.count("\n")
    following: dict[str, Any] = {"at": after}
    if window.lines is not None:
        following["left"] = window.lines - ends
    if window.number is not None:
        following["line"] = window.number + ends
    return following


def _notices(source: Source, window: Window, text: str, after: int, more: bool) -> list[str]:
    notices: list[str] = []
    if more:
        lines = ""
        if window.number is not None:
            last = window.number + text.count("\n") - text.endswith("\n")
            total = f" of {_lines(source):,}" if source.size <= _COUNTED_BYTES else ""
            lines = f"lines {window.number:,}-{last:,}{total}, "
        notices.append(f"Cut: {lines}bytes {window.start:,}-{after:,} of {source.size:,} are shown.")
    if source.named not in ("utf-8", "ascii"):
        notices.append(f"Decoded from {source.named}.")
    elif clean(text) is not text and clean(text) != text:
        notices.append("Bytes that are not UTF-8 are shown as U+FFFD.")
    return notices


def _lines(source: Source) -> int:
    raw = source.read(0, source.size)
    return raw.count(b"\n") + (not raw.endswith(b"\n") and bool(raw))
