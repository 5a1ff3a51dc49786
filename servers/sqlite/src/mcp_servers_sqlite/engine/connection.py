"""The hardened connection: a new one for every call, closed after it."""

import functools
import os
import sqlite3
import sys
import time
from collections.abc import Callable
from typing import Any

from mcp_servers_shared.errors import Unavailable
from mcp_servers_shared.guard.sql.limits import apply_defensive, apply_heap_limit, apply_limits
from mcp_servers_shared.guard.sql.policy import ReadPolicy
from mcp_servers_sqlite.engine import settings as layer
from mcp_servers_sqlite.engine.settings import ALL_LAYERS, Settings

PROGRESS_OPS = 2_000
_SAFE_IN_URI = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/")
_IMMUTABLE_NOTE = (
    "The database is in WAL mode in a folder that cannot be written, so it was read as a frozen file: "
    "changes another program makes right now may be missing."
)

_shadow_tables: dict[tuple[tuple[str, str], ...], frozenset[str]] = {}


class Deadline:
    """Stops a statement: SQLite calls it every few thousand steps, and a true answer ends the statement.

    `seconds` are those of the whole call, of which so many were `spent` before.
    """

    def __init__(self, seconds: float, spent: float = 0.0) -> None:
        self.seconds = seconds
        self.ends = time.monotonic() + seconds - spent
        self.interrupted = False

    def __call__(self) -> bool:
        return self.interrupted or time.monotonic() >= self.ends

    @property
    def passed(self) -> bool:
        """Whether time is up (an interrupt from the parent is not)."""
        return time.monotonic() >= self.ends


class GuardedConnection(sqlite3.Connection):
    """A connection that knows its guard: policy, deadline, settings, and notes for the result."""

    settings = Settings()
    layers = ALL_LAYERS
    path = ""
    sorts_in_files = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.policy = ReadPolicy()
        self.deadline = Deadline(5.0)
        self.notes: list[str] = []


def lenient(raw: bytes) -> str:
    """Text as SQLite stored it, with what is not UTF-8 replaced instead of failing the whole statement."""
    return raw.decode("utf-8", "replace")


@functools.lru_cache(maxsize=256)
def file_uri(path: str, query: str) -> str:
    """A `file:` URI for exactly this file: `?`, `#` and `%` in a name would otherwise open another one."""
    raw = os.fsencode(os.path.abspath(path))
    if sys.platform == "win32":
        raw = b"/" + raw.replace(b"\\", b"/")
    quoted = "".join(chr(byte) if byte in _SAFE_IN_URI else f"%{byte:02X}" for byte in raw)
    return f"file:{quoted}?{query}"


def connect(uri: str, settings: Settings) -> GuardedConnection:
    """A connection in autocommit mode, without any guard yet."""
    extra: dict[str, Any] = {"autocommit": True} if sys.version_info >= (3, 12) else {}
    connection = sqlite3.connect(
        uri, uri=True, isolation_level=None, timeout=settings.busy_timeout, factory=GuardedConnection, **extra
    )
    connection.settings = settings
    connection.layers = settings.layers
    return connection


def open_read_only(
    path: str,
    settings: Settings,
    *,
    deadline: Deadline | None = None,
    policy: Callable[[frozenset[str]], ReadPolicy] = ReadPolicy,
) -> GuardedConnection:
    """A connection that can only read `path`, and only for so long.

    Raises:
        Unavailable: the file does not exist or cannot be opened.
        sqlite3.Error: SQLite says what is wrong with it.
    """
    mode = "mode=ro" if layer.MODE_RO in settings.layers else "mode=rw"
    connection = _connect_existing(path, mode, settings)
    try:
        connection.path = path
        return _harden(connection, deadline or Deadline(5.0), policy)
    except sqlite3.OperationalError as error:
        connection.close()
        if not _needs_immutable(path, error):
            raise
    except BaseException:
        connection.close()
        raise
    connection = _connect_existing(path, "mode=ro&immutable=1", settings)
    try:
        connection.path = path
        connection.notes.append(_IMMUTABLE_NOTE)
        return _harden(connection, deadline or Deadline(5.0), policy)
    except BaseException:
        connection.close()
        raise


def _connect_existing(path: str, mode: str, settings: Settings) -> GuardedConnection:
    if not os.path.isfile(path):
        what = "is a folder" if os.path.isdir(path) else "does not exist"
        raise Unavailable(f"The database file {what}", code="no_database", hint="Check --db; nothing was created.")
    return connect(file_uri(path, mode), settings)


def _harden(
    connection: GuardedConnection, deadline: Deadline, policy: Callable[[frozenset[str]], ReadPolicy]
) -> GuardedConnection:
    settings, layers = connection.settings, connection.layers
    connection.deadline = deadline
    if layer.LENIENT_TEXT in layers:
        connection.text_factory = lenient
    if layer.PROGRESS in layers:
        connection.set_progress_handler(deadline, PROGRESS_OPS)
    if layer.HEAP_LIMIT in layers:
        apply_heap_limit(connection, settings.heap_bytes)
    connection.execute(f"PRAGMA cache_size=-{settings.cache_kib}")
    if layer.QUERY_ONLY in layers:
        connection.execute("PRAGMA query_only=ON")
    if layer.TRUSTED_SCHEMA in layers:
        connection.execute("PRAGMA trusted_schema=OFF")
    if layer.TEMP_MEMORY in layers:
        connection.execute("PRAGMA temp_store=MEMORY")
    if layer.DEFENSIVE in layers:
        apply_defensive(connection)
    shadow = shadow_tables(connection)
    if layer.LIMITS in layers:
        apply_limits(connection)
    connection.policy = policy(shadow)
    if layer.AUTHORIZER in layers:
        connection.set_authorizer(connection.policy)
    return connection


def shadow_tables(connection: sqlite3.Connection) -> frozenset[str]:
    """The tables that virtual tables keep their data in, remembered by the statements that made these.

    This is the first look into the file, so whatever is wrong with it is said here.
    """
    key = tuple(connection.execute("SELECT name, sql FROM sqlite_schema WHERE type='table' AND rootpage=0").fetchall())
    if not key:
        return frozenset()
    found = _shadow_tables.get(key)
    if found is None:
        rows = connection.execute("SELECT name FROM pragma_table_list WHERE schema='main' AND type='shadow'")
        found = frozenset(str(row[0]) for row in rows)
        if len(_shadow_tables) >= 64:
            _shadow_tables.clear()
        _shadow_tables[key] = found
    return found


def _needs_immutable(path: str, error: sqlite3.OperationalError) -> bool:
    """Whether a WAL database failed only because its folder cannot hold the `-shm` file."""
    if getattr(error, "sqlite_errorcode", 0) & 0xFF not in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
        return False
    if os.access(os.path.dirname(os.path.abspath(path)), os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        return False
    if os.path.exists(f"{path}-wal") and os.path.getsize(f"{path}-wal"):
        # Committed rows may be in the log alone: an immutable read would leave them out without a word.
        return False
    with open(path, "rb") as file:
        return file.read(20)[18:20] == b"\x02\x02"
