import contextlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sample_databases import reading

from mcp_servers_sqlite.engine.versions import version

# Reads a statement a line, runs it, answers with a line: a second program that has the database open.
_WRITER = """
import sqlite3, sys
conn = sqlite3.connect(sys.argv[1], isolation_level=None)
for line in sys.stdin:
    if line.startswith("close"):
        conn.close()
    elif line.startswith("open"):
        conn = sqlite3.connect(sys.argv[1], isolation_level=None)
    else:
        conn.execute(line).fetchall()
    print("done", flush=True)
"""

Run = Callable[[str], None]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "watched.db"
    with contextlib.closing(sqlite3.connect(found)) as conn:
        conn.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)")
        conn.execute("INSERT INTO t VALUES(1, 'one')")
        conn.commit()
    return found


@pytest.fixture
def writer(path: Path) -> Iterator[Run]:
    command = [sys.executable, "-I", "-c", _WRITER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        inlet, outlet = process.stdin, process.stdout

        def run(statement: str) -> None:
            inlet.write(statement + "\n")
            inlet.flush()
            assert outlet.readline() == "done\n"

        yield run
        inlet.close()


def marks(path: Path) -> tuple[str, str]:
    with contextlib.closing(reading(path)) as conn:
        found = version(conn, {"path": str(path)})
        return found["schema"], found["data"]


@pytest.mark.parametrize("mode", ["DELETE", "TRUNCATE", "PERSIST", "WAL"])
def test_data_differs_after_each_commit_and_only_then(path: Path, writer: Run, mode: str) -> None:
    writer(f"PRAGMA journal_mode={mode}")
    writer("UPDATE t SET b='start'")
    before = marks(path)
    assert marks(path) == before
    seen = {before[1]}
    for number in range(5):
        writer(f"UPDATE t SET b='{number}' WHERE a=1")
        schema, data = marks(path)
        assert schema == before[0]
        assert data not in seen
        assert marks(path) == (schema, data)
        seen.add(data)


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_schema_differs_after_a_change_of_the_schema(path: Path, writer: Run, mode: str) -> None:
    writer(f"PRAGMA journal_mode={mode}")
    writer("UPDATE t SET b='start'")
    schema, data = marks(path)
    writer("CREATE INDEX t_b ON t(b)")
    after = marks(path)
    assert after[0] != schema
    assert after[1] != data


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_nothing_differs_before_the_commit_or_after_a_rollback(path: Path, writer: Run, mode: str) -> None:
    writer(f"PRAGMA journal_mode={mode}")
    writer("UPDATE t SET b='start'")
    before = marks(path)
    writer("BEGIN IMMEDIATE")
    writer("UPDATE t SET b='not yet'")
    assert marks(path) == before
    writer("ROLLBACK")
    assert marks(path) == before
    writer("UPDATE t SET b='now'")
    assert marks(path)[1] != before[1]


def test_frames_a_large_transaction_left_in_the_log_are_no_commit(path: Path, writer: Run) -> None:
    writer("PRAGMA journal_mode=WAL")
    writer("PRAGMA cache_size=5")
    writer("PRAGMA wal_autocheckpoint=0")
    writer("UPDATE t SET b='start'")
    before, size = marks(path), os.path.getsize(f"{path}-wal")
    writer("BEGIN IMMEDIATE")
    writer(
        "WITH n(i) AS (VALUES(2) UNION ALL SELECT i+1 FROM n WHERE i<300) INSERT INTO t SELECT i, zeroblob(4000) FROM n"
    )
    assert os.path.getsize(f"{path}-wal") > size + 100 * 4096
    assert marks(path) == before
    writer("ROLLBACK")
    assert marks(path) == before
    writer("UPDATE t SET b='after'")
    assert marks(path)[1] != before[1]


def test_a_commit_that_overwrites_the_log_from_its_start_is_seen(path: Path, writer: Run) -> None:
    """After a whole checkpoint the next commit goes over old frames: same size, perhaps the same time stamp."""
    writer("PRAGMA journal_mode=WAL")
    for number in range(20):
        writer(f"UPDATE t SET b='{number}'")
    before, size = marks(path), os.path.getsize(f"{path}-wal")
    writer("PRAGMA wal_checkpoint(RESTART)")
    assert marks(path) == before
    seen = {before[1]}
    for number in range(3):
        writer(f"UPDATE t SET b='over {number}'")
        assert os.path.getsize(f"{path}-wal") == size
        data = marks(path)[1]
        assert data not in seen
        seen.add(data)


def test_what_is_committed_while_the_log_is_removed_is_seen(path: Path, writer: Run) -> None:
    writer("PRAGMA journal_mode=WAL")
    writer("close")
    before = marks(path)
    writer("open")
    writer("UPDATE t SET b='in between'")
    writer("close")
    assert marks(path)[1] != before[1]


def test_another_file_at_the_same_path_differs(path: Path, tmp_path: Path) -> None:
    before = marks(path)
    copy = tmp_path / "copy.db"
    copy.write_bytes(path.read_bytes())
    os.replace(copy, path)
    assert marks(path) != before


def test_the_connection_says_where_its_file_is(path: Path) -> None:
    class Located(sqlite3.Connection):
        path = ""

    with contextlib.closing(sqlite3.connect(path, factory=Located)) as conn:
        conn.path = str(path)
        assert version(conn, {"path": "/nowhere"})["data"] == marks(path)[1]


def test_a_log_that_is_none_and_an_empty_file_are_no_error(path: Path, writer: Run, tmp_path: Path) -> None:
    empty = tmp_path / "empty.db"
    empty.touch()
    assert marks(empty)[1].endswith("empty")
    writer("PRAGMA journal_mode=WAL")
    writer("close")
    Path(f"{path}-wal").write_bytes(b"no log at all" * 10)
    assert marks(path)[1]
