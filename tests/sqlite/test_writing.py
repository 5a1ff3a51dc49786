"""Preview, then apply: only what was shown, whole or not at all, and every failure says that nothing changed."""

import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
from write_world import applied, dump, make, previewed, rows, run, writing

from mcp_servers_shared.errors import InvalidInput, ServerError, StatementRefused
from mcp_servers_shared.guard.sql.write_gate import require_write
from mcp_servers_sqlite.engine.capture import RawText
from mcp_servers_sqlite.engine.change import Request, perform
from mcp_servers_sqlite.engine.digest import digest
from mcp_servers_sqlite.engine.transaction import transaction
from mcp_servers_sqlite.engine.volatile import Moment
from mcp_servers_sqlite.engine.writing import apply, preview


@pytest.fixture(params=["delete", "wal"])
def shop(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    return make(tmp_path / "shop.db", wal=request.param == "wal")


@pytest.mark.requirement("WRITE-2")
def test_a_preview_shows_the_change_and_does_nothing(shop: Path) -> None:
    before = dump(shop)
    sql = "UPDATE orders SET status = ?, cents = cents + 1 WHERE customer_id = ?"
    with writing(shop) as connection:
        shown = preview(connection, {"sql": sql, "params": ["paid", 1]})
        assert not connection.in_transaction
        run(shop, "UPDATE orders SET cents = cents")  # the lock is free again
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
@pytest.mark.parametrize("wrong", ["", "0" * 64, "é", "None"])
def test_a_wrong_digest_writes_nothing(shop: Path, wrong: str) -> None:
    before = dump(shop)
    assert applied(shop, "DELETE FROM orders", expect=wrong)["applied"] is False
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
        "UPDATE t SET a=a+1, day=date('now'), at=strftime('%Y-%m-%d %H:%M:%f','now')",
        "UPDATE t SET a=a+1, day=time('now'), at=unixepoch()",
    ):
        shown = previewed(path, sql)
        assert any("reads the clock" in note for note in shown["notes"]), sql
        assert previewed(path, sql)["digest"] == shown["digest"], sql
        assert applied(path, sql, expect=shown["digest"])["applied"], sql


def test_only_what_the_statement_writes_may_be_the_moment(tmp_path: Path) -> None:
    """A row made a second ago holds the moment too, and in the real write a minute later it does not: still equal."""
    path = make(
        tmp_path / "x.db",
        "CREATE TABLE t(id INTEGER PRIMARY KEY, made, updated); INSERT INTO t(made) VALUES(strftime('%s','now'))",
    )
    request = Request(require_write("UPDATE t SET updated=strftime('%s','now')"), [], 5, 50)
    with writing(path) as connection, transaction(connection):
        seen = perform(connection, request)
    (change,) = seen.samples
    assert change.after is not None
    later = Moment(time.time() + 100, time.time() + 101)
    written = {**change.after, "updated": RawText(str(int(later.start)).encode())}
    moved = seen._replace(samples=[change._replace(after=written)], volatile=seen.volatile._replace(moment=later))
    assert digest(request, moved) == digest(request, seen)
    stale = {**written, "updated": RawText(str(int(later.start) + 100).encode())}
    assert digest(request, moved._replace(samples=[change._replace(after=stale)])) != digest(request, seen)
    run(path, "UPDATE t SET made=made + 1")
    with writing(path) as connection, transaction(connection):
        assert digest(request, perform(connection, request)) != digest(request, seen)


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
