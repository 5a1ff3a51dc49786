"""The `backup` operation: a whole, checked copy of the database while others use it, or nothing."""

import contextlib
import os
import secrets
import sqlite3
import time
from collections.abc import Mapping
from typing import Any

from mcp_servers_shared.errors import InvalidInput, LimitExceeded, ServerError, Unavailable
from mcp_servers_sqlite.engine.arguments import text
from mcp_servers_sqlite.engine.connection import PROGRESS_OPS, Deadline, GuardedConnection, file_uri
from mcp_servers_sqlite.engine.write_connection import write_policy

_PAGES_AT_ONCE = 1_000
_NO_COPY = "No backup was kept and the database was not changed."


def backup(connection: GuardedConnection, args: Mapping[str, Any]) -> dict[str, Any]:
    """Copies the database to `{target}`, an absolute path that the server chose, never a caller.

    Returns `{bytes, pages, elapsed_ms}`. The file appears under its name only when it is complete, checked and on disk.

    Raises:
        InvalidInput: the target exists, or is not an absolute path in a folder that exists.
        Unavailable, LimitExceeded: the copy could not be made whole; nothing of it is left.
    """
    started = time.perf_counter()
    target = text(args, "target")
    _require_free(target)
    draft = f"{target}.{secrets.token_hex(4)}.partial"
    try:
        os.close(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600))
        pages = _copy(connection, draft)
        _check(draft, connection.deadline)
        _flush(draft)
        _publish(draft, target)
    except (sqlite3.Error, OSError) as error:
        raise _explained(error, connection.deadline) from None
    finally:
        for leftover in (draft, f"{draft}-journal", f"{draft}-wal", f"{draft}-shm"):
            with contextlib.suppress(OSError):
                os.unlink(leftover)
    elapsed = round((time.perf_counter() - started) * 1000, 2)
    return {"bytes": os.path.getsize(target), "pages": pages, "elapsed_ms": elapsed}


def _require_free(target: str) -> None:
    if not os.path.isabs(target) or not os.path.isdir(os.path.dirname(target)):
        raise InvalidInput("The backup needs an absolute path in a folder that exists", code="bad_backup_target")
    if os.path.lexists(target):
        raise _taken()


def _copy(connection: GuardedConnection, draft: str) -> int:
    """Copies page by page from one snapshot, so that a busy writer can neither tear the copy nor delay it for ever."""
    pages = 0

    def progress(_status: int, _remaining: int, total: int) -> None:
        nonlocal pages
        pages = total
        if connection.deadline():
            raise _stopped(connection.deadline)

    copy = sqlite3.connect(file_uri(draft, "mode=rw"), uri=True, isolation_level=None)
    try:
        # The draft is thrown away when anything goes wrong, so it needs no journal; it is flushed at the end.
        copy.execute("PRAGMA journal_mode=OFF").close()
        copy.execute("PRAGMA synchronous=OFF").close()
        with write_policy(connection).own_work():
            connection.execute("BEGIN").close()
            connection.execute("SELECT count(*) FROM main.sqlite_schema").fetchone()
        connection.backup(copy, pages=_PAGES_AT_ONCE, progress=progress)
        return pages
    finally:
        copy.close()
        with contextlib.suppress(sqlite3.Error), write_policy(connection).own_work():
            connection.execute("ROLLBACK").close()


def _check(draft: str, deadline: Deadline) -> None:
    copy = sqlite3.connect(file_uri(draft, "mode=ro&immutable=1"), uri=True, isolation_level=None)
    try:
        copy.set_progress_handler(deadline, PROGRESS_OPS)
        found = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
    finally:
        copy.close()
    if found != "ok":
        raise Unavailable(
            "The copy is damaged, and so is the database it was made from",
            code="corrupt",
            hint=f"{_NO_COPY} Ask for PRAGMA integrity_check with query_database.",
        )


def _flush(draft: str) -> None:
    descriptor = os.open(draft, os.O_RDWR | getattr(os, "O_BINARY", 0))
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _publish(draft: str, target: str) -> None:
    """Gives the draft its name without ever replacing another file."""
    if os.name == "nt":
        os.rename(draft, target)
        return
    try:
        os.link(draft, target)
    except FileExistsError:
        raise _taken() from None
    except OSError:
        # A file system without hard links: an empty file of ours reserves the name.
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        os.replace(draft, target)
    folder = os.open(os.path.dirname(target), os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _explained(error: sqlite3.Error | OSError, deadline: Deadline) -> ServerError:
    if isinstance(error, FileExistsError):
        return _taken()
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_INTERRUPT:
        return _stopped(deadline)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Unavailable("The database is locked by another program", code="locked", hint=f"{_NO_COPY} Try again.")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return Unavailable("The database is damaged and cannot be copied", code="corrupt", hint=_NO_COPY)
    return Unavailable(
        "The backup could not be written: the disk is full or the folder cannot be written",
        code="backup_failed",
        hint=f"{_NO_COPY} Free some space, or set another --backup-dir.",
    )


def _taken() -> InvalidInput:
    return InvalidInput("A file of that name exists already", code="backup_exists", hint="Nothing was overwritten.")


def _stopped(deadline: Deadline) -> LimitExceeded:
    return LimitExceeded(f"The backup took longer than {deadline.seconds:g} s", code="deadline", hint=_NO_COPY)
