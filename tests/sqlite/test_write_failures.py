"""A write that fails says why, and that nothing was changed: rules, locks, time, disks, permissions."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from write_world import SHOP, applied, dump, make, previewed, python, told, writing

from mcp_servers_shared.errors import InvalidInput, LimitExceeded, Unavailable
from mcp_servers_sqlite.engine.writing import apply, preview

LOCKER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute(sys.argv[2])
print("locked", flush=True)
sys.stdin.readline()
"""


@pytest.fixture(params=["delete", "wal"])
def shop(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    return make(tmp_path / "shop.db", wal=request.param == "wal")


@pytest.mark.requirement("WRITE-5")
@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("INSERT INTO customers(id, name) VALUES(9,'x'),(1,'y')", "UNIQUE constraint failed: customers.id"),
        ("INSERT OR FAIL INTO customers(id, name) VALUES(9,'x'),(1,'y')", "UNIQUE constraint failed"),
        ("INSERT OR ROLLBACK INTO customers(id, name) VALUES(9,'x'),(1,'y')", "UNIQUE constraint failed"),
        ("UPDATE customers SET email='same'", "UNIQUE constraint failed: customers.email"),
        ("UPDATE customers SET name=NULL WHERE id=2", "NOT NULL constraint failed: customers.name"),
        ("UPDATE orders SET cents=cents-80", "CHECK constraint failed"),
        ("UPDATE orders SET customer_id=77 WHERE id=4", "FOREIGN KEY constraint failed"),
        ("INSERT INTO orders(customer_id, cents) SELECT 1, 1 UNION ALL SELECT 99, 1", "FOREIGN KEY constraint failed"),
    ],
)
def test_a_broken_rule_changes_nothing(shop: Path, sql: str, words: str) -> None:
    before = dump(shop)
    for call in (lambda: previewed(shop, sql), lambda: applied(shop, sql, expect="0" * 64)):
        with pytest.raises(InvalidInput, match=words) as broken:
            call()
        assert broken.value.code == "constraint"
        assert broken.value.hint.startswith("Nothing was changed")
        assert dump(shop) == before


@pytest.mark.requirement("WRITE-5")
def test_a_deferred_foreign_key_is_checked_in_the_preview(tmp_path: Path) -> None:
    path = make(
        tmp_path / "x.db",
        "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p REFERENCES p DEFERRABLE INITIALLY DEFERRED);"
        "INSERT INTO p VALUES(1); INSERT INTO c VALUES(1)",
    )
    before = dump(path)
    for sql in ("INSERT INTO c VALUES(9)", "DELETE FROM p", "DROP TABLE p"):
        with pytest.raises(InvalidInput, match="FOREIGN KEY"):
            previewed(path, sql)
    assert dump(path) == before
    assert applied(path, "INSERT INTO c VALUES(1)")["applied"]


def test_triggers_speak_in_their_own_words(tmp_path: Path) -> None:
    script = SHOP + "CREATE TRIGGER no BEFORE DELETE ON customers BEGIN SELECT raise(ABORT, 'customers stay'); END;"
    path = make(tmp_path / "x.db", script)
    with pytest.raises(InvalidInput, match="customers stay"):
        previewed(path, "DELETE FROM customers")


@pytest.mark.requirement("WRITE-5")
def test_a_writer_elsewhere_is_named(shop: Path) -> None:
    before = dump(shop)
    with python(LOCKER, str(shop), "BEGIN IMMEDIATE") as locker:
        assert told(locker) == "locked"
        for call in (
            lambda: previewed(shop, "DELETE FROM orders"),
            lambda: applied(shop, "DELETE FROM orders", expect=""),
        ):
            with pytest.raises(Unavailable) as locked:
                call()
            assert locked.value.code == "locked"
            assert "Nothing was changed" in locked.value.hint
            if sys.platform == "linux":
                assert str(locker.pid) in locked.value.message
    assert dump(shop) == before
    assert applied(shop, "DELETE FROM orders")["applied"]


@pytest.mark.requirement("WRITE-5")
def test_a_reader_that_blocks_the_commit_leaves_nothing_half_done(tmp_path: Path) -> None:
    path = make(tmp_path / "x.db")
    shown = previewed(path, "DELETE FROM orders")
    before = dump(path)
    hold = LOCKER.replace(
        "connection.execute(sys.argv[2])",
        "connection.execute('BEGIN'); connection.execute('SELECT * FROM orders').fetchall()",
    )
    with python(hold, str(path)) as reader:
        assert told(reader) == "locked"
        with pytest.raises(Unavailable, match="locked"):
            applied(path, "DELETE FROM orders", expect=shown["digest"])
    assert dump(path) == before


@pytest.mark.requirement("WRITE-5")
def test_a_deadline_rolls_back(shop: Path) -> None:
    before = dump(shop)
    endless = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) INSERT INTO customers(name) SELECT i FROM n"
    )
    with writing(shop, seconds=0.2) as connection, pytest.raises(LimitExceeded) as stopped:
        preview(connection, {"sql": endless})
    assert stopped.value.code == "deadline"
    assert "Nothing was changed" in stopped.value.hint
    assert dump(shop) == before
    with writing(shop) as connection:
        assert preview(connection, {"sql": "DELETE FROM orders"})["affected_rows"] == 5


@pytest.mark.requirement("WRITE-5")
def test_time_that_is_up_before_the_commit_prevents_it(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown, before = previewed(shop, "DELETE FROM orders"), dump(shop)
    with writing(shop) as connection:
        monkeypatch.setattr(connection.deadline, "interrupted", True)
        connection.set_progress_handler(None, 0)
        with pytest.raises(LimitExceeded) as stopped:
            apply(connection, {"sql": "DELETE FROM orders", "expect_digest": shown["digest"]})
    assert stopped.value.code == "interrupted"
    assert dump(shop) == before


@pytest.mark.requirement("WRITE-5")
def test_a_full_database_changes_nothing(shop: Path) -> None:
    before = dump(shop)
    with writing(shop) as connection:
        connection.set_authorizer(None)
        connection.execute("PRAGMA max_page_count=1")
        connection.set_authorizer(connection.policy)
        with pytest.raises(Unavailable) as full:
            preview(connection, {"sql": "INSERT INTO customers(name) VALUES(hex(zeroblob(200000)))"})
    assert full.value.code == "disk_full"
    assert dump(shop) == before


@contextmanager
def unprivileged() -> Iterator[None]:
    """As a user whom file permissions bind, when the tests run as root."""
    if os.name != "posix" or os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.requirement("WRITE-5")
@pytest.mark.skipif(os.name != "posix", reason="file permissions of POSIX")
def test_a_file_that_cannot_be_written_says_so(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("fixed")
    for parent in (folder, *folder.parents):
        if parent.stat().st_uid == os.geteuid() and parent != Path("/"):
            parent.chmod(0o755 if parent != Path("/tmp") else 0o1777)
    path = make(folder / "x.db")
    path.chmod(0o444)
    folder.chmod(0o555)
    with unprivileged(), pytest.raises(Unavailable) as refused:
        previewed(path, "DELETE FROM orders")
    folder.chmod(0o755)
    assert refused.value.code == "read_only_file"
    assert "Nothing was changed" in refused.value.hint
