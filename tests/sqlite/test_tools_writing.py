"""Writing as a client sees it: previewed, asked for in every way there is, done once, exactly as shown."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.types import CallToolResult, ElicitResult
from sessions import NO, YES, Era, both_eras, call, code_of, data_of, made, notices_of, play, settings, text_of

SHOP = """
CREATE TABLE customers(id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE orders(id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customers(id) ON DELETE CASCADE, cents INT);
INSERT INTO customers VALUES(1, 'Ada'), (2, 'Ben'), (3, 'Chi');
INSERT INTO orders VALUES(10, 1, 100), (11, 1, 200), (12, 2, 300);
"""
DELETE: dict[str, Any] = {"sql": "DELETE FROM customers WHERE id = ?", "params": [1]}
Answerer = Callable[[str], ElicitResult]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return made(tmp_path / "data" / "shop.db", SHOP)


def rows(database: Path, sql: str = "SELECT id FROM customers ORDER BY id") -> list[Any]:
    connection = sqlite3.connect(database)
    try:
        return [row[0] for row in connection.execute(sql)]
    finally:
        connection.close()


def elsewhere(database: Path, sql: str) -> None:
    """Runs a statement in another process."""
    code = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()"
    subprocess.run([sys.executable, "-c", code, str(database), sql], check=True, timeout=60)


@both_eras
def test_a_client_that_can_ask_is_asked_with_the_preview(shop: Path, era: Era) -> None:
    questions: list[str] = []

    def answer(question: str) -> ElicitResult:
        questions.append(question)
        assert rows(shop) == [1, 2, 3], "changed before anybody agreed"
        return YES

    async def scene(client: Client) -> CallToolResult:
        return await client.call_tool("execute_sql", DELETE)

    result = play(scene, settings(shop, allow_writes=True), era, answer)
    data = data_of(result)
    assert (data["applied"], data["affected_rows"], data["other_rows"]) == (True, 1, 2)
    assert len(questions) == 1
    for said in ("would change 1 row of customers", "2 rows more", "orders: 2 deleted", "Ada", "Do exactly this?"):
        assert said in questions[0]
    assert "changed 1 row of customers" in text_of(result)
    assert rows(shop) == [2, 3]
    assert rows(shop, "SELECT id FROM orders") == [12]


@both_eras
@pytest.mark.requirement("CONF-2")
@pytest.mark.parametrize(
    "answer",
    [NO, ElicitResult(action="decline"), ElicitResult(action="cancel"), ElicitResult(action="accept", content={})],
    ids=["no", "decline", "cancel", "empty"],
)
def test_anything_but_a_yes_changes_nothing(shop: Path, era: Era, answer: ElicitResult) -> None:
    before = shop.read_bytes()

    async def scene(client: Client) -> CallToolResult:
        return await client.call_tool("execute_sql", DELETE)

    result = play(scene, settings(shop, allow_writes=True), era, lambda _: answer)
    assert result.is_error
    if answer.content != {}:
        assert code_of(result) == "not_confirmed"
        assert "nothing was changed" in text_of(result)
    assert shop.read_bytes() == before


@both_eras
@pytest.mark.requirement("CONF-1")
def test_a_client_that_cannot_ask_gets_a_confirm_id_that_works_once(shop: Path, era: Era) -> None:
    async def scene(client: Client) -> list[CallToolResult]:
        preview = await client.call_tool("execute_sql", DELETE)
        confirm_id = data_of(preview)["confirm_id"]
        assert f"confirm_id={confirm_id}" in notices_of(preview)
        assert data_of(preview)["applied"] is False
        assert rows(shop) == [1, 2, 3]
        done = await client.call_tool("execute_sql", {**DELETE, "confirm_id": confirm_id})
        again = await client.call_tool("execute_sql", {**DELETE, "confirm_id": confirm_id})
        return [preview, done, again]

    _, done, again = play(scene, settings(shop, allow_writes=True), era)
    assert data_of(done)["applied"] is True
    assert code_of(again) == "bad_confirm_id"
    assert rows(shop) == [2, 3]


@pytest.mark.requirement("CONF-1")
@pytest.mark.parametrize(
    "other",
    [{"params": [2]}, {"sql": "DELETE FROM customers WHERE id >= ?"}, {"backup": True}, {"confirm_id": "guess"}],
    ids=["params", "sql", "backup", "guess"],
)
def test_a_confirm_id_opens_nothing_else_and_is_used_up(shop: Path, other: dict[str, Any]) -> None:
    before = shop.read_bytes()

    async def scene(client: Client) -> list[CallToolResult]:
        confirm_id = data_of(await client.call_tool("execute_sql", DELETE))["confirm_id"]
        tried = await client.call_tool("execute_sql", {**DELETE, "confirm_id": confirm_id, **other})
        if "confirm_id" in other:
            return [tried]
        return [tried, await client.call_tool("execute_sql", {**DELETE, "confirm_id": confirm_id})]

    for result in play(scene, settings(shop, allow_writes=True)):
        assert code_of(result) in ("stale_confirm_id", "bad_confirm_id")
    assert shop.read_bytes() == before


@pytest.mark.requirement("CONF-1")
def test_a_confirm_id_is_for_one_database(shop: Path, tmp_path: Path) -> None:
    twin = made(tmp_path / "twin.db", SHOP)

    async def scene(client: Client) -> CallToolResult:
        preview = await client.call_tool("execute_sql", {**DELETE, "database": "shop"})
        confirm = {"confirm_id": data_of(preview)["confirm_id"], "database": "twin"}
        return await client.call_tool("execute_sql", {**DELETE, **confirm})

    assert code_of(play(scene, settings(shop, twin, allow_writes=True))) == "stale_confirm_id"
    assert rows(shop) == rows(twin) == [1, 2, 3]


@pytest.mark.requirement("CONF-1")
def test_data_changed_elsewhere_makes_the_preview_stale_confirm_id(shop: Path) -> None:
    async def scene(client: Client) -> CallToolResult:
        preview = await client.call_tool("execute_sql", DELETE)
        elsewhere(shop, "UPDATE customers SET name = 'Eve' WHERE id = 1")
        return await client.call_tool("execute_sql", {**DELETE, "confirm_id": data_of(preview)["confirm_id"]})

    assert code_of(play(scene, settings(shop, allow_writes=True))) == "stale_confirm_id"
    assert rows(shop) == [1, 2, 3]


@both_eras
@pytest.mark.requirement("CONF-1")
def test_data_changed_while_the_person_thinks_makes_the_preview_stale(shop: Path, era: Era) -> None:
    def answer(question: str) -> ElicitResult:
        elsewhere(shop, "INSERT INTO orders VALUES(13, 1, 400)")
        return YES

    async def scene(client: Client) -> CallToolResult:
        return await client.call_tool("execute_sql", DELETE)

    result = play(scene, settings(shop, allow_writes=True), era, answer)
    assert code_of(result) in ("stale_preview", "stale_confirm_id")
    assert rows(shop) == [1, 2, 3]


def test_data_changed_in_another_table_does_not_matter(shop: Path) -> None:
    def answer(question: str) -> ElicitResult:
        elsewhere(shop, "UPDATE orders SET cents = 1 WHERE id = 12")
        return YES

    async def scene(client: Client) -> CallToolResult:
        return await client.call_tool("execute_sql", DELETE)

    assert data_of(play(scene, settings(shop, allow_writes=True), "auto", answer))["applied"] is True


def test_a_statement_that_changes_nothing_asks_nobody(shop: Path) -> None:
    def answer(question: str) -> ElicitResult:
        raise AssertionError("asked about nothing")

    async def scene(client: Client) -> CallToolResult:
        return await client.call_tool("execute_sql", {"sql": "DELETE FROM customers WHERE id = 99"})

    assert data_of(play(scene, settings(shop, allow_writes=True), "auto", answer))["applied"] is False


def test_a_backup_is_a_whole_copy_made_before(shop: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"

    async def scene(client: Client) -> CallToolResult:
        return await client.call_tool("execute_sql", {**DELETE, "backup": True})

    data = data_of(play(scene, settings(shop, allow_writes=True, backup_dir=folder), "auto", lambda _: YES))
    (copy,) = folder.iterdir()
    assert data["backup"] == str(copy)
    assert rows(copy) == [1, 2, 3]
    assert rows(shop) == [2, 3]
    assert sorted(path.name for path in shop.parent.iterdir()) == ["shop.db"], "something was left beside the database"


def test_no_backup_means_no_write(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    async def scene(client: Client) -> CallToolResult:
        return await client.call_tool("execute_sql", {**DELETE, "backup": True})

    served = settings(shop, allow_writes=True, backup_dir=tmp_path / "file" / "backups")
    assert code_of(play(scene, served, "auto", lambda _: YES)) == "backup_failed"
    assert rows(shop) == [1, 2, 3]


REFUSED = {
    "SELECT * FROM customers": "query_database",
    "DELETE FROM customers; DELETE FROM orders": "one statement",
    "ATTACH 'other.db' AS o": "",
    "VACUUM INTO 'copy.db'": "",
    "PRAGMA journal_mode=WAL": "",
    "BEGIN": "",
    "DELETE FROM custmers": "customers",
    "INSERT INTO customers(nmae) VALUES('x')": "name",
    "INSERT INTO customers(id, name) VALUES(1, 'x')": "UNIQUE",
    "CREATE TEMP TABLE x(a)": "",
}


@both_eras
def test_what_writing_refuses_leaves_no_trace(shop: Path, era: Era) -> None:
    before = shop.read_bytes()

    async def scene(client: Client) -> list[CallToolResult]:
        return [await client.call_tool("execute_sql", {"sql": sql}) for sql in REFUSED]

    for (sql, says), result in zip(REFUSED.items(), play(scene, settings(shop, allow_writes=True), era), strict=True):
        assert code_of(result), sql
        assert says in text_of(result), sql
    assert shop.read_bytes() == before
    assert sorted(path.name for path in shop.parent.iterdir()) == ["shop.db"]


def test_create_makes_a_database_only_with_allow_writes(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    sql = "CREATE TABLE t(a)"
    assert code_of(call(settings(path, create=True), "query_database", sql="SELECT 1")) == "not_found"
    assert code_of(call(settings(path, allow_writes=True), "execute_sql", sql=sql)) == "not_found"
    assert not path.exists()

    async def scene(client: Client) -> CallToolResult:
        return await client.call_tool("execute_sql", {"sql": sql})

    done = play(scene, settings(path, create=True, allow_writes=True), "auto", lambda _: YES)
    assert data_of(done)["applied"] is True
    assert rows(path, "SELECT name FROM sqlite_schema") == ["t"]


def test_a_report_that_does_not_fit_is_no_failure_of_the_write(tmp_path: Path) -> None:
    columns = ",".join(f'"{"c" * 150}{number}"' for number in range(40))
    wide = made(tmp_path / "wide.db", f"CREATE TABLE t({columns}); INSERT INTO t DEFAULT VALUES;")
    asked = {"sql": "INSERT INTO t DEFAULT VALUES RETURNING *"}

    async def scene(client: Client) -> CallToolResult:
        return await client.call_tool("execute_sql", asked)

    result = play(scene, settings(wide, allow_writes=True, max_result_chars=2_000), "legacy", lambda _: YES)
    assert data_of(result)["applied"] is True
    assert "does not fit" in text_of(result)
    assert rows(wide, "SELECT count(*) FROM t") == [2]
    assert len(json.dumps(data_of(result))) < 500
