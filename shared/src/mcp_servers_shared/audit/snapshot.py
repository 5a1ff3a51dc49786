"""The files of a log and its head as they were at one moment, also while servers append and rotate."""

import contextlib
import os
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from mcp_servers_shared.audit.chain import MAX_LINE, Sealer, log_key, parse
from mcp_servers_shared.audit.descriptors import OPEN_FLAGS, try_lock, unlock, wait_for_lock
from mcp_servers_shared.audit.heads import LOCK_SECONDS, Head, HeadSeal, read_head
from mcp_servers_shared.audit.keys import head_path, known_ids
from mcp_servers_shared.audit.opening import FirstLine, first_line
from mcp_servers_shared.audit.rotation import rotated_numbers, rotated_path
from mcp_servers_shared.state import StateFolder

_SAMPLE_LINES = 5


class Part(NamedTuple):
    """One file of the log."""

    name: str
    number: int
    """0 for the current file, 1 for the one before, ..."""
    stream: BinaryIO
    size: int
    first: FirstLine


def log_files(path: Path) -> list[tuple[int, Path]]:
    """The files of the log at `path` that are there, the current one first. Raises OSError."""
    found: list[tuple[int, Path]] = [(0, path)] if os.path.isfile(path) else []
    with contextlib.suppress(FileNotFoundError):
        found += [(number, rotated_path(path, number)) for number in rotated_numbers(path)]
    return found


@contextmanager
def snapshot(path: Path, head_file: Path | None, seal: HeadSeal) -> Generator[tuple[list[Part], Head | None]]:
    """The files, the current one first, and the head, None where it is gone. Raises OSError, DamagedHead."""
    with ExitStack() as stack:
        with _writers_out(head_file):
            head = read_head(head_file, seal) if head_file else None
            parts: list[Part] = []
            for number, each in log_files(path):
                stream = stack.enter_context(open(each, "rb"))
                first = first_line(stream.readline(MAX_LINE))
                stream.seek(0)
                parts.append(Part(each.name, number, stream, os.fstat(stream.fileno()).st_size, first))
        yield parts, head


def find_id(path: Path, state: StateFolder, secret: bytes, indexed: str | None) -> str:
    """The log whose key fits the files at `path`; empty where none fits. Raises OSError.

    The first line names it. Where that was changed, any log that this state folder knows may be the one.
    """
    lines: list[bytes] = []
    stated: list[str] = []
    for _, each in log_files(path):
        # A writer may rotate meanwhile: the file is then met again under another name, or in the snapshot.
        with contextlib.suppress(FileNotFoundError), open(each, "rb") as stream:
            sample = [stream.readline(MAX_LINE) for _ in range(_SAMPLE_LINES)]
            lines += sample
            stated.append(first_line(sample[0]).id)
    candidates = dict.fromkeys([*filter(None, [*stated, indexed]), *known_ids(state)])
    parsed = [line for line in map(parse, lines) if line]
    for candidate in candidates:
        sealer = Sealer(log_key(secret, candidate))
        if any(sealer.fits(line) for line in parsed):
            return candidate
    heads = [name for name in filter(None, [indexed, *stated]) if head_path(state, name).is_file()]
    return heads[0] if heads else ""


@contextmanager
def _writers_out(head_file: Path | None) -> Generator[None]:
    try:
        descriptor = os.open(head_file or "", os.O_RDWR | OPEN_FLAGS)
    except OSError:
        # A copy, or a state folder that may only be read: nobody to wait for, or nothing to be done.
        yield
        return
    try:
        with contextlib.suppress(TimeoutError):
            try:
                try_lock(descriptor)
            except OSError as error:
                wait_for_lock(descriptor, error, LOCK_SECONDS)
        yield
    finally:
        with contextlib.suppress(OSError):
            unlock(descriptor)
        os.close(descriptor)
