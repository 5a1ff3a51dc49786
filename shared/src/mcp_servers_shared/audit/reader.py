"""Reading a log without checking it: for people who want to see what happened. `verify` says whether it is whole."""

import contextlib
import json
import os
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, cast

from mcp_servers_shared.audit.chain import MAX_LINE
from mcp_servers_shared.audit.recovery import pieces
from mcp_servers_shared.audit.snapshot import log_files

_BLOCK = 1 << 16


def iterate(path: Path, *, events: bool = False) -> Iterator[dict[str, Any]]:
    """Every record, the oldest first, rotated files included. Torn and unreadable lines are left out.

    `events` adds the lines in which the log speaks about itself. Raises OSError, FileNotFoundError for no log at all.
    """
    with ExitStack() as stack:
        for stream in reversed(_streams(path, stack)):
            size = os.fstat(stream.fileno()).st_size
            for raw, whole in pieces(stream, size):
                record = _record(raw, events) if whole else None
                if record is not None:
                    yield record


def tail(path: Path, n: int, *, events: bool = False) -> list[dict[str, Any]]:
    """The last `n` records, the oldest of them first, without reading what comes before. Raises OSError."""
    found: deque[dict[str, Any]] = deque()
    with ExitStack() as stack:
        for stream in _streams(path, stack):
            for raw in _lines_backwards(stream):
                if len(found) >= n:
                    return list(found)
                record = _record(raw, events)
                if record is not None:
                    found.appendleft(record)
    return list(found)


def _streams(path: Path, stack: ExitStack) -> list[BinaryIO]:
    """The files, the newest first. Opened together, so that a rotation meanwhile neither hides nor repeats one."""
    path = Path(os.path.realpath(path))
    opened: dict[tuple[int, int], BinaryIO] = {}
    for _, each in log_files(path):
        with contextlib.suppress(FileNotFoundError):
            stream = stack.enter_context(open(each, "rb"))  # noqa: SIM115
            status = os.fstat(stream.fileno())
            opened.setdefault((status.st_dev, status.st_ino), stream)
    if not opened:
        raise FileNotFoundError(f"there is no audit log at {path}")
    return list(opened.values())


def _record(raw: bytes, events: bool) -> dict[str, Any] | None:
    if len(raw) >= MAX_LINE:
        return None
    try:
        record: Any = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or ("log" in record and not events):
        return None
    return cast("dict[str, Any]", record)


def _lines_backwards(stream: BinaryIO) -> Iterator[bytes]:
    position = stream.seek(0, os.SEEK_END)
    rest = b""
    while position > 0:
        step = min(_BLOCK, position)
        position -= step
        stream.seek(position)
        rest = stream.read(step) + rest
        first, *lines = rest.split(b"\n")
        yield from reversed(lines)
        # A line longer than a record can be is none: keep a byte of it that no JSON holds.
        rest = first if len(first) < MAX_LINE else b"\xff"
    yield rest
