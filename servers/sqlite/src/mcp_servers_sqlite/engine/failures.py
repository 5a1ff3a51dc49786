"""SQLite's errors, said so that a model can act on them."""

import sqlite3
from collections.abc import Mapping
from typing import Any

from mcp_servers_shared.errors import InvalidInput, LimitExceeded, ServerError, StatementRefused, Unavailable
from mcp_servers_sqlite.engine.connection import Deadline, GuardedConnection

_TRY_AGAIN = "Another program is writing to it; try again in a moment."
_NARROW = "Narrow it with WHERE or LIMIT, or ask explain_query why it is slow."
_STATES: dict[int, tuple[str, str, str]] = {
    sqlite3.SQLITE_BUSY: ("locked", "The database is locked", _TRY_AGAIN),
    sqlite3.SQLITE_LOCKED: ("locked", "The database is locked", _TRY_AGAIN),
    sqlite3.SQLITE_NOTADB: (
        "not_a_database",
        "The file is not a SQLite database, or it is encrypted",
        "Check --db; an encrypted database must be decrypted first.",
    ),
    sqlite3.SQLITE_CORRUPT: (
        "corrupt",
        "The database file is damaged",
        "PRAGMA integrity_check says where; other tables may still be readable. Restore it from a backup.",
    ),
    sqlite3.SQLITE_CANTOPEN: ("cannot_open", "SQLite cannot open the database file", "Check that it may be read."),
    sqlite3.SQLITE_IOERR: ("disk_error", "SQLite met a disk error", "Check the disk and the file's permissions."),
    sqlite3.SQLITE_FULL: ("disk_full", "The disk or the database is full", "Make room and try again."),
    sqlite3.SQLITE_PROTOCOL: ("locked", "The database is locked", _TRY_AGAIN),
    sqlite3.SQLITE_PERM: ("cannot_open", "The database file may not be opened", "Check its permissions."),
}
_WAITING = frozenset({"SQLITE_READONLY_ROLLBACK", "SQLITE_READONLY_RECOVERY", "SQLITE_READONLY_CANTINIT"})
_TOO_COMPLEX = (
    "too many",
    "too large",
    "too complex",
    "too deep",
    "stack overflow",
    "at most 64 tables",
    "maximum recursion",
)


def translate(
    error: sqlite3.Error, connection: GuardedConnection | None, args: Mapping[str, Any], deadline: Deadline
) -> ServerError:
    """The same failure as one of our errors. Raises nothing."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if connection is not None and connection.policy.last_denial is not None and _is_denial(error, code):
        return connection.policy.refusal()
    if code == sqlite3.SQLITE_INTERRUPT:
        return _stopped(deadline)
    if code == sqlite3.SQLITE_NOMEM:
        return LimitExceeded(
            "The statement needs more memory than one call may use",
            code="memory",
            hint="Sort or group fewer rows, select shorter values, or aggregate in steps.",
        )
    if code == sqlite3.SQLITE_TOOBIG:
        return LimitExceeded(
            "A value is longer than 8 MB, or the SQL longer than 100 kB",
            code="too_big",
            hint="Read a part with substr(), and pass long values as params.",
        )
    if code == sqlite3.SQLITE_READONLY:
        return _read_only(error)
    if code in _STATES:
        name, message, hint = _STATES[code]
        return Unavailable(message, code=name, hint=hint)
    if isinstance(error, sqlite3.ProgrammingError):
        return _misused(error)
    if any(mark in str(error) for mark in _TOO_COMPLEX):
        return LimitExceeded(str(error)[:300], code="too_complex", hint="Split the statement into smaller ones.")
    from mcp_servers_sqlite.engine.repairing import repair  # most workers never need it

    sql = args.get("sql")
    return repair(error, connection, sql if isinstance(sql, str) else "")


def _is_denial(error: sqlite3.Error, code: int) -> bool:
    text = str(error)
    return code == sqlite3.SQLITE_AUTH or "not authorized" in text or "prohibited" in text


def _stopped(deadline: Deadline) -> ServerError:
    if deadline.interrupted:
        return LimitExceeded("The statement was interrupted", code="interrupted", hint="Nothing was changed.")
    return LimitExceeded(
        f"The statement ran longer than {deadline.seconds:g} s and was stopped", code="deadline", hint=_NARROW
    )


def _read_only(error: sqlite3.Error) -> ServerError:
    if getattr(error, "sqlite_errorname", "") in _WAITING:
        return Unavailable(
            "A program ended in the middle of a change, and SQLite must repair the file before it can be read",
            code="needs_recovery",
            hint="Open the database once with a program that may write, such as the one that uses it.",
        )
    return StatementRefused("This connection only reads", rule="engine", hint="Use one SELECT.")


def _misused(error: sqlite3.ProgrammingError) -> ServerError:
    text = str(error)
    if "one statement" in text:
        return StatementRefused(
            "The SQL holds more than one statement; none of it was run",
            code="many_statements",
            rule="engine",
            hint="Send one statement in each call.",
        )
    return InvalidInput(text[:300], code="invalid_params", hint="Pass one value for each parameter in the SQL.")
