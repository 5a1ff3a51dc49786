import contextlib
import random
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_databases import ask, database, made, reading

from mcp_servers_shared.guard.sql.identifiers import quote
from mcp_servers_sqlite.engine.diagram import diagram
from mcp_servers_sqlite.engine.entries import compact
from mcp_servers_sqlite.engine.mermaid import Ids, comment
from mcp_servers_sqlite.engine.naming import fold

# The part of Mermaid's grammar that a diagram may use, narrower than what mermaid 11 takes. Where Node is at hand,
# `mermaid.parse` took all of these, too.
WORD = r"[A-Za-z][A-Za-z0-9_]*"
LABEL = r'"[^"%{}<>\n]+"'
LINES = re.compile(
    rf"erDiagram"
    rf"|  %% {WORD} is \"[^%{{<\n]*\""
    rf"|  (?P<id>{WORD})(\[{LABEL}\])?( \{{)?"
    rf"|    (?P<type>{WORD}) (?P<attribute>{WORD})( (PK|FK|PK, FK))?( {LABEL})?"
    rf"|  \}}"
    rf"|  {WORD} (\|o|\|\|)--(o\{{|o\|) {WORD} : {LABEL}"
)
TAKEN_WORDS = "one only many more zero to optionally identifying or u title direction class style classdef end"
TAKEN = set(TAKEN_WORDS.split())


def check(text: str) -> list[str]:
    """The ids of a diagram whose lines all fit the grammar."""
    ids: list[str] = []
    for line in text.split("\n"):
        match = LINES.fullmatch(line)
        assert match, line
        assert not re.search(r"direction\s+(TB|BT|RL|LR)", line, re.IGNORECASE) or "%%" in line, line
        if match["id"]:
            ids.append(match["id"])
        if match["attribute"]:
            assert match["attribute"].upper() not in {"PK", "FK", "UK"}
            assert match["type"].upper() not in {"PK", "FK", "UK"}
    assert len({one.lower() for one in ids}) == len(ids)
    assert not {one.lower() for one in ids} & TAKEN
    return ids


@pytest.mark.parametrize("which", ["odd", "clinic", "big", "wide"])
@pytest.mark.parametrize("room", [1_000, 3_000, 48_000])
def test_diagrams_fit_the_grammar_and_the_budget(which: str, room: int) -> None:
    answer = ask(which, diagram, max_chars=room)
    ids = check(answer["text"])
    assert len(answer["text"]) + len(compact(answer["data"])) <= room
    assert ids == [entry[0] for entry in answer["data"]["tables"]]
    assert answer["truncated"] == bool(answer["notes"])


def test_tables_keys_and_foreign_keys_are_drawn() -> None:
    answer = ask("big", diagram)
    assert "    INTEGER customer_id FK" in answer["text"]
    assert "    INTEGER id PK" in answer["text"]
    assert '  customers ||--o{ orders : "customer_id"' in answer["text"]
    assert ["orders", "customers", "customer_id"] in answer["data"]["foreign_keys"]
    assert not answer["truncated"]
    # user_id of posts may be NULL.
    assert '  users |o--o{ posts : "user_id"' in ask("odd", diagram)["text"]


def test_one_to_one_itself_and_nowhere(tmp_path: Path) -> None:
    path = made(
        tmp_path / "keys.db",
        "CREATE TABLE a(id INTEGER PRIMARY KEY, up INTEGER REFERENCES a);"
        "CREATE TABLE b(id INTEGER PRIMARY KEY REFERENCES a, gone REFERENCES nowhere);",
    )
    with contextlib.closing(reading(path)) as conn:
        answer = diagram(conn, {})
    assert '  a ||--o| b : "id"' in answer["text"]
    assert '  a |o--o{ a : "up"' in answer["text"]
    assert "nowhere" not in answer["text"]
    assert "1 foreign keys to tables that do not exist" in answer["notes"][0]


def test_what_does_not_fit_is_said() -> None:
    few = ask("wide", diagram, max_chars=4_000)
    assert "of 500 tables are left out" in few["notes"][0]
    assert "no columns" in few["notes"][1]
    middle = ask("clinic", diagram, max_chars=7_000)
    assert "only key columns" in middle["notes"][0] or "no columns" in middle["notes"][0]
    assert len(middle["data"]["tables"]) == 40


def test_odd_names_keep_the_real_one_in_a_comment() -> None:
    text = ask("odd", diagram)["text"]
    assert '  %% with_space is "with space"' in text
    assert '  with_space["with space"] {' in text
    assert '  %% new_line is "new\\nline"' in text


def test_ids_are_never_shared() -> None:
    ids = Ids()
    names = ["a b", "a_b", "a-b", "A_B", "", " ", "one", "ONE", "t_one", "é", "è", "x" * 100, "x" * 101]
    found = [ids.of(name) for name in names]
    assert len({one.lower() for one in found}) == len(names)
    assert [ids.of(name) for name in names] == found


@given(st.text(max_size=50))
def test_a_comment_is_one_line_and_no_directive(name: str) -> None:
    text = comment(name)
    assert not set(text) & set("\n\r%{<\u2028\u2029")


AWKWARD = st.sampled_from(sorted(TAKEN)) | st.sampled_from(
    [
        '%%{init: {"theme":"x"}}%%',
        'a"b',
        "<script>",
        "#quot;",
        "||--o{",
        "PK",
        "FK, UK",
        "erDiagram",
        "---",
        "\u202eb",
        "x direction TB",
    ]
)
ANY = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
NAMES = (AWKWARD | ANY).filter(lambda name: not fold(name).startswith("sqlite_"))


@settings(max_examples=80, deadline=None)
@given(
    st.lists(NAMES, min_size=1, max_size=6, unique_by=fold),
    st.lists(NAMES, min_size=1, max_size=4, unique_by=fold),
    st.randoms(),
)
def test_any_schema_makes_a_valid_diagram(tables: list[str], columns: list[str], draw: random.Random) -> None:
    with contextlib.closing(sqlite3.connect(":memory:")) as conn:
        for table in tables:
            parts = [
                f"{quote(column)} {quote(draw.choice(columns))} REFERENCES {quote(draw.choice(tables))}"
                for column in columns
            ]
            conn.execute(f"CREATE TABLE {quote(table)}({', '.join(parts)})")
        answer: dict[str, Any] = diagram(conn, {})
    assert len(check(answer["text"])) == len(tables)
    assert len(answer["data"]["foreign_keys"]) == len(tables) * len(columns)


def test_views_and_storage_are_not_drawn() -> None:
    with contextlib.closing(reading(database("odd"))) as conn:
        names = {entry[1] for entry in diagram(conn, {})["data"]["tables"]}
    assert "docs" in names
    assert not names & {"docs_data", "v_users", "broken_view", "sqlite_schema"}
