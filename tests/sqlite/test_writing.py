"""Preview, then apply: only what was shown, whole or not at all, and every failure says that nothing changed."""

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from write_world import SHOP, applied, dump, make, previewed, python, rows, run, told, writing

from mcp_servers_shared.errors import InvalidInput, LimitExceeded, ServerError, StatementRefused, Unavailable
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


@pytest.mark.requirement("WRITE-2")
def test_a_preview_shows_the_change_and_does_nothing(shop: Path) -> None:
    before = dump(shop)
    shown = previewed(shop, "UPDATE orders SET status = ?, cents = cents + 1 WHERE customer_id = ?", ["paid", 1])
    assert dump(shop) == before
    assert (shown["affected_rows"], shown["other_rows"], shown["kind"]) == (2, 0, "update")
    assert shown["destructive"] is True
    assert shown["samples"][0] == {
        "table": "orders",
        "change": "update",
        "before": {"id": 1, "cents": 100, "status": "new"},
        "after": {"id": 1, "cents": 101, "status": "paid"},
    }
    assert "|2|250 → 251|new → paid|" in shown["text"]
    assert "Nothing is changed yet" in shown["text"]
    assert shown["data"]["samples"] == shown["samples"]


@pytest.mark.requirement("WRITE-4")
def test_what_was_previewed_is_applied(shop: Path) -> None:
    sql = "INSERT INTO orders(customer_id, cents) VALUES(:who, :cents) RETURNING id"
    done = applied(shop, sql, {"who": 3, "cents": 40})
    assert (done["applied"], done["affected_rows"], done["other_rows"]) == (True, 1, 1)
    assert done["data"]["returning"] == {"columns": ["id"], "rows": [[6]], "row_count": 1}
    assert "would" not in done["text"]
    assert "yet" not in done["text"]
    assert rows(shop, "SELECT cents FROM totals WHERE customer_id=3") == [(50,)]


@pytest.mark.requirement("WRITE-4")
@pytest.mark.parametrize(
    "between",
    [
        "UPDATE orders SET cents = 999 WHERE id = 1",
        "DELETE FROM orders WHERE id = 2",
        "INSERT INTO orders(customer_id, cents) VALUES(1, 5)",
        "CREATE TRIGGER t AFTER UPDATE ON orders BEGIN UPDATE totals SET cents = 0; END",
    ],
)
def test_changed_data_is_not_written(shop: Path, between: str) -> None:
    sql, params = "UPDATE orders SET cents = 1 WHERE customer_id = ?", [1]
    shown = previewed(shop, sql, params)
    run(shop, between)
    before = dump(shop)
    done = applied(shop, sql, params, expect=shown["digest"])
    assert done["applied"] is False
    assert dump(shop) == before
    assert "changed since" in done["hint"]
    assert done["preview"]["digest"] != shown["digest"]
    assert applied(shop, sql, params, expect=done["preview"]["digest"])["applied"]


@pytest.mark.requirement("WRITE-4")
def test_changes_elsewhere_do_not_matter(shop: Path) -> None:
    shown = previewed(shop, "DELETE FROM orders WHERE id = 1")
    run(shop, "UPDATE customers SET name = 'Other' WHERE id = 3")
    assert applied(shop, "DELETE FROM orders WHERE id = 1", expect=shown["digest"])["applied"]


@pytest.mark.requirement("WRITE-4")
def test_a_digest_opens_no_other_statement(shop: Path) -> None:
    calls: list[tuple[str, Any]] = [
        (sql, params)
        for sql in ("UPDATE orders SET status=? WHERE id=1", "UPDATE orders SET status = ? WHERE id=1")
        for params in (["x"], [1], [1.0], ["1"], [""], ["x\0"], ["X"], ["new"])
    ]
    calls += [("UPDATE orders SET status=:a WHERE id=1", {"a": "x"}), ("UPDATE orders SET status='x' WHERE id=1", None)]
    digests = [previewed(shop, *call)["digest"] for call in calls]
    assert len(set(digests)) == len(calls)
    before = dump(shop)
    for number, call in enumerate(calls):
        assert not applied(shop, *call, expect=digests[number - 1])["applied"]
    assert dump(shop) == before
    more = previewed(shop, *calls[0], sample_rows=4)["digest"]
    assert more != digests[0]


@pytest.mark.requirement("WRITE-4")
@pytest.mark.parametrize("digest", ["", "0" * 64, "é", "None"])
def test_a_wrong_digest_writes_nothing(shop: Path, digest: str) -> None:
    before = dump(shop)
    assert applied(shop, "DELETE FROM orders", expect=digest)["applied"] is False
    assert dump(shop) == before
    with writing(shop) as connection, pytest.raises(InvalidInput):
        apply(connection, {"sql": "DELETE FROM orders", "params": None})


def test_random_values_cannot_be_confirmed(shop: Path) -> None:
    sql = "UPDATE customers SET name = hex(randomblob(8))"
    shown = previewed(shop, sql)
    assert "cannot be confirmed" in " ".join(shown["notes"])
    before = dump(shop)
    done = applied(shop, sql, expect=shown["digest"])
    assert done["applied"] is False
    assert "as a parameter" in done["hint"]
    assert dump(shop) == before


def test_the_moment_of_writing_may_differ(tmp_path: Path) -> None:
    """Defaults and triggers that note the time are everywhere; a preview must still be worth something."""
    path = make(
        tmp_path / "x.db",
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a, at DEFAULT (strftime('%Y-%m-%d %H:%M:%f','now')), day, updated);"
        "CREATE TRIGGER u AFTER UPDATE OF a ON t BEGIN UPDATE t SET updated=julianday('now') WHERE id=new.id; END;"
        "INSERT INTO t(a, at) VALUES(1, '2001-01-01 00:00:00')",
    )
    for sql in (
        "INSERT INTO t(a) VALUES(5)",
        "UPDATE t SET a=a+1",
        "UPDATE t SET a=a+1, day=date('now'), at=unixepoch()",
    ):
        shown = previewed(path, sql)
        assert any("reads the clock" in note for note in shown["notes"]), sql
        assert previewed(path, sql)["digest"] == shown["digest"], sql
        assert applied(path, sql, expect=shown["digest"])["applied"], sql


def test_what_was_written_a_moment_ago_still_counts(tmp_path: Path) -> None:
    path = make(
        tmp_path / "x.db",
        "CREATE TABLE t(id INTEGER PRIMARY KEY, made, updated); INSERT INTO t(made) VALUES(strftime('%s','now'))",
    )
    sql = "UPDATE t SET updated=strftime('%f','now')"
    shown = previewed(path, "UPDATE t SET updated=strftime('%s','now')")
    run(path, "UPDATE t SET made=made + 1")
    assert not applied(path, "UPDATE t SET updated=strftime('%s','now')", expect=shown["digest"])["applied"]
    assert previewed(path, sql)["affected_rows"] == 1


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
    digest = previewed(path, "DELETE FROM orders")["digest"]
    before = dump(path)
    hold = LOCKER.replace(
        "connection.execute(sys.argv[2])",
        "connection.execute('BEGIN'); connection.execute('SELECT * FROM orders').fetchall()",
    )
    with python(hold, str(path)) as reader:
        assert told(reader) == "locked"
        assert previewed(path, "DELETE FROM orders")["digest"] == digest
        with pytest.raises(Unavailable, match="locked"):
            applied(path, "DELETE FROM orders", expect=digest)
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
    digest, before = previewed(shop, "DELETE FROM orders")["digest"], dump(shop)
    with writing(shop) as connection:
        monkeypatch.setattr(connection.deadline, "interrupted", True)
        connection.set_progress_handler(None, 0)
        with pytest.raises(LimitExceeded) as stopped:
            apply(connection, {"sql": "DELETE FROM orders", "expect_digest": digest})
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


def test_schema_changes_are_shown_with_what_they_lose(shop: Path) -> None:
    shown = previewed(shop, "DROP TABLE orders")
    assert (shown["affected_rows"], shown["destructive"]) == (5, True)
    assert {(one["change"], one["type"], one["name"], one.get("rows")) for one in shown["schema_changes"]} == {
        ("drop", "table", "orders", 5),
        ("drop", "trigger", "orders_in", None),
    }
    assert len(shown["samples"]) == 5
    cascading = previewed(shop, "DROP TABLE customers")
    assert (cascading["affected_rows"], cascading["other_rows"]) == (3, 5)
    dropped = previewed(shop, "ALTER TABLE customers DROP COLUMN name")
    assert dropped["schema_changes"][0]["rows"] == 3
    assert dropped["destructive"]
    added = previewed(shop, "ALTER TABLE customers ADD COLUMN age INTEGER")
    assert not added["destructive"]
    renamed = previewed(shop, "ALTER TABLE totals RENAME TO sums")
    assert ("rename", "sums") in {(one["change"], one["name"]) for one in renamed["schema_changes"]}
    assert not renamed["destructive"]
    nothing = previewed(shop, "CREATE TABLE IF NOT EXISTS orders(a)")
    assert (nothing["schema_changes"], nothing["notes"]) == ([], ["This statement changes nothing."])
    assert rows(shop, "SELECT count(*) FROM orders") == [(5,)]


def test_an_answer_keeps_to_its_room(tmp_path: Path) -> None:
    path = make(tmp_path / "x.db", "CREATE TABLE t(id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES(1, 1)")
    for room in (1_000, 3_000, 10_000):
        shown = previewed(path, "UPDATE t SET a=?", ["long " * 10_000], max_chars=room)
        assert len(shown["text"]) + len(str(shown["data"])) <= room + 100
        assert shown["affected_rows"] == 1


def test_returning_is_cut_and_counted(tmp_path: Path) -> None:
    path = make(tmp_path / "x.db", "CREATE TABLE t(a)")
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n LIMIT 500) SELECT i FROM n"
    sql = f"INSERT INTO t {numbers} RETURNING a"
    returned = applied(path, sql)["data"]["returning"]
    assert (len(returned["rows"]), returned["row_count"]) == (50, 500)
    assert rows(path, "SELECT count(*) FROM t") == [(500,)]


@pytest.mark.parametrize("params", [[], [1, 2, 3], {"a": 1}, [[1]], [2**70], "x"])
def test_wrong_parameters_are_refused(shop: Path, params: Any) -> None:
    with pytest.raises((InvalidInput, sqlite3.ProgrammingError)):
        previewed(shop, "UPDATE customers SET name=? WHERE id=?", params)


@pytest.mark.requirement("WRITE-1")
def test_a_reading_connection_cannot_write(shop: Path) -> None:
    from mcp_servers_sqlite.engine.connection import open_read_only
    from mcp_servers_sqlite.engine.settings import Settings

    connection = open_read_only(str(shop), Settings())
    try:
        with pytest.raises((ServerError, StatementRefused)):
            preview(connection, {"sql": "DELETE FROM orders"})
    finally:
        connection.close()
