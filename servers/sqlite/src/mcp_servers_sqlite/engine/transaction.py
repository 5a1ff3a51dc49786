"""One write transaction: begun at once, ended by us alone, and every failure said with "nothing was changed"."""

import contextlib
import sqlite3
from collections.abc import Generator

from mcp_servers_shared.errors import InvalidInput, LimitExceeded, ServerError, Unavailable
from mcp_servers_sqlite.engine.connection import GuardedConnection
from mcp_servers_sqlite.engine.lock_holder import lock_holder
from mcp_servers_sqlite.engine.write_connection import write_policy

_NOTHING = "Nothing was changed."
_CONSTRAINT_HINTS = {
    sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY: "A row would point to one that does not exist: write the parent "
    "first, or change the rows that point to it first.",
    sqlite3.SQLITE_CONSTRAINT_UNIQUE: "A row with this value exists: choose another, or use INSERT ... ON CONFLICT.",
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY: "A row with this key exists: choose another, or use INSERT ... ON CONFLICT.",
    sqlite3.SQLITE_CONSTRAINT_ROWID: "A row with this key exists: choose another, or use INSERT ... ON CONFLICT.",
    sqlite3.SQLITE_CONSTRAINT_NOTNULL: "Give the column a value.",
    sqlite3.SQLITE_CONSTRAINT_CHECK: "describe_table shows the rule that the value breaks.",
    sqlite3.SQLITE_CONSTRAINT_TRIGGER: "A trigger of the database says no, in its own words.",
}


@contextlib.contextmanager
def transaction(connection: GuardedConnection) -> Generator[None]:
    """Takes the write lock, and gives it back with a rollback unless `commit` came before.

    Raises:
        ServerError: for constraints, locks, disks, memory and time.
        sqlite3.Error: what is wrong with the statement itself.
    """
    policy = write_policy(connection)
    try:
        with policy.own_work():
            connection.execute("BEGIN IMMEDIATE").close()
        yield
    except sqlite3.Error as error:
        explained = _explained(error, connection)
        if explained is None:
            raise
        raise explained from None
    except MemoryError:
        raise LimitExceeded(
            "The statement changes more than the memory of one call holds",
            code="memory",
            hint=f"{_NOTHING} Change fewer rows at once, for example by ranges of the key.",
        ) from None
    finally:
        _roll_back(connection)


def commit(connection: GuardedConnection) -> None:
    """Makes the changes permanent. The last chance to stop is before: a deadline never cuts a commit in two.

    Raises:
        LimitExceeded: time was up before the commit began.
    """
    if connection.deadline():
        raise _too_slow(connection)
    connection.set_progress_handler(None, 0)
    with write_policy(connection).own_work():
        connection.execute("COMMIT").close()


def _roll_back(connection: GuardedConnection) -> None:
    if not connection.in_transaction:
        return
    connection.set_progress_handler(None, 0)
    # Where even this fails, closing the connection rolls back.
    with contextlib.suppress(sqlite3.Error), write_policy(connection).own_work():
        connection.execute("ROLLBACK").close()


def _explained(error: sqlite3.Error, connection: GuardedConnection) -> ServerError | None:
    extended = getattr(error, "sqlite_errorcode", 0)
    code = extended & 0xFF
    if code == sqlite3.SQLITE_CONSTRAINT:
        hint = _CONSTRAINT_HINTS.get(extended, "")
        return InvalidInput(str(error), code="constraint", hint=f"{_NOTHING} {hint}".rstrip())
    # A denied function is a plain SQLITE_ERROR; the policy remembers only what this statement was denied.
    if code in (sqlite3.SQLITE_AUTH, sqlite3.SQLITE_ERROR) and connection.policy.last_denial is not None:
        return connection.policy.refusal()
    if code == sqlite3.SQLITE_INTERRUPT:
        return _too_slow(connection)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return _locked(connection)
    return _trouble_with_file(code)


def _trouble_with_file(code: int) -> Unavailable | None:
    if code == sqlite3.SQLITE_READONLY:
        message, name = "The database file cannot be written", "read_only_file"
        hint = "The user the server runs as needs the right to write the file and its folder."
    elif code == sqlite3.SQLITE_CANTOPEN:
        message, name = "SQLite cannot make its journal beside the database", "read_only_folder"
        hint = "The user the server runs as needs the right to write the folder of the database."
    elif code == sqlite3.SQLITE_FULL:
        message, name = "The disk or the database is full", "disk_full"
        hint = "Free some space and try again."
    elif code == sqlite3.SQLITE_IOERR:
        message, name = "The disk reported an error while the database was written", "disk_error"
        hint = "Check the disk and its free space."
    else:
        return None
    return Unavailable(message, code=name, hint=f"{_NOTHING} {hint}")


def _locked(connection: GuardedConnection) -> Unavailable:
    with contextlib.suppress(sqlite3.Error, OSError), write_policy(connection).own_work():
        path = connection.execute("PRAGMA database_list").fetchone()[2]
        holder = lock_holder(path)
        if holder:
            return Unavailable(
                f"The database is locked: {holder} is writing to it or holds it open",
                code="locked",
                hint=f"{_NOTHING} Try again when it is done.",
                holder=holder,
            )
    return Unavailable(
        "The database is locked by another program", code="locked", hint=f"{_NOTHING} Try again in a moment."
    )


def _too_slow(connection: GuardedConnection) -> LimitExceeded:
    deadline = connection.deadline
    if not deadline.passed:
        return LimitExceeded("The statement was interrupted", code="interrupted", hint=_NOTHING)
    return LimitExceeded(
        f"The write took longer than {deadline.seconds:g} s and was rolled back",
        code="deadline",
        hint=f"{_NOTHING} Change fewer rows at once, for example by ranges of the key.",
    )
