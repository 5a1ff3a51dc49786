import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_databases import Operation, ask, database, made, reading

from mcp_servers_shared.errors import InvalidInput, NotFound
from mcp_servers_shared.guard.sql.identifiers import quote
from mcp_servers_sqlite.engine.describing import describe_table
from mcp_servers_sqlite.engine.diagram import diagram
from mcp_servers_sqlite.engine.entries import compact
from mcp_servers_sqlite.engine.listing import list_tables
from mcp_servers_sqlite.engine.naming import fold, shown
from mcp_servers_sqlite.engine.profiling import profile_table
from mcp_servers_sqlite.engine.schema import (
    find,
    read_column_names,
    read_columns,
    read_foreign_keys,
    read_indexes,
    read_tables,
    read_triggers,
    try_columns,
)
from mcp_servers_sqlite.engine.searching import search_schema

ODD_NAMES = ["", "with space", "semi;colon", 'x"y', "x); DROP TABLE users; --", "new\nline", "café😀", "select", "123"]


@pytest.fixture
def odd() -> Iterator[sqlite3.Connection]:
    with contextlib.closing(reading(database("odd"))) as conn:
        yield conn


def test_every_object_has_its_kind(odd: sqlite3.Connection) -> None:
    tables = read_tables(odd)
    kinds = {name: tables[name].kind for name in ("users", "v_users", "docs", "docs_data", "sqlite_schema")}
    assert kinds == {
        "users": "table",
        "v_users": "view",
        "docs": "virtual",
        "docs_data": "shadow",
        "sqlite_schema": "internal",
    }
    assert tables["strict_t"].strict
    assert not tables["users"].strict
    assert tables["worowid"].without_rowid
    assert set(ODD_NAMES) <= set(tables)


def test_shadow_tables_belong_to_their_virtual_table(odd: sqlite3.Connection) -> None:
    owners = {name: table.owner for name, table in read_tables(odd).items() if table.kind == "shadow"}
    assert set(owners.values()) == {"docs", "boxes"}
    assert all(name.startswith(f"{owner}_") for name, owner in owners.items())
    assert {name: table.module for name, table in read_tables(odd).items() if table.module} == {
        "docs": "fts5",
        "boxes": "rtree",
    }


def test_columns_with_keys_generated_and_hidden_ones(odd: sqlite3.Connection) -> None:
    generated = {column.name: column.hidden for column in read_columns(odd, "gen")}
    assert generated == {"a": "", "b": "stored", "c": "virtual"}
    assert [column.name for column in read_columns(odd, "docs") if column.hidden == "hidden"] == ["docs", "rank"]
    users = {column.name: column for column in read_columns(odd, "users")}
    assert users["id"].key == 1
    assert users["name"].not_null
    assert users["email"].type == "TEXT"


def test_a_broken_view_is_reported_and_breaks_nothing(odd: sqlite3.Connection) -> None:
    columns, trouble = try_columns(odd, "broken_view")
    assert not columns
    assert "no_such_table" in trouble
    assert read_column_names(odd, read_tables(odd))["users"] == ["id", "name", "email", "age"]


def test_an_interrupt_is_not_mistaken_for_a_broken_view(odd: sqlite3.Connection) -> None:
    odd.set_progress_handler(lambda: 1, 1)
    with pytest.raises(sqlite3.OperationalError, match="interrupted"):
        try_columns(odd, "users")


def test_indexes_triggers_and_foreign_keys(odd: sqlite3.Connection) -> None:
    indexes = {index.name: index for index in read_indexes(odd, "posts")}
    assert indexes["posts_user"].columns == ["user_id"]
    assert indexes["posts_expr"].columns == [None]
    assert indexes["posts_expr"].partial
    assert [index.origin for index in read_indexes(odd, "users")] == ["u"]
    assert [trigger.name for trigger in read_triggers(odd, "users")] == ["users_ins"]
    keys = read_foreign_keys(odd, read_tables(odd))
    assert [(key.table, key.columns, key.target, key.on_delete) for key in keys] == [
        ("posts", ["user_id"], "users", "CASCADE")
    ]


def test_foreign_keys_of_several_columns_to_other_case_and_to_nowhere(tmp_path: Path) -> None:
    path = made(
        tmp_path / "keys.db",
        "CREATE TABLE Parent(a, b, PRIMARY KEY(a, b));"
        "CREATE TABLE child(x, y, z REFERENCES gone, FOREIGN KEY(x, y) REFERENCES PARENT);",
    )
    with contextlib.closing(reading(path)) as conn:
        first, second = read_foreign_keys(conn, read_tables(conn))
    assert (first.target, first.columns, first.found) == ("gone", ["z"], False)
    assert (second.target, second.columns, second.target_columns, second.found) == ("Parent", ["x", "y"], [], True)


@pytest.mark.requirement("SQL-2")
@pytest.mark.parametrize("name", [*ODD_NAMES, "users", "v_users", "docs", "gen", "sqlite_master", "broken_view"])
def test_every_existing_object_is_described_under_its_exact_name(name: str) -> None:
    answer = ask("odd", describe_table, table_name=name, sample_rows=2)
    assert answer["data"]["name"] == ("sqlite_schema" if name == "sqlite_master" else name)


@pytest.mark.requirement("SQL-2")
@pytest.mark.parametrize(
    "name",
    [
        "nope",
        'x"; DROP TABLE users; --',
        "users' OR 1=1 --",
        "users) UNION SELECT api_token FROM secrets --",
        "%",
        "x" * 1_000_000,
        "main.users",
        '"users"',
        "[users]",
        "users ",
        "users\0",
        "ſecrets",
    ],
)
def test_a_name_that_is_not_there_is_an_error_and_never_sql(name: str) -> None:
    for operation in (describe_table, profile_table):
        with pytest.raises(NotFound) as caught:
            ask("odd", operation, table_name=name)
        assert caught.value.code == "unknown_table"
        assert "tok_live_canary" not in caught.value.for_model()
        assert len(caught.value.for_model()) < 600


def test_an_unknown_table_brings_the_nearest_names() -> None:
    with pytest.raises(NotFound) as caught:
        ask("odd", describe_table, table_name="usres")
    assert caught.value.evidence["nearest"][0] == "users"
    assert len(caught.value.evidence["nearest"]) <= 3


def test_names_are_found_by_exact_case_first(tmp_path: Path) -> None:
    path = made(tmp_path / "case.db", "CREATE TABLE Été(a); CREATE TABLE Orders(a);")
    with contextlib.closing(reading(path)) as conn:
        tables = read_tables(conn)
    assert find(tables, "oRDERS").name == "Orders"
    with pytest.raises(NotFound):
        find(tables, "éTÉ")


def test_describe_says_all_that_the_schema_says() -> None:
    posts = ask("odd", describe_table, table_name="posts", sample_rows=2)
    assert posts["data"]["foreign_keys"] == [[["user_id"], "users", ["id"], "NO ACTION", "CASCADE"]]
    assert [index[0] for index in posts["data"]["indexes"]] == ["posts_expr", "posts_user"]
    assert "lower(title)" in posts["text"]
    assert len(posts["data"]["sample"]["rows"]) == 2
    users = ask("odd", describe_table, table_name="users")
    assert users["data"]["referred_to_by"] == [["posts", ["user_id"]]]
    assert users["data"]["triggers"][0][0] == "users_ins"
    assert "CREATE TABLE users" in users["text"]
    assert users["data"]["sql"].startswith("CREATE TABLE users")
    storage = ask("odd", describe_table, table_name="docs_data")
    assert "query that table instead" in storage["text"]
    assert storage["data"]["owner"] == "docs"
    index = ask("big", describe_table, table_name="reviews_fts")
    assert index["data"]["content"] == "reviews"
    assert "MATCH" in index["text"]


def test_sample_rows_follow_the_cell_rules() -> None:
    answer = ask("odd", describe_table, table_name="types", sample_rows=20)
    rows = dict(answer["data"]["sample"]["rows"])
    assert rows["int_min"] == str(-(2**63))
    assert rows["inf"] == "Inf"
    assert rows["blob"].startswith("<blob 256 B")
    assert "[100000 chars]" in rows["long"]
    assert "\u202e" not in answer["text"]


@pytest.mark.parametrize("room", [1_000, 1_300, 2_000, 5_000])
def test_answers_keep_to_their_characters(room: int) -> None:
    tables = ["average_average_367", "always_again_105", "poor_broken_52", "box_blue_493"]
    with contextlib.closing(reading(database("wide"))) as conn:
        present = read_tables(conn)
    for name in [table for table in tables if table in present] + sorted(present)[:8]:
        answer = ask("wide", describe_table, table_name=name, sample_rows=5, max_chars=room)
        assert len(answer["text"]) + len(compact(answer["data"])) <= room
        if "... " in answer["text"]:
            assert answer["truncated"]
            assert answer["notes"]


@pytest.mark.parametrize("args", [{"table_name": 5}, {}, {"table_name": "users", "sample_rows": 10_000}])
def test_arguments_that_make_no_sense_are_refused(args: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        ask("odd", describe_table, **args)


@pytest.mark.parametrize(
    ("operation", "args"),
    [
        (list_tables, {}),
        (describe_table, {"table_name": "users"}),
        (search_schema, {"text": "users"}),
        (profile_table, {"table_name": "users"}),
        (diagram, {}),
    ],
)
def test_what_the_worker_noted_about_its_connection_is_told(operation: Operation, args: dict[str, Any]) -> None:
    with contextlib.closing(reading(database("odd"))) as conn:
        conn.notes.append("read as a frozen file")
        assert operation(conn, args)["notes"][0] == "read as a frozen file"


# Any text SQLite can carry in a name; names that begin with sqlite_ are reserved.
_NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30).filter(
    lambda name: not fold(name).startswith("sqlite_")
)


@pytest.mark.requirement("SQL-2")
@settings(max_examples=60, deadline=None)
@given(table=_NAMES, columns=st.lists(_NAMES, min_size=1, max_size=4, unique_by=fold))
def test_any_name_survives_every_operation(table: str, columns: list[str]) -> None:
    with contextlib.closing(sqlite3.connect(":memory:")) as conn:
        conn.execute(f"CREATE TABLE {quote(table)}({', '.join(quote(column) for column in columns)})")
        conn.execute(f"INSERT INTO {quote(table)} DEFAULT VALUES")
        assert read_column_names(conn, read_tables(conn))[table] == columns
        described = describe_table(conn, {"table_name": table, "sample_rows": 1})
        assert described["data"]["name"] == table
        assert [column[0] for column in described["data"]["columns"]] == columns
        assert [
            column[0] for column in profile_table(conn, {"table_name": table, "budget_s": 60})["data"]["columns"]
        ] == columns
        listed = list_tables(conn, {})
        assert listed["data"]["described"][0][0] == table
        # A name stands on its own line: nothing in it may end the line or hide.
        assert listed["text"].splitlines()[2].startswith(shown(table))
        assert len(listed["text"].splitlines()) == 3
        assert diagram(conn, {})["data"]["tables"][0][1] == table
        for text in (table, columns[0]):
            with contextlib.suppress(InvalidInput):
                search_schema(conn, {"text": text})
