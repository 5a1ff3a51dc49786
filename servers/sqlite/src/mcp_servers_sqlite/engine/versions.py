"""Operation `version`: marks that differ when something was committed, and cost a few small reads.

`PRAGMA data_version` only compares within one connection, and every call here has its own. So the marks come from the
files, where SQLite itself looks: the change counter in rollback mode, the last committed frame of the log in WAL mode.

Closing a file drops this process's POSIX locks on it. That is harmless here because nothing of the call comes after it,
and is why these files are read in the worker and not in a process that has the database open elsewhere.
"""

import os
import sqlite3
import struct
from collections.abc import Mapping
from contextlib import closing, suppress
from typing import Any, BinaryIO

from mcp_servers_sqlite.engine.arguments import text

_WAL_HEADER = struct.Struct(">8I")
_FRAME_HEADER = struct.Struct(">6I")
_WAL_MAGIC = 0x377F0682
_IN_WAL_MODE = 2
# A rolled back transaction may have left so many frames behind the last commit; more are not walked back over.
_MOST_STEPS_BACK = 10_000


def version(conn: sqlite3.Connection, args: Mapping[str, Any]) -> dict[str, Any]:
    """Marks of the schema and of the data; equal marks mean that nothing was committed in between.

    In rollback mode they differ exactly when something was committed. In WAL mode a checkpoint that empties or removes
    the log changes the data mark once more, because the log's own numbers are gone then.

    Args:
        conn: the worker's connection, which knows its `path`; for any other one `args` holds it.

    Returns `{"schema": text, "data": text, "text": text}`. Raises OSError when the file is gone.
    """
    path = str(getattr(conn, "path", "")) or text(args, "path")
    with open(path, "rb") as file:
        # While this statement has a row left it holds a read lock, and no commit is half way through.
        with closing(conn.execute("PRAGMA schema_version")) as cursor:
            data = _data_mark(file, path)
            schema = int(cursor.fetchone()[0])
        identity = os.fstat(file.fileno()).st_ino
    marks = {"schema": f"{identity:x}.{schema}", "data": f"{identity:x}.{data}"}
    return {**marks, "text": f"schema {marks['schema']}, data {marks['data']}"}


def _data_mark(file: BinaryIO, path: str) -> str:
    header = file.read(28)
    if len(header) < 28:
        return "empty"
    counter = int.from_bytes(header[24:28], "big")
    if header[18] != _IN_WAL_MODE:
        return f"r{counter:x}"
    with suppress(FileNotFoundError), open(f"{path}-wal", "rb") as log:
        mark = _log_mark(log)
        if mark:
            return mark
    status = os.fstat(file.fileno())
    return f"m{counter:x}.{status.st_size:x}.{status.st_mtime_ns:x}"


def _log_mark(log: BinaryIO) -> str:
    """The salts of a write-ahead log and the number and checksum of its last committed frame; empty without one."""
    header = log.read(_WAL_HEADER.size)
    if len(header) < _WAL_HEADER.size:
        return ""
    magic, _, page_size, _, *salts = _WAL_HEADER.unpack(header)[:6]
    if magic & ~1 != _WAL_MAGIC:
        return ""
    frame_size = _FRAME_HEADER.size + page_size
    low, high = 0, (os.fstat(log.fileno()).st_size - _WAL_HEADER.size) // frame_size + 1
    # Frames of this log come first, those of an older one that it overwrites after them: look for the border.
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _frame(log, middle, frame_size)[2:4] == tuple(salts) else (low, middle)
    for number in range(low, max(0, low - _MOST_STEPS_BACK), -1):
        frame = _frame(log, number, frame_size)
        if frame[1]:
            return f"w{salts[0]:x}.{salts[1]:x}.{number:x}.{frame[4]:x}{frame[5]:08x}"
    return ""


def _frame(log: BinaryIO, number: int, frame_size: int) -> tuple[int, ...]:
    """Page, database size when it commits (else 0), two salts, two checksums of frame 1, 2, ..."""
    log.seek(_WAL_HEADER.size + (number - 1) * frame_size)
    raw = log.read(_FRAME_HEADER.size)
    return _FRAME_HEADER.unpack(raw) if len(raw) == _FRAME_HEADER.size else (0,) * 6
