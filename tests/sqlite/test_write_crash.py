"""A writer that is killed at the worst moment: the database stays whole, with all of the write or none of it."""

import contextlib
import sqlite3
from pathlib import Path

import pytest
from write_world import dump, make, previewed, python, run, told, writing

from mcp_servers_sqlite.engine.recovery import recover

SCRIPT = """
CREATE TABLE t(id INTEGER PRIMARY KEY, a, pad);
INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n LIMIT 20000)
    SELECT i, 0, hex(zeroblob(40)) FROM n;
CREATE INDEX by_a ON t(a);
"""
SQL = "UPDATE t SET a = id, pad = 'changed'"

# The child stops at the point named by argv[3], says so, and waits to be killed.
CHILD = """
import sys
from mcp_servers_sqlite.engine import transaction, writing
from mcp_servers_sqlite.engine.connection import Deadline
from mcp_servers_sqlite.engine.settings import Settings
from mcp_servers_sqlite.engine.write_connection import open_read_write

path, digest, where, sql = sys.argv[1:]
commit = writing.commit
calls = 0

def stop(what):
    print(what, flush=True)
    sys.stdin.read()

def in_statement():
    global calls
    calls += 1
    if calls == 300:
        stop("in the statement")
    return False

def around(connection):
    if where == "before":
        stop("before the commit")
    if where == "during":
        print("during the commit", flush=True)
    commit(connection)
    if where == "after":
        stop("after the commit")

writing.commit = around
# A small cache, so that the statement writes to the file long before the commit.
connection = open_read_write(path, Settings(cache_kib=64), deadline=Deadline(60))
if where == "statement":
    connection.set_progress_handler(in_statement, 1000)
done = writing.apply(connection, {"sql": sql, "expect_digest": digest})
print("done", done["applied"], flush=True)
"""


def recovered(path: Path) -> str:
    """What the database holds after recovery, which must be whole."""
    with writing(path) as connection:
        connection.set_authorizer(None)
        assert recover(connection, {})
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    return dump(path)


@pytest.fixture(params=["delete", "wal"])
def path(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    return make(tmp_path / "x.db", SCRIPT, wal=request.param == "wal")


@pytest.mark.requirement("WRITE-5")
@pytest.mark.parametrize("where", ["statement", "before", "after"])
def test_killed_at_a_known_point(path: Path, tmp_path: Path, where: str) -> None:
    before = dump(path)
    other = make(tmp_path / "other.db", SCRIPT, wal=path.with_name("x.db-wal").exists() or is_wal(path))
    run(other, SQL)
    digest = previewed(path, SQL)["digest"]
    with python(CHILD, str(path), digest, where, SQL) as child:
        assert told(child) in ("in the statement", "before the commit", "after the commit")
        if where != "after" and not is_wal(path):
            assert path.with_name("x.db-journal").stat().st_size > 100_000, "the file itself was already being written"
        child.kill()
        child.wait()
    assert recovered(path) == (dump(other) if where == "after" else before)
    assert not path.with_name("x.db-journal").exists()


@pytest.mark.requirement("WRITE-5")
def test_killed_while_committing(path: Path, tmp_path: Path) -> None:
    other = make(tmp_path / "other.db", SCRIPT, wal=is_wal(path))
    run(other, SQL)
    before, after = dump(path), dump(other)
    kept = path.read_bytes()
    for _ in range(4):
        digest = previewed(path, SQL)["digest"]
        with python(CHILD, str(path), digest, "during", SQL) as child:
            assert told(child) == "during the commit"
            child.kill()
            child.wait()
        found = recovered(path)
        assert found in (before, after)
        if found == after:
            path.write_bytes(kept)
            for leftover in path.parent.glob("x.db-*"):
                leftover.unlink()


@pytest.mark.requirement("WRITE-2", "WRITE-5")
def test_a_killed_preview_leaves_nothing(path: Path) -> None:
    before = dump(path)
    child_code = CHILD.replace("writing.apply(connection", "writing.preview(connection").replace('done["applied"]', "1")
    with python(child_code, str(path), "-", "statement", SQL) as child:
        assert told(child) == "in the statement"
        child.kill()
        child.wait()
    assert recovered(path) == before


def is_wal(path: Path) -> bool:
    return path.read_bytes()[18:20] == b"\x02\x02"
