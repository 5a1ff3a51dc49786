"""The connection for one write: the same guard as for reading, but it can change the one file it was opened on."""

import os
import sqlite3

from mcp_servers_shared.errors import Unavailable
from mcp_servers_shared.guard.sql.limits import apply_defensive, apply_heap_limit, apply_limits
from mcp_servers_shared.guard.sql.write_policy import WritePolicy
from mcp_servers_sqlite.engine.connection import PROGRESS_OPS, Deadline, GuardedConnection, connect, file_uri
from mcp_servers_sqlite.engine.settings import Settings

# Cascades and the database's own triggers may nest as deep as SQLite lets them.
_TRIGGER_DEPTH = 1000
# The gate caps the caller's text. Our own triggers on a table of 2,000 columns are longer than that.
_SQL_BYTES = 1_000_000
# A write that outgrows its cache goes to the file early, page by page and with a hot journal; one writer may have more.
_CACHE_TIMES = 8


def open_read_write(path: str, settings: Settings, *, deadline: Deadline | None = None) -> GuardedConnection:
    """A connection that can change `path`, with a `WritePolicy` as its authorizer.

    Raises:
        Unavailable: the file does not exist; it is never made.
        sqlite3.Error: SQLite says what is wrong with it.
    """
    if not os.path.isfile(path):
        what = "is a folder" if os.path.isdir(path) else "does not exist"
        raise Unavailable(f"The database file {what}", code="no_database", hint="Check --db; nothing was created.")
    connection = connect(file_uri(path, "mode=rw"), settings)
    try:
        _harden(connection, deadline or Deadline(5.0))
    except BaseException:
        connection.close()
        raise
    return connection


def write_policy(connection: GuardedConnection) -> WritePolicy:
    """The policy of a connection that `open_read_write` opened.

    Raises:
        Unavailable: the connection only reads.
    """
    if not isinstance(connection.policy, WritePolicy):
        raise Unavailable("This connection only reads", code="internal")
    return connection.policy


def _harden(connection: GuardedConnection, deadline: Deadline) -> None:
    connection.deadline = deadline
    connection.set_progress_handler(deadline, PROGRESS_OPS)
    apply_heap_limit(connection, connection.settings.heap_bytes)
    connection.execute(f"PRAGMA cache_size=-{connection.settings.cache_kib * _CACHE_TIMES}")
    connection.execute("PRAGMA trusted_schema=OFF")
    connection.execute("PRAGMA temp_store=MEMORY")
    connection.execute("PRAGMA foreign_keys=ON")
    apply_defensive(connection)
    # Opens the file, so that whatever is wrong with it is said here and a hot journal is rolled back.
    connection.execute("PRAGMA schema_version").fetchone()
    apply_limits(connection)
    connection.setlimit(sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH, _TRIGGER_DEPTH)
    connection.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, _SQL_BYTES)
    connection.policy = WritePolicy()
    connection.set_authorizer(connection.policy)
