"""A cursor continues one question, for one principal, on one database, and cannot be made by anybody else."""

import base64
import getpass
import json
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from sessions import Era, both_eras, call, code_of, data_of, made, play, settings

ROWS = """
CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT);
WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE x<200) INSERT INTO t SELECT x, 'v'||x FROM c;
"""
QUESTION: dict[str, Any] = {"sql": "SELECT * FROM t WHERE id > ? ORDER BY id", "params": [3], "limit": 5}


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    return made(tmp_path / "rows.db", ROWS)


def first_cursor(database: Path, **more: Any) -> str:
    return data_of(call(settings(database), "query_database", **{**QUESTION, **more}))["next_cursor"]


@both_eras
@pytest.mark.requirement("STATE-1")
@pytest.mark.parametrize(
    "other",
    [
        {"sql": "SELECT * FROM t WHERE id >= ? ORDER BY id"},
        {"params": [4]},
        {"params": None, "sql": "SELECT * FROM t ORDER BY id"},
    ],
    ids=["sql", "params", "both"],
)
def test_another_question_is_refused(rows: Path, era: Era, other: dict[str, Any]) -> None:
    cursor = first_cursor(rows)
    result = call(settings(rows), "query_database", era, **{**QUESTION, **other, "cursor": cursor})
    assert code_of(result) == "bad_cursor"


@pytest.mark.requirement("STATE-1")
def test_another_tool_and_another_database_are_refused(rows: Path, tmp_path: Path) -> None:
    twin = made(tmp_path / "twin.db", ROWS)
    cursor = first_cursor(rows)
    assert code_of(call(settings(rows), "list_tables", cursor=cursor)) == "bad_cursor"
    both = settings(rows, twin)
    assert data_of(call(both, "query_database", **QUESTION, cursor=cursor, database="rows"))["rows"][0][0] == 9
    assert code_of(call(both, "query_database", **QUESTION, cursor=cursor, database="twin")) == "bad_cursor"


@pytest.mark.requirement("STATE-1")
def test_another_principal_is_refused(rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cursor = first_cursor(rows)
    assert data_of(call(settings(rows), "query_database", **QUESTION, cursor=cursor))
    monkeypatch.setattr(getpass, "getuser", lambda: "somebody-else")
    assert code_of(call(settings(rows), "query_database", **QUESTION, cursor=cursor)) == "bad_cursor"


@pytest.mark.requirement("STATE-1")
def test_another_machine_is_refused(rows: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cursor = first_cursor(rows)
    monkeypatch.setenv("MCP_SERVERS_STATE_DIR", str(tmp_path / "elsewhere"))
    assert code_of(call(settings(rows), "query_database", **QUESTION, cursor=cursor)) == "bad_cursor"


@both_eras
def test_a_cursor_lives_through_a_restart_and_another_page_size(rows: Path, era: Era) -> None:
    cursor = first_cursor(rows)
    page = data_of(call(settings(rows), "query_database", era, **{**QUESTION, "cursor": cursor, "limit": 2}))
    assert [row[0] for row in page["rows"]] == [9, 10]


@pytest.mark.requirement("STATE-1")
def test_a_forged_cursor_is_refused(rows: Path) -> None:
    cursor = first_cursor(rows)
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    forged = [
        base64.urlsafe_b64encode(raw[:16] + raw[16:].replace(b"5", b"9")).decode().rstrip("="),
        base64.urlsafe_b64encode(bytes(16) + b'{"offset":0}').decode().rstrip("="),
        base64.urlsafe_b64encode(raw[:16]).decode().rstrip("="),
        cursor[:-1],
        cursor + "A",
        cursor + "=",
        " " + cursor,
        "",
        "x" * 10_000,
        "\u00e9" * 5,
    ]

    async def scene(client: Client) -> list[str]:
        answers = [await client.call_tool("query_database", {**QUESTION, "cursor": one}) for one in forged]
        return [code_of(answer) for answer in answers]

    assert set(play(scene, settings(rows))) == {"bad_cursor"}


def test_what_a_cursor_holds_cannot_relax_a_limit(rows: Path) -> None:
    """Its payload is merged into the arguments of the operation, so it must never hold more than a position."""
    cursor = first_cursor(rows)
    payload = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))[16:].decode()
    assert set(json.loads(payload)) <= {"offset", "keyset", "width"}


def test_list_tables_goes_on_by_cursor(tmp_path: Path) -> None:
    script = "".join(f"CREATE TABLE table_with_a_long_name_{i:04d}(id, a, b, c, d, e);" for i in range(150))
    many = made(tmp_path / "many.db", script)

    async def scene(client: Client) -> list[str]:
        names: list[str] = []
        asked: dict[str, Any] = {"detail": "full"}
        while True:
            data = data_of(await client.call_tool("list_tables", asked))
            names += [entry[0] for entry in data["described"]]
            if not data.get("next_cursor"):
                return names
            asked["cursor"] = data["next_cursor"]

    names = play(scene, settings(many, max_result_chars=8_000))
    assert sorted(names) == [f"table_with_a_long_name_{i:04d}" for i in range(150)]
