"""Where SQLite sorts: in memory, and for large sorts in files on a memory file system, which is up to twice as fast.

Without temporary files SQLite sorts one long linked list; with them it sorts chunks that fit the processor's cache. The
files are unlinked as soon as they are made, at most a few of limited size, and a sort that outgrows them starts again
in plain memory. Nothing is ever written to a disk.
"""

import os
import sqlite3

from mcp_servers_sqlite.engine import settings as layer
from mcp_servers_sqlite.engine.connection import GuardedConnection
from mcp_servers_sqlite.engine.paging import Params
from mcp_servers_sqlite.engine.sort_folder import FOLDER, VARIABLE

_GROUPS = "USE TEMP B-TREE FOR GROUP BY"
_SORTS = ("USE TEMP B-TREE FOR ORDER BY", "USE TEMP B-TREE FOR RIGHT PART OF ORDER BY", "USE TEMP B-TREE FOR LAST")
_OVERFLOW = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN})


def use_files_if_sorting(connection: GuardedConnection, sql: str, params: Params, *, limited: bool) -> None:
    """Lets this statement sort in files when its plan says that it sorts.

    With a LIMIT of the caller's (`limited`) SQLite keeps an ordered tree instead, and a tree in files is slow.
    """
    if os.environ.get(VARIABLE) != FOLDER or not connection.layers >= {layer.TEMP_MEMORY, layer.RLIMITS}:
        return
    try:
        plan = connection.execute(f"EXPLAIN QUERY PLAN {sql}", params).fetchall()
    except sqlite3.Error:
        return
    sorts = (_GROUPS,) if limited else (_GROUPS, *_SORTS)
    if any(str(row[3]).startswith(sorts) for row in plan):
        _store(connection, "FILE")


def recovered(connection: GuardedConnection, error: sqlite3.OperationalError) -> bool:
    """Whether the statement failed for want of room in files; it may then be run again, in plain memory."""
    if not connection.sorts_in_files or getattr(error, "sqlite_errorcode", 0) & 0xFF not in _OVERFLOW:
        return False
    _store(connection, "MEMORY")
    return True


def _store(connection: GuardedConnection, where: str) -> None:
    """Our own pragma, which the authorizer lets nobody else give."""
    connection.set_authorizer(None)
    try:
        connection.execute(f"PRAGMA temp_store={where}").close()
    finally:
        if layer.AUTHORIZER in connection.layers:
            connection.set_authorizer(connection.policy)
    connection.sorts_in_files = where == "FILE"
