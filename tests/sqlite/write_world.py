"""What the tests of writing share: small databases, one call on a fresh connection, and comparing before with after."""

import contextlib
import hashlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mcp_servers_shared.guard.sql.write_gate import require_write
from mcp_servers_sqlite.engine.change import Outcome, Request, perform
from mcp_servers_sqlite.engine.connection import Deadline, GuardedConnection
from mcp_servers_sqlite.engine.settings import Settings
from mcp_servers_sqlite.engine.transaction import transaction
from mcp_servers_sqlite.engine.write_connection import open_read_write
from mcp_servers_sqlite.engine.writing import apply, preview

SHOP = """
CREATE TABLE customers(id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT UNIQUE);
CREATE TABLE orders(id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers(id) ON DELETE CASCADE,
    cents INTEGER NOT NULL CHECK(cents >= 0), status TEXT NOT NULL DEFAULT 'new');
CREATE TABLE totals(customer_id INTEGER PRIMARY KEY, cents INTEGER NOT NULL);
CREATE TRIGGER orders_in AFTER INSERT ON orders BEGIN
    INSERT INTO totals VALUES(new.customer_id, new.cents) ON CONFLICT DO UPDATE SET cents = cents + excluded.cents; END;
INSERT INTO customers VALUES(1,'Ada','ada@example.com'),(2,'Ben','ben@example.com'),(3,'Chi',NULL);
INSERT INTO orders(id, customer_id, cents) VALUES(1,1,100),(2,1,250),(3,2,70),(4,2,30),(5,3,10);
"""


def make(path: Path, script: str = SHOP, *, wal: bool = False) -> Path:
    """A database at `path` that ran `script`."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        if wal:
            connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript(f"BEGIN;{script};COMMIT")
    return path


@contextlib.contextmanager
def writing(path: Path, seconds: float = 60.0, settings: Settings | None = None) -> Iterator[GuardedConnection]:
    """A write connection as the worker opens it."""
    connection = open_read_write(str(path), settings or Settings(), deadline=Deadline(seconds))
    try:
        yield connection
    finally:
        connection.close()


def previewed(path: Path, sql: str, params: Any = None, **more: Any) -> dict[str, Any]:
    with writing(path) as connection:
        return preview(connection, {"sql": sql, "params": params, **more})


def applied(path: Path, sql: str, params: Any = None, *, expect: str | None = None, **more: Any) -> dict[str, Any]:
    """Applied with the digest of a preview made just before, or with `expect`."""
    digest = expect if expect is not None else previewed(path, sql, params, **more)["digest"]
    with writing(path) as connection:
        return apply(connection, {"sql": sql, "params": params, "expect_digest": digest, **more})


def outcome(path: Path, sql: str, sample_rows: int = 1_000) -> Outcome:
    """Everything that the statement does, before it is rolled back."""
    with writing(path) as connection, transaction(connection):
        return perform(connection, Request(require_write(sql), [], sample_rows, 50))


def dump(path: Path) -> str:
    """Everything the database holds, the hash of it."""
    hasher = hashlib.sha256()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        for line in connection.iterdump():
            hasher.update(line.encode("utf-8", "surrogateescape") + b"\n")
        for pragma in ("user_version", "application_id", "journal_mode", "encoding", "page_size", "auto_vacuum"):
            hasher.update(repr(connection.execute(f"PRAGMA {pragma}").fetchone()).encode())
    return hasher.hexdigest()


def rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def run(path: Path, sql: str, params: Any = ()) -> int:
    """Runs one statement as any program would, and says how many rows it changed directly."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.text_factory = bytes
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute(sql, params).fetchall()
        return int(connection.execute("SELECT changes()").fetchone()[0])


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


@contextlib.contextmanager
def python(code: str, *args: str) -> Iterator["subprocess.Popen[str]"]:
    """A Python process that runs `code`; killed at the end."""
    folder = str(Path(__file__).parent)
    env = {**os.environ, "PYTHONPATH": folder}
    process = subprocess.Popen(
        [sys.executable, "-c", code, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def told(process: "subprocess.Popen[str]") -> str:
    """The next line that the process prints."""
    assert process.stdout is not None
    return process.stdout.readline().strip()
