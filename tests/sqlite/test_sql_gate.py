"""The gate names what it refuses, lets doubtful text through to SQLite, and never takes part of a text."""

import contextlib

import pytest
from corpus import CASES
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_servers_shared.errors import StatementRefused
from mcp_servers_shared.guard.sql import gate
from mcp_servers_shared.guard.sql.gate import classify, require_read


@pytest.mark.parametrize(
    ("sql", "kind", "verb"),
    [
        ("select 1", gate.READ, "SELECT"),
        ("VALUES (1)", gate.READ, "VALUES"),
        ("/* a */ -- b\n SELECT 1", gate.READ, "SELECT"),
        ("WITH a AS (SELECT 1) SELECT * FROM a", gate.READ, "SELECT"),
        ("WITH RECURSIVE a(x) AS (SELECT 1), b AS MATERIALIZED (SELECT 2) SELECT 1", gate.READ, "SELECT"),
        ("WITH x AS NOT MATERIALIZED (SELECT 1) DELETE FROM t", gate.WRITE, "DELETE"),
        ("WITH replace AS (SELECT 1) SELECT * FROM replace", gate.READ, "SELECT"),
        ("REPLACE INTO t VALUES(1)", gate.WRITE, "REPLACE"),
        ("CREATE TABLE t(a)", gate.DDL, "CREATE"),
        ("begin", gate.TRANSACTION, "BEGIN"),
        ("ATTACH 'x' AS y", gate.ATTACH, "ATTACH"),
        ("VACUUM INTO 'x'", gate.MAINTENANCE, "VACUUM"),
        ("PRAGMA user_version", gate.PRAGMA, "PRAGMA"),
        ("ſelect 1", gate.UNKNOWN, "ſelect"),
        (";; SELECT 1", gate.READ, "SELECT"),
    ],
)
def test_kinds(sql: str, kind: str, verb: str) -> None:
    statement = classify(sql)
    assert (statement.kind, statement.verb) == (kind, verb)


def test_the_text_ends_with_the_last_token_so_that_a_clause_can_follow() -> None:
    assert classify("  SELECT 1 ; -- done").text == "  SELECT 1"
    assert classify("SELECT 1 /* open").text == "SELECT 1"


def test_explain_holds_the_statement_it_explains() -> None:
    statement = classify("EXPLAIN QUERY PLAN WITH a AS (SELECT 1) UPDATE t SET x=1")
    assert statement.kind == gate.EXPLAIN
    assert statement.inner is not None
    assert (statement.inner.kind, statement.inner.verb) == (gate.WRITE, "UPDATE")


def test_a_trigger_is_one_statement() -> None:
    sql = "CREATE TRIGGER a AFTER INSERT ON t BEGIN DELETE FROM t; SELECT 1; END"
    assert classify(sql).text == sql
    assert classify(sql + ";").text == sql
    with pytest.raises(StatementRefused, match="second statement"):
        classify(sql + "; DROP TABLE t")


@pytest.mark.requirement("SQL-1")
@pytest.mark.parametrize(
    ("sql", "code", "words"),
    [
        ("", "empty_statement", "no statement"),
        (" ; -- x", "empty_statement", "no statement"),
        ("SELECT '\0'", "bad_text", "NUL"),
        ("SELECT '\udcff'", "bad_text", "surrogate"),
        ("SELECT 1" + " " * 100_000, "sql_too_long", "longer than"),
        ("SELECT '" + "é" * 60_000 + "'", "sql_too_long", "longer than"),
        ("SELECT 1; DROP TABLE t", "many_statements", "second statement (DROP)"),
        ("SELECT 1; WITH a AS (SELECT 1) SELECT 1", "many_statements", "second statement (WITH)"),
        ("SELECT 1;;", "many_statements", "extra semicolon"),
        ("SELECT 'it's; done'", "many_statements", "more text"),
        ("WITH x AS (SELECT 1) DELETE FROM t", "statement_refused", "DELETE is a write"),
        ("DROP TABLE t", "statement_refused", "DROP is a schema change"),
        ("COMMIT", "statement_refused", "COMMIT is a transaction"),
        ("DETACH main", "statement_refused", "other files"),
        ("REINDEX", "statement_refused", "maintenance"),
        ("EXPLAIN DELETE FROM t", "statement_refused", "EXPLAIN DELETE is a write"),
        ("EXPLAIN PRAGMA user_version=1", "statement_refused", "EXPLAIN works on a SELECT"),
    ],
)
def test_refusals_name_the_kind_and_what_to_do(sql: str, code: str, words: str) -> None:
    with pytest.raises(StatementRefused) as caught:
        require_read(sql)
    assert caught.value.code == code
    assert words in caught.value.message
    assert caught.value.hint
    caught.value.for_model().encode()


@pytest.mark.parametrize("sql", ["SELEC 1", "SELECT 'open", "\x0bSELECT 1", "EXPLAIN", "COPY t TO 'x'", "SELECT $$"])
def test_what_the_gate_does_not_know_is_left_to_sqlite(sql: str) -> None:
    assert require_read(sql).kind in (gate.UNKNOWN, gate.READ)


@settings(deadline=None)
@given(st.text(alphabet=st.characters(codec=None, categories=None), max_size=60))
def test_any_text_is_answered(sql: str) -> None:
    with contextlib.suppress(StatementRefused):
        assert sql.startswith(classify(sql).text)


def test_the_corpus_is_there() -> None:
    assert len(CASES.read_text(encoding="utf-8").splitlines()) == 254
