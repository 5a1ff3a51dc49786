"""What SQLite itself refuses to exceed on a hardened connection: sizes, depths, memory, settings."""

import sqlite3
from collections.abc import Callable

MIB = 1024 * 1024

CELL_BYTES = 8_000_000
SQL_BYTES = 100_000

LIMITS: dict[int, int] = {
    sqlite3.SQLITE_LIMIT_LENGTH: CELL_BYTES,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: SQL_BYTES,
    sqlite3.SQLITE_LIMIT_COLUMN: 2000,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 200,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 100,
    sqlite3.SQLITE_LIMIT_VDBE_OP: 100_000,
    sqlite3.SQLITE_LIMIT_FUNCTION_ARG: 127,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 1000,
    sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER: 1000,
    sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 1,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}

# sqlite3.h: the module names these only from Python 3.12 on, with setconfig itself.
_DBCONFIG_ENABLE_FTS3_TOKENIZER = 1004
_DBCONFIG_DEFENSIVE = 1010


def apply_limits(connection: sqlite3.Connection) -> None:
    """Sets every entry of LIMITS."""
    for category, value in LIMITS.items():
        connection.setlimit(category, value)


def apply_heap_limit(connection: sqlite3.Connection, size: int) -> None:
    """Caps SQLite's heap in bytes for the whole process; it can only be lowered afterwards."""
    connection.execute(f"PRAGMA hard_heap_limit={int(size)}").close()


def apply_defensive(connection: sqlite3.Connection) -> bool:
    """Defensive mode on and the FTS3 tokenizer pointer off; False where Python cannot (before 3.12)."""
    setconfig: Callable[[int, bool], None] | None = getattr(connection, "setconfig", None)
    if setconfig is None:
        return False
    setconfig(_DBCONFIG_DEFENSIVE, True)
    setconfig(_DBCONFIG_ENABLE_FTS3_TOKENIZER, False)
    return True
