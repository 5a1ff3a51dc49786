"""SQLite's errors, said so that a model can repair its statement."""

import sqlite3
from collections.abc import Mapping
from typing import Any

from mcp_servers_shared.errors import InvalidInput, LimitExceeded, ServerError, Unavailable
from mcp_servers_sqlite.engine.connection import Deadline, GuardedConnection


def translate(
    error: sqlite3.Error, connection: GuardedConnection | None, args: Mapping[str, Any], deadline: Deadline
) -> ServerError:
    """The same failure as one of our errors."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if connection is not None and connection.policy.last_denial is not None and code == sqlite3.SQLITE_AUTH:
        return connection.policy.refusal()
    if code == sqlite3.SQLITE_INTERRUPT:
        if deadline.passed:
            return LimitExceeded(
                f"The statement ran longer than {deadline.seconds:g} s and was stopped",
                code="deadline",
                hint="Narrow it with WHERE or LIMIT, or ask explain_query why it is slow.",
            )
        return LimitExceeded("The statement was interrupted", code="interrupted")
    if isinstance(error, sqlite3.ProgrammingError):
        return InvalidInput(str(error), code="invalid_params")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Unavailable("The database is locked by another program", code="locked", hint="Try again in a moment.")
    return InvalidInput(str(error), code="sql_error")
