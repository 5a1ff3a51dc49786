"""A mark of the schema and one of the data, to tell whether another program changed a database."""

import os
from collections.abc import Mapping
from typing import Any

from mcp_servers_sqlite.engine.connection import GuardedConnection

# sqlite.org/fileformat2.html: the file change counter, and in the wal-index the change counter and the last frame.
_FILE_COUNTER = slice(24, 28)
_WAL_COUNTERS = slice(8, 24)


def version(connection: GuardedConnection, args: Mapping[str, Any]) -> dict[str, Any]:
    """`{schema, data}`; both stay equal while nothing changes.

    Not `PRAGMA data_version`: that compares within one connection, and every call has its own.
    """
    schema = int(connection.execute("PRAGMA schema_version").fetchone()[0])
    marks = [_read(connection.path, _FILE_COUNTER), _read(f"{connection.path}-shm", _WAL_COUNTERS)]
    marks += [str(_size(connection.path + ending)) for ending in ("", "-wal")]
    return {"schema": schema, "data": "-".join(marks)}


def _read(path: str, part: slice) -> str:
    try:
        with open(path, "rb") as file:
            return file.read(part.stop)[part].hex()
    except OSError:
        return ""


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
