"""The authorizer alone, on connections that could write: what it lets SQLite prepare, and what it says when not."""

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_databases import database

from mcp_servers_shared.errors import InvalidInput
from mcp_servers_shared.guard.sql import limits
from mcp_servers_shared.guard.sql.identifiers import fold, quote
from mcp_servers_shared.guard.sql.policy import PlanPolicy, ReadPolicy
from mcp_servers_sqlite.engine.connection import shadow_tables


@pytest.fixture
def writable(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that would write, were it not for the policy."""
    shutil.copyfile(database("odd"), tmp_path / "odd.db")
    connection = sqlite3.connect(tmp_path / "odd.db", isolation_level=None)
    connection.execute("CREATE VIRTUAL TABLE legacy USING fts4(body)")
    connection.execute("INSERT INTO legacy VALUES('some words')")
    yield connection
    connection.close()


def guarded(connection: sqlite3.Connection, kind: type[ReadPolicy] = ReadPolicy) -> ReadPolicy:
    policy = kind(shadow_tables(connection))
    connection.set_authorizer(policy)
    return policy


READS = [
    "SELECT * FROM users",
    "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE x<3) SELECT * FROM c",
    "SELECT j.value FROM json_each('[1,2]') j",
    "SELECT name FROM pragma_table_info('users')",
    "SELECT count(*) FROM pragma_function_list",
    "SELECT title FROM docs WHERE docs MATCH 'refund' ORDER BY rank LIMIT 1",
    "SELECT snippet(docs, 0, '[', ']', '', 3) FROM docs('refund') LIMIT 1",
    "SELECT body FROM legacy WHERE legacy MATCH 'words'",
    "SELECT id FROM boxes WHERE x0 <= 1",
    "SELECT * FROM v_users LIMIT 1",
    "PRAGMA table_xinfo(users)",
    "PRAGMA index_list('posts')",
    "PRAGMA foreign_key_check",
    "PRAGMA user_version",
    "PRAGMA main.page_count",
    "EXPLAIN QUERY PLAN SELECT * FROM users",
    "SELECT sqlite_version(), changes(), randomblob(2)",
]
REFUSED = [
    ("DELETE FROM users", "DELETE", "users"),
    ("WITH x AS (SELECT 1) UPDATE users SET name='z' WHERE id IN (SELECT * FROM x)", "UPDATE", "users"),
    ("INSERT INTO boxes VALUES(2,0,1,0,1)", "INSERT", "boxes"),
    ("CREATE TEMP TABLE t(a)", "INSERT", "sqlite_temp_master"),
    ("CREATE VIEW v AS SELECT 1", "INSERT", "sqlite_master"),
    ("DROP TABLE users", "DELETE", "sqlite_master"),
    ("BEGIN", "TRANSACTION", "BEGIN"),
    ("SAVEPOINT a", "SAVEPOINT", "BEGIN"),
    ("ATTACH 'x' AS y", "ATTACH", "x"),
    ("DETACH main", "DETACH", "main"),
    ("REINDEX users", "REINDEX", "sqlite_autoindex_users_1"),
    ("PRAGMA user_version=9", "PRAGMA", "user_version"),
    ("PRAGMA journal_mode(WAL)", "PRAGMA", "journal_mode"),
    ("PRAGMA query_only=0", "PRAGMA", "query_only"),
    ("PRAGMA database_list", "PRAGMA", "database_list"),
    ("SELECT file FROM pragma_database_list", "PRAGMA", "database_list"),
    ("PRAGMA wal_checkpoint", "PRAGMA", "wal_checkpoint"),
    ("PRAGMA optimize", "PRAGMA", "optimize"),
    ("SELECT LOAD_Extension('x')", "FUNCTION", "load_extension"),
    ("SELECT fts3_tokenizer('simple')", "FUNCTION", "fts3_tokenizer"),
    ("SELECT optimize(legacy) FROM legacy", "FUNCTION", "optimize"),
]


@pytest.mark.parametrize("sql", READS)
def test_ordinary_reading_works(writable: sqlite3.Connection, sql: str) -> None:
    policy = guarded(writable)
    writable.execute(sql).fetchall()
    assert policy.last_denial is None


@pytest.mark.requirement("SQL-1")
@pytest.mark.parametrize(("sql", "action", "name"), REFUSED)
def test_everything_else_is_refused_with_the_rule(
    writable: sqlite3.Connection, sql: str, action: str, name: str
) -> None:
    policy = guarded(writable)
    with pytest.raises(sqlite3.DatabaseError, match=r"not authorized|prohibited"):
        writable.execute(sql).fetchall()
    assert policy.last_denial is not None
    assert (policy.last_denial.action, policy.last_denial.object) == (action, name)
    refusal = policy.refusal()
    assert refusal.rule == "authorizer"
    assert name in refusal.message
    assert policy.last_denial.rule in refusal.message
    assert refusal.hint


@pytest.mark.requirement("SQL-1")
@pytest.mark.parametrize("table", ["sqlite_dbpage", "SQLITE_STMT", "sqlite_dbdata"])
def test_tables_that_show_the_raw_file_are_hidden(table: str) -> None:
    policy = ReadPolicy()
    assert policy(sqlite3.SQLITE_READ, table, "x", "main", None) == sqlite3.SQLITE_DENY
    assert policy(sqlite3.SQLITE_READ, "users", "x", "main", None) == sqlite3.SQLITE_OK


def test_the_two_exceptions_prepare_a_write_that_cannot_run(writable: sqlite3.Connection) -> None:
    guarded(writable)
    assert "boxes_node" in shadow_tables(writable)
    with pytest.raises(sqlite3.DatabaseError, match="may not be modified"):
        writable.execute("UPDATE sqlite_master SET sql='x'")


def test_a_plan_of_a_write_may_be_prepared_and_nothing_else(writable: sqlite3.Connection) -> None:
    guarded(writable, PlanPolicy)
    before = writable.execute("SELECT count(*) FROM users").fetchone()
    writable.execute("EXPLAIN QUERY PLAN DELETE FROM users").fetchall()
    writable.execute("EXPLAIN QUERY PLAN INSERT INTO users(name) SELECT name FROM users").fetchall()
    assert writable.execute("SELECT count(*) FROM users").fetchone() == before
    for sql in ("CREATE TABLE t(a)", "PRAGMA user_version=3", "ATTACH 'x' AS y", "INSERT INTO sqlite_schema VALUES(1)"):
        with pytest.raises(sqlite3.DatabaseError):
            writable.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall()


@pytest.mark.requirement("SQL-3")
def test_limits_are_all_set(writable: sqlite3.Connection) -> None:
    limits.apply_limits(writable)
    assert all(writable.getlimit(category) <= value for category, value in limits.LIMITS.items())
    with pytest.raises(sqlite3.DataError, match="too big"):
        writable.execute("SELECT zeroblob(9000000)")


@pytest.mark.requirement("SQL-2")
@settings(deadline=None)
@given(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_a_quoted_name_is_that_name_and_nothing_more(name: str) -> None:
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute(f"CREATE TABLE {quote('t' + name)}(a)")
        found = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type='table'")]
        assert found == ["t" + name]
    finally:
        connection.close()


@pytest.mark.requirement("SQL-2")
def test_a_name_with_nul_is_no_name() -> None:
    with pytest.raises(InvalidInput):
        quote("a\0b")


def test_only_ascii_letters_fold() -> None:
    assert fold("ÄbC") == "Äbc"
