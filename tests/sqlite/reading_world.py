"""The `query` operation in this process, on the hardened connection, and small databases to ask."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mcp_servers_sqlite.engine.connection import Deadline, open_read_only
from mcp_servers_sqlite.engine.reading import query
from mcp_servers_sqlite.engine.settings import Settings

SETTINGS = Settings(heap_bytes=2**33)


def ask(path: Path, sql: str, **args: Any) -> dict[str, Any]:
    """One page of an answer, as a worker makes it. The heap limit of a process is left alone here."""
    connection = open_read_only(str(path), SETTINGS, deadline=Deadline(60))
    try:
        return query(connection, {"sql": sql, **args})
    finally:
        connection.close()


def walk(path: Path, sql: str, **args: Any) -> tuple[list[list[Any]], list[dict[str, Any]]]:
    """All rows of a statement page by page, and the pages' `next`."""
    rows: list[list[Any]] = []
    following: list[dict[str, Any]] = []
    reply = ask(path, sql, **args)
    rows += [list(row) for row in reply["rows"]]
    while reply["next"] is not None:
        following.append(reply["next"])
        reply = ask(path, sql, **args, **reply["next"])
        rows += [list(row) for row in reply["rows"]]
    return rows, following


def make(path: Path, script: str, rows: Iterable[tuple[str, Iterable[tuple[Any, ...]]]] = ()) -> Path:
    """A database that ran `script` and then the inserts."""
    connection = sqlite3.connect(path)
    connection.executescript(script)
    for sql, values in rows:
        connection.executemany(sql, values)
    connection.commit()
    connection.close()
    return path
