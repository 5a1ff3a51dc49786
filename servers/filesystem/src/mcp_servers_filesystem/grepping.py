"""Lines that a pattern matches, in many files: opened beneath open directories, searched as bytes."""

import codecs
import os
import stat
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from mcp_servers_filesystem.above import rules_above
from mcp_servers_filesystem.deadlines import Deadline
from mcp_servers_filesystem.fitting import Cost
from mcp_servers_filesystem.globs import Matcher, matcher
from mcp_servers_filesystem.kinds import endings_of
from mcp_servers_filesystem.names import shown
from mcp_servers_filesystem.patterns import Finder, compiled
from mcp_servers_filesystem.space import Opened, Space
from mcp_servers_filesystem.walking import Walk
from mcp_servers_shared.errors import LimitExceeded

Mode = Literal["content", "files", "count"]

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NOCTTY", 0)
_SAMPLE = 8_192
_LINE_CHARS = 300
_PAIRED = 2
_MANY = 100_000


@dataclass(frozen=True)
class Grep:
    """What is looked for."""

    pattern: str
    path: str
    literal: bool = False
    ignore_case: bool = False
    glob: str | None = None
    type: str | None = None
    context: int = 0
    mode: Mode = "content"
    gitignore: bool = True


@dataclass
class Hits:
    """A page of what was found."""

    lines: list[str] = field(default_factory=list[str])
    data: list[Any] = field(default_factory=list[Any])
    matches: int = 0
    files: int = 0
    searched: int = 0
    too_large: list[str] = field(default_factory=list[str])
    notices: list[str] = field(default_factory=list[str])
    following: dict[str, Any] | None = None
    spent: int = 0


@dataclass(frozen=True)
class _File:
    """A file's text in UTF-8 and how it is called."""

    path: str
    label: str
    data: bytes


def grep(
    deadline: Deadline,
    space: Space,
    wanted: Grep,
    limit: int,
    going_on: dict[str, Any],
    cost: Cost,
    room: int,
    most_bytes: int,
) -> Hits:
    """A page of matches. `limit` counts matches, or files in the modes that list files."""
    finder = compiled(wanted.pattern, literal=wanted.literal, ignore_case=wanted.ignore_case)
    hits = Hits()
    page = _Page(wanted, hits, limit, cost, room)
    with space.either(wanted.path) as base:
        last = ""
        try:
            for one in _files(deadline, space, base, wanted, going_on, hits, most_bytes):
                start = going_on.get("line", 0) if one.path == going_on.get("file") else 0
                hits.searched += 1
                if not page.add(one, finder, start):
                    return hits
                last = one.path
        except LimitExceeded as error:
            if error.code != "timeout" or deadline.stopped:
                raise
            hits.notices.append(f"Stopped after {deadline.seconds:g} s: the tree was not searched to its end.")
            hits.following = {"after": last} if last else None
    return hits


def _files(
    deadline: Deadline, space: Space, base: Opened, wanted: Grep, going_on: dict[str, Any], hits: Hits, most: int
) -> Iterator[_File]:
    """The texts to search, in the walk's order, from where `going_on` says."""
    full = shown(base.full)
    if not base.is_directory:
        if (data := _text(os.pread(base.fd, base.stat.st_size, 0))) is not None:
            yield _File("", full, data)
        return
    covers = _covering(wanted)
    walk = Walk(deadline, base.fd, gitignore=wanted.gitignore, after=going_on.get("after", ""))
    if wanted.gitignore:
        walk.ignoring(rules_above(space, base))
    prefix, above = full.rstrip("/") + "/", base.real
    deny = space.deny.reading
    if (again := going_on.get("file")) and (found := _reopened(space, prefix, again, most)) is not None:
        yield _File(again, prefix + shown(os.fsencode(again)), found)
    for step in walk:
        if step.kind != "f" or not covers(step.path, step.name):
            continue
        if deny((*above.parts, *os.fsencode(step.path).split(b"/"))):
            continue
        raw = _read(step.directory, step.name, most, space.max_nlink)
        if raw is None:
            hits.too_large.append(prefix + shown(os.fsencode(step.path)))
        elif raw and (data := _text(raw)) is not None:
            yield _File(step.path, prefix + shown(os.fsencode(step.path)), data)
    hits.notices += walk.notices()


def _reopened(space: Space, prefix: str, path: str, most: int) -> bytes | None:
    with space.file(prefix + shown(os.fsencode(path))) as found:
        return _text(os.pread(found.fd, min(found.stat.st_size, most), 0))


def _covering(wanted: Grep) -> Any:
    """A test by glob and type. A glob without a slash is for names, as ripgrep has it."""
    glob: Matcher | None = matcher(wanted.glob) if wanted.glob else None
    on_name = wanted.glob is not None and "/" not in wanted.glob
    endings = endings_of(wanted.type) if wanted.type else ()

    def covers(path: str, name: str) -> bool:
        if endings and not name.endswith(endings):
            return False
        return glob is None or bool(glob(name if on_name else path))

    return covers


def _read(directory: int, name: str, most: int, max_nlink: int) -> bytes | None:
    """What a regular file holds: None when it is too large, nothing when it cannot be read."""
    try:
        descriptor = os.open(name, _FLAGS, dir_fd=directory)
    except OSError:
        return b""
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode) or 0 < max_nlink < facts.st_nlink:
            return b""
        return os.read(descriptor, facts.st_size) if facts.st_size <= most else None
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def _text(raw: bytes) -> bytes | None:
    """The bytes in UTF-8; None for what is no text."""
    for mark, name in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if raw.startswith(mark):
            return raw[2:].decode(name, "replace").encode(errors="replace")
    return None if raw.find(b"\0", 0, _SAMPLE) >= 0 else raw


class _Page:
    """Takes files until the limit or the room is used up."""

    def __init__(self, wanted: Grep, hits: Hits, limit: int, cost: Cost, room: int) -> None:
        self._wanted, self._hits, self._limit = wanted, hits, limit
        self._cost, self._room = cost, room

    def add(self, one: _File, finder: Finder, start: int) -> bool:
        """False when the page is full; then `hits.following` says where to go on."""
        spans = finder.spans(one.data, start)
        first = next(spans, None)
        if first is None:
            return True
        if self._wanted.mode == "content":
            return self._content(one, first, spans)
        count = 1
        if self._wanted.mode == "count":
            count = 1 + sum(1 for _ in spans)
        line = f"{one.label}: {count}" if self._wanted.mode == "count" else one.label
        entry: Any = {"path": one.label, "count": count} if self._wanted.mode == "count" else one.label
        if self._hits.files == self._limit or not self._take([line], entry):
            self._hits.following = {"after": self._before(one)}
            return False
        self._hits.matches += count
        self._last = one.path
        return True

    _last = ""

    def _before(self, one: _File) -> str:
        return self._last

    def _take(self, lines: Sequence[str], entry: Any) -> bool:
        price = sum(map(self._cost, lines)) + len(repr(entry))
        if self._hits.spent + price > self._room and self._hits.lines:
            return False
        self._hits.spent += price
        self._hits.lines += lines
        self._hits.data.append(entry)
        self._hits.files += 1
        return True

    def _content(self, one: _File, first: tuple[int, int], spans: Iterator[tuple[int, int]]) -> bool:
        lines = _Lines(one.data)
        entry: dict[str, Any] = {"path": one.label, "matches": []}
        shown_lines: list[str] = [one.label]
        self._last = one.path
        spent, previous, done = self._cost(one.label) * _PAIRED + 30, -1, True
        span: tuple[int, int] | None = first
        while span is not None:
            number = lines.number(span[0])
            if number != previous:
                block = _block(lines, number, previous, span, self._wanted.context)
                match = [number + 1, block[0]]
                price = sum(self._cost(text) for text in block[1]) + self._cost(block[0]) // _PAIRED + 20
                full = self._hits.matches == self._limit
                if full or (self._hits.spent + spent + price > self._room and (self._hits.lines or entry["matches"])):
                    self._hits.following = {"after": one.path, "file": one.path, "line": lines.start(number)}
                    done = False
                    break
                spent += price
                shown_lines += block[1]
                entry["matches"].append(match)
                self._hits.matches += 1
                previous = number
            span = next(spans, None)
        if entry["matches"]:
            self._hits.lines += shown_lines
            self._hits.data.append(entry)
            self._hits.files += 1
            self._hits.spent += spent
        return done


class _Lines:
    """Where the lines of a text are, found as far as they are asked for."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._starts = [0]

    def number(self, position: int) -> int:
        """The line, from 0, that holds a position."""
        while self._starts[-1] <= position:
            end = self._data.find(b"\n", self._starts[-1])
            if end < 0:
                break
            self._starts.append(end + 1)
        return bisect_right(self._starts, position) - 1

    def start(self, number: int) -> int:
        """Where line `number` begins."""
        return self._starts[number]

    def text(self, number: int) -> bytes | None:
        """Line `number` without its end; None beyond the text."""
        if number < 0:
            return None
        while len(self._starts) <= number:
            end = self._data.find(b"\n", self._starts[-1])
            if end < 0 or end + 1 >= len(self._data):
                return None
            self._starts.append(end + 1)
        start = self._starts[number]
        if start >= len(self._data) and number > 0:
            return None
        end = self._data.find(b"\n", start)
        return self._data[start : end if end >= 0 else len(self._data)].removesuffix(b"\r")


def _block(lines: _Lines, number: int, previous: int, span: tuple[int, int], context: int) -> tuple[str, list[str]]:
    """The matching line, and it with its context as numbered lines; those shown with the match before are not again."""
    text = _clipped(lines.text(number) or b"", span[0] - lines.start(number))
    shown_lines: list[str] = []
    for at in range(max(0, number - context, previous + 1), number):
        shown_lines.append(f"{at + 1}-{_clipped(lines.text(at) or b'', 0)}")
    shown_lines.append(f"{number + 1}:{text}")
    for at in range(number + 1, number + context + 1):
        after = lines.text(at)
        if after is not None:
            shown_lines.append(f"{at + 1}-{_clipped(after, 0)}")
    return text, shown_lines


def _clipped(line: bytes, at: int) -> str:
    """A line for a reader: of a long one the part around byte `at`."""
    if len(line) <= _LINE_CHARS:
        return line.decode(errors="replace")
    start = max(0, min(at - _LINE_CHARS // 3, len(line) - _LINE_CHARS))
    part = line[start : start + _LINE_CHARS].decode(errors="ignore")
    return f"{'...' if start else ''}{part}{'...' if start + _LINE_CHARS < len(line) else ''} ({len(line):,} bytes)"
