"""What a write call may touch: the gate's words, and the authorizer underneath."""

import contextlib
import sqlite3
from pathlib import Path

import pytest
from write_cases import ALLOWED, ODD, REFUSED
from write_world import applied, dump, files, make, previewed, rows, writing

from mcp_servers_shared.errors import ServerError, StatementRefused
from mcp_servers_shared.guard.sql.write_gate import require_write
from mcp_servers_shared.guard.sql.write_policy import WritePolicy
from mcp_servers_sqlite.engine.write_connection import write_policy


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    return make(tmp_path / "odd.db", ODD)


@pytest.mark.parametrize("sql", ALLOWED)
def test_ordinary_writes_are_allowed_and_do_what_sqlite_does(odd: Path, tmp_path: Path, sql: str) -> None:
    plain = make(tmp_path / "plain.db", ODD)
    with sqlite3.connect(plain, isolation_level=None) as connection:
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute(sql)
    connection.close()
    assert applied(odd, sql)["applied"]
    assert dump(odd) == dump(plain)


@pytest.mark.requirement("WRITE-1")
@pytest.mark.parametrize("sql", REFUSED)
def test_what_is_not_on_the_list_is_refused(odd: Path, tmp_path: Path, sql: str) -> None:
    sql = sql.replace("{out}", str(tmp_path / "out"))
    before, there = dump(odd), files(tmp_path)
    with pytest.raises((ServerError, sqlite3.Error)):
        previewed(odd, sql)
    with pytest.raises((ServerError, sqlite3.Error)):
        applied(odd, sql, expect="0" * 64)
    assert dump(odd) == before
    assert files(tmp_path) == there


@pytest.mark.requirement("WRITE-1")
@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("UPDATE customers SET name=load_extension('x')", "reaches outside the database"),
        ("INSERT INTO docs_data VALUES(99, x'00')", "a virtual table keeps its data here"),
        ("UPDATE sqlite_sequence SET seq=7", "SQLite keeps this table itself"),
        ("CREATE TEMP TABLE t(a)", "temporary objects would be gone after this call"),
        ("CREATE VIRTUAL TABLE t USING fts4(a)", "this kind of virtual table is not on the list"),
        ("INSERT INTO customers(name) SELECT file FROM pragma_database_list", "not on the list of reading pragmas"),
    ],
)
def test_a_refusal_names_its_reason(odd: Path, sql: str, words: str) -> None:
    with pytest.raises(StatementRefused) as refused:
        previewed(odd, sql)
    assert words in refused.value.message
    assert refused.value.hint
    assert refused.value.rule == "authorizer"


@pytest.mark.requirement("WRITE-1")
@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("", "no statement"),
        ("-- nothing", "no statement"),
        ("SELECT 1", "query_database"),
        ("WITH a AS (SELECT 1) SELECT * FROM a", "query_database"),
        ("EXPLAIN DELETE FROM customers", "explain_query"),
        ("PRAGMA user_version=9", "query_database"),
        ("PRAGMA journal_mode=WAL", "query_database"),
        ("BEGIN", "one transaction"),
        ("COMMIT", "one transaction"),
        ("SAVEPOINT a", "one transaction"),
        ("ATTACH 'x.db' AS x", "out of reach"),
        ("DETACH main", "out of reach"),
        ("VACUUM", "another program"),
        ("VACUUM INTO 'x.db'", "another program"),
        ("ANALYZE", "another program"),
        ("REINDEX", "another program"),
        ("DELETE FROM orders; DELETE FROM customers", "one statement"),
        ("DELETE FROM orders; --", None),
        ("TRUNCATE TABLE orders", "DELETE FROM"),
        ("DELTE FROM orders", "DELETE"),
        ("MERGE INTO orders", "ON CONFLICT"),
    ],
)
def test_the_gate_says_what_to_use_instead(sql: str, words: str | None) -> None:
    if words is None:
        require_write(sql)
        return
    with pytest.raises(StatementRefused) as refused:
        require_write(sql)
    assert words in f"{refused.value.message} {refused.value.hint}"


def test_a_table_may_be_called_like_a_function(odd: Path) -> None:
    for sql in ("CREATE TABLE readfile(a)", "CREATE INDEX i ON readfile(a)", "CREATE TABLE x(load_extension TEXT)"):
        assert applied(odd, sql)["applied"]


@pytest.mark.requirement("WRITE-1")
@pytest.mark.parametrize(
    "sql",
    [
        "ATTACH '{out}' AS x",
        "VACUUM INTO '{out}'",
        "BEGIN",
        "COMMIT",
        "SAVEPOINT a",
        "PRAGMA journal_mode=WAL",
        "PRAGMA writable_schema=ON",
        "PRAGMA foreign_keys=OFF",
        "PRAGMA trusted_schema=ON",
        "ANALYZE",
        "REINDEX",
        "CREATE TABLE t(a)",
        "DROP TABLE orders",
        "ALTER TABLE orders RENAME TO o",
    ],
)
def test_the_authorizer_holds_without_the_gate(odd: Path, tmp_path: Path, sql: str) -> None:
    before, there = dump(odd), files(tmp_path)
    with writing(odd) as connection:
        policy = write_policy(connection)
        policy.examine("UPDATE")
        with pytest.raises(sqlite3.DatabaseError):
            connection.execute(sql.replace("{out}", str(tmp_path / "out"))).fetchall()
        assert policy.last_denial is not None
    assert dump(odd) == before
    assert files(tmp_path) == there


@pytest.mark.requirement("WRITE-1")
def test_each_verb_opens_only_its_own_schema_actions() -> None:
    policy = WritePolicy()
    actions = {
        "CREATE": sqlite3.SQLITE_CREATE_TABLE,
        "DROP": sqlite3.SQLITE_DROP_TABLE,
    }
    for verb in ("CREATE", "DROP", "ALTER", "UPDATE", "INSERT", "DELETE", ""):
        policy.examine(verb)
        for needed, action in actions.items():
            allowed = policy(action, "t", None, "main", None) == sqlite3.SQLITE_OK
            assert allowed == (verb == needed)
        altered = policy(sqlite3.SQLITE_ALTER_TABLE, "main", "t", None, None) == sqlite3.SQLITE_OK
        assert altered == (verb == "ALTER")
        assert policy(sqlite3.SQLITE_ATTACH, "x", None, None, None) == sqlite3.SQLITE_DENY
        assert policy(sqlite3.SQLITE_TRANSACTION, "BEGIN", None, None, None) == sqlite3.SQLITE_DENY
        assert policy(9999, "x", None, None, None) == sqlite3.SQLITE_DENY


@pytest.mark.requirement("WRITE-1")
def test_only_known_tables_of_main_can_be_changed() -> None:
    policy = WritePolicy()
    policy.know(["t", "Mixed"], ["t_data"])
    policy.examine("UPDATE")
    change = sqlite3.SQLITE_UPDATE
    assert policy(change, "t", "a", "main", None) == sqlite3.SQLITE_OK
    assert policy(change, "MIXED", "a", "main", "some_trigger") == sqlite3.SQLITE_OK
    for table, schema in (
        ("other", "main"),
        ("t", "temp"),
        ("t", "x"),
        ("t_data", "main"),
        ("sqlite_sequence", "main"),
    ):
        assert policy(change, table, "a", schema, None) == sqlite3.SQLITE_DENY
    policy.run()
    assert policy(change, "t_data", "a", "main", None) == sqlite3.SQLITE_OK
    policy.examine("UPDATE")
    assert policy(change, "t_data", "a", "main", None) == sqlite3.SQLITE_DENY


@pytest.mark.requirement("WRITE-1")
def test_own_work_ends_with_its_block_even_after_an_error() -> None:
    policy = WritePolicy()
    policy.examine("UPDATE")
    begin = (sqlite3.SQLITE_TRANSACTION, "BEGIN", None, None, None)
    with contextlib.suppress(ValueError), policy.own_work():
        assert policy(*begin) == sqlite3.SQLITE_OK
        raise ValueError
    assert policy(*begin) == sqlite3.SQLITE_DENY


@pytest.mark.requirement("WRITE-1")
def test_the_statement_cannot_reach_the_capture(odd: Path) -> None:
    """The log and the counters have names that nobody knows; knowing the prefix must not help either."""
    with writing(odd) as connection:
        policy = write_policy(connection)
        policy.private = "mcp_known"
        connection.create_function("mcp_known_0", 0, lambda: 1)
        with policy.own_work():
            connection.execute("CREATE TEMP TABLE mcp_known(seq, source, value)")
            connection.execute("CREATE TEMP TRIGGER mcp_known_t AFTER INSERT ON main.totals BEGIN SELECT 1; END")
        policy.know(["customers"], [])
        policy.examine("UPDATE")
        for sql in (
            "UPDATE customers SET name=mcp_known_0()",
            "UPDATE customers SET name=(SELECT count(*) FROM mcp_known)",
            "INSERT INTO mcp_known VALUES(1,1,1)",
            "DELETE FROM mcp_known",
            "DROP TRIGGER mcp_known_t",
        ):
            with pytest.raises(sqlite3.DatabaseError, match=r"not authorized|prohibited"):
                connection.execute(f"EXPLAIN {sql}")


def test_foreign_keys_hold_and_nothing_is_created(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="does not exist"), writing(tmp_path / "absent.db"):
        pass
    assert files(tmp_path) == set()
    path = make(tmp_path / "a?b#c%20.db")
    with writing(path) as connection:
        assert connection.execute("PRAGMA foreign_keys").fetchone() == (1,)
    assert files(tmp_path) == {path.name}
    assert rows(path, "SELECT count(*) FROM orders") == [(5,)]
