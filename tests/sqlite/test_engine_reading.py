"""The `query` operation: shapes, budgets, notes and refusals, on the databases nobody wants to meet."""

import json
import os
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from reading_world import SETTINGS, ask, make
from sample_databases import database

from mcp_servers_shared.errors import InvalidInput, LimitExceeded, StatementRefused, Unavailable
from mcp_servers_sqlite.engine.connection import open_read_only


def odd(sql: str, **args: Any) -> dict[str, Any]:
    return ask(database("odd"), sql, **args)


def test_the_shape_of_an_answer() -> None:
    reply = odd("SELECT id, name, NULL AS gap FROM users", limit=2)
    assert set(reply) == {
        *("columns", "rows", "text", "row_count", "truncated", "reason", "notes", "elapsed_ms", "next"),
    }
    assert reply["columns"] == [
        {"name": "id", "type": "integer"},
        {"name": "name", "type": "text"},
        {"name": "gap", "type": "null"},
    ]
    assert reply["text"].splitlines()[:2] == ["|id|name|gap|", "|-|-|-|"]
    assert (reply["row_count"], reply["truncated"], reply["reason"]) == (2, True, "rows")
    json.dumps(reply, allow_nan=False)


def test_exactly_as_many_rows_as_asked_is_not_truncated() -> None:
    for limit in (3, 4):
        reply = odd("SELECT * FROM (VALUES (1),(2),(3))", limit=limit)
        assert (reply["row_count"], reply["truncated"], reply["next"]) == (3, False, None)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id FROM users",
        "SELECT id FROM users LIMIT 100",
        "SELECT id FROM users ORDER BY name LIMIT 100 OFFSET 3;",
        "VALUES (1),(2),(3),(4)",
        "WITH a AS (SELECT id FROM users LIMIT 9) SELECT * FROM a -- all",
        "SELECT id FROM users UNION ALL SELECT id FROM posts",
        "SELECT 1 UNION ALL SELECT 2 UNION ALL VALUES (3),(4)",
        "PRAGMA table_info(users)",
        "EXPLAIN SELECT * FROM users",
        "SELECT id FROM users /* open",
    ],
)
def test_every_kind_of_read_is_cut_and_told(sql: str) -> None:
    reply = odd(sql, limit=2)
    assert (reply["row_count"], reply["truncated"], reply["reason"]) == (2, True, "rows")
    assert reply["next"]["offset"] == 2


def test_sqlite_sorts_no_more_than_it_shows() -> None:
    """The LIMIT of the page reaches SQLite: without it this sort would need a deadline."""
    reply = odd("SELECT a.id FROM posts a, posts b WHERE b.id < 40 ORDER BY random()", limit=5)
    assert reply["row_count"] == 5


def test_duplicate_empty_and_hostile_column_names_survive() -> None:
    reply = odd('SELECT 1 AS id, 2 AS id, 3 AS "", 4 AS "a|b\n|c", 5 AS "\u202ex"')
    assert [column["name"] for column in reply["columns"]] == ["id", "id", "", "a|b\n|c", "\u202ex"]
    assert reply["text"].splitlines()[0] == r"|id|id||a\|b\n\|c|\u{202e}x|"
    assert len(reply["text"].splitlines()) == 3


def test_invalid_utf8_is_shown_and_noted() -> None:
    reply = odd("SELECT k, v FROM types WHERE k IN ('bad_utf8', 'surrogate', 'empty') ORDER BY k")
    assert [list(row) for row in reply["rows"]] == [
        ["bad_utf8", "a\ufffdb"],
        ["empty", ""],
        ["surrogate", "\ufffd" * 3],
    ]
    assert any("not valid UTF-8" in note and "hex" in note for note in reply["notes"])


def test_nul_in_text_is_no_end() -> None:
    assert odd("SELECT v FROM types WHERE k='nul_text'")["rows"][0][0] == "a\0b"


def test_long_cells_are_cut_with_a_way_to_the_rest() -> None:
    reply = odd("SELECT v FROM types WHERE k='long'")
    assert reply["rows"][0][0] == "x" * 2_000 + "... [100000 chars]"
    assert any('substr("v", 2001, 2000)' in note for note in reply["notes"])
    assert not reply["truncated"]


@pytest.mark.requirement("OUT-1")
@pytest.mark.parametrize("style", ["markdown", "json"])
@pytest.mark.parametrize("room", [600, 3_000, 20_000])
def test_text_and_rows_together_fit_the_room(style: str, room: int) -> None:
    reply = odd("SELECT * FROM posts", limit=1_000, max_chars=room, format=style)
    size = len(reply["text"]) + len(json.dumps(reply["rows"], ensure_ascii=False, separators=(",", ":")))
    assert size <= room
    assert (reply["truncated"], reply["reason"]) == (True, "size")
    assert reply["next"]["offset"] == reply["row_count"] >= 1


@pytest.mark.requirement("OUT-1")
def test_a_row_too_large_for_the_answer_is_squeezed_and_said() -> None:
    reply = odd("SELECT v, v, v, v, v, v FROM types WHERE k='long'", max_chars=6_000)
    assert len(reply["text"]) < 6_000
    assert any("cut shorter" in note for note in reply["notes"])


@pytest.mark.parametrize(
    "sql", ["SELECT " + ",".join(["1"] * 1999), "SELECT " + ",".join(["id"] * 500) + " FROM users"]
)
def test_too_many_columns_are_refused_with_advice(sql: str) -> None:
    with pytest.raises(LimitExceeded) as caught:
        odd(sql, max_chars=3_000)
    assert caught.value.code == "too_wide"


def test_json_text_is_the_rows() -> None:
    reply = odd("SELECT k, v FROM types", format="json", limit=100)
    assert json.loads(reply["text"])["rows"] == [list(row) for row in reply["rows"]]
    assert "\u202e" not in reply["text"]


@pytest.mark.requirement("SQL-2")
@pytest.mark.parametrize(
    ("sql", "params", "row"),
    [
        ("SELECT ?+?", [1, 2], [3]),
        ("SELECT :a, @b, $c", {"a": 1, "b": "x", "c": None}, [1, "x", None]),
        ("SELECT :a", {":a": True}, [1]),
        ("SELECT ?2, ?1", ["a", "b"], ["b", "a"]),
        ("SELECT count(*) FROM users WHERE name=?", ["' OR 1=1; DROP TABLE users; --"], [0]),
        ("SELECT '?'", None, ["?"]),
    ],
)
def test_parameters_are_bound(sql: str, params: Any, row: list[Any]) -> None:
    assert list(odd(sql, params=params)["rows"][0]) == row


@pytest.mark.requirement("SQL-2")
@pytest.mark.parametrize(
    ("sql", "params"),
    [
        ("SELECT ?", [{"a": 1}]),
        ("SELECT ?", [[1]]),
        ("SELECT ?", [2**63]),
        ("SELECT ?", ["\udcff"]),
        ("SELECT ?", {"a": 1}),
        ("SELECT 1", {"a": 1}),
        ("SELECT :a", [1]),
        ("SELECT :a", {"b": 1}),
        ("SELECT ?", "text"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(sql: str, params: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        odd(sql, params=params)
    assert caught.value.code == "invalid_params"


@pytest.mark.parametrize("args", [{"limit": 0}, {"limit": 1001}, {"limit": "5"}, {"format": "xml"}, {"offset": -1}])
def test_arguments_cannot_pass_the_limits(args: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        odd("SELECT 1", **args)


def test_a_statement_without_rows_is_no_read() -> None:
    with pytest.raises((StatementRefused, sqlite3.DatabaseError)):
        odd("PRAGMA shrink_memory")


@pytest.mark.parametrize("name", ["a?b.db", "a#b.db", "a%41.db", "a b.db", "é😀.db", "a&mode=rwc.db"])
def test_odd_file_names_open_themselves(tmp_path: Path, name: str) -> None:
    make(tmp_path / name, "CREATE TABLE t(a); INSERT INTO t VALUES(7)")
    assert ask(tmp_path / name, "SELECT a FROM t")["rows"] == [(7,)]
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.requirement("SQL-1")
def test_nothing_is_created_by_mistake(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="does not exist"):
        ask(tmp_path / "none.db", "SELECT 1")
    with pytest.raises(Unavailable, match="is a folder"):
        ask(tmp_path, "SELECT 1")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def sealed_folder() -> Iterator[Path]:
    """A folder that this process may read and not write, also where the tests run as root."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder / "w.db", "PRAGMA journal_mode=WAL; CREATE TABLE t(a); INSERT INTO t VALUES(7)")
        folder.chmod(0o555)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)
        try:
            yield folder
        finally:
            if root:
                os.seteuid(0)
            folder.chmod(0o755)


@pytest.mark.skipif(sys.platform == "win32", reason="folders have no write bit on Windows")
def test_a_wal_database_in_a_folder_that_cannot_be_written_is_read_frozen(sealed_folder: Path) -> None:
    reply = ask(sealed_folder / "w.db", "SELECT a FROM t")
    assert list(reply["rows"]) == [(7,)]
    assert any("frozen" in note for note in reply["notes"])
    assert [path.name for path in sealed_folder.iterdir()] == ["w.db"]


def test_committed_rows_of_a_live_wal_database_are_seen(tmp_path: Path) -> None:
    """`immutable=1` on a live file would show the state before the last checkpoint."""
    path = make(tmp_path / "w.db", "PRAGMA journal_mode=WAL; CREATE TABLE t(a)")
    writer = sqlite3.connect(path, isolation_level=None)
    writer.executemany("INSERT INTO t VALUES(?)", [(n,) for n in range(100)])
    assert ask(path, "SELECT count(*) FROM t")["rows"] == [(100,)]
    writer.execute("INSERT INTO t VALUES(1)")
    writer.close()


def test_a_page_that_was_not_read_to_its_end_blocks_no_writer(tmp_path: Path) -> None:
    path = make(tmp_path / "r.db", "CREATE TABLE t(a)", [("INSERT INTO t VALUES(?)", [(n,) for n in range(5_000)])])
    connection = open_read_only(str(path), SETTINGS)
    from mcp_servers_sqlite.engine.reading import query

    assert query(connection, {"sql": "SELECT a FROM t", "limit": 3})["truncated"]
    writer = sqlite3.connect(path, timeout=0, isolation_level=None)
    writer.execute("DELETE FROM t")
    writer.close()
    connection.close()
