"""The tools that read, as a client sees them, in both eras: what they answer, and what they say no with."""

import json
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, MCPError
from mcp.types import CallToolResult
from sample_databases import database
from sessions import (
    Era,
    both_eras,
    call,
    code_of,
    data_of,
    fenced,
    made,
    notices_of,
    play,
    settings,
    table_of,
    text_of,
)

from mcp_servers_sqlite.settings import SqliteSettings

SHOP = """
CREATE TABLE customers(id INTEGER PRIMARY KEY, name TEXT NOT NULL, city TEXT);
CREATE TABLE orders(id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customers(id), cents INTEGER);
CREATE VIEW rich AS SELECT customer_id, sum(cents) AS cents FROM orders GROUP BY 1;
WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE x<120)
  INSERT INTO customers SELECT x, 'name ' || x, 'city ' || (x % 7) FROM c;
INSERT INTO orders SELECT id * 2, id, id * 100 FROM customers;
"""
READING = ["query_database", "list_tables", "describe_table", "search_schema", "profile_table", "explain_query"]
ARGUMENTS: dict[str, dict[str, Any]] = {
    "query_database": {"sql": "SELECT * FROM orders"},
    "list_tables": {},
    "describe_table": {"table_name": "orders", "sample_rows": 2},
    "search_schema": {"text": "city of a customer"},
    "profile_table": {"table_name": "customers"},
    "explain_query": {"sql": "SELECT * FROM orders WHERE cents > 5"},
}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return made(tmp_path / "shop.db", SHOP)


@both_eras
def test_the_list_is_the_reading_tools_in_a_fixed_order(shop: Path, era: Era) -> None:
    async def scene(client: Client) -> list[str]:
        return [tool.name for tool in (await client.list_tools()).tools]

    assert play(scene, settings(shop), era) == READING
    assert play(scene, settings(shop, allow_writes=True), era) == [*READING, "execute_sql"]
    aliases = ["read_query", "write_query", "create_table", "append_insight"]
    everything = play(scene, settings(shop, allow_writes=True, list_aliases=True), era)
    assert sorted(everything) == sorted([*READING, "execute_sql", *aliases])
    assert play(scene, settings(shop, list_aliases=True), era) == [*READING, "read_query"]


def every_answer(served: SqliteSettings, era: Era) -> dict[str, CallToolResult]:
    async def scene(client: Client) -> dict[str, CallToolResult]:
        return {tool: await client.call_tool(tool, arguments) for tool, arguments in ARGUMENTS.items()}

    return play(scene, served, era)


@both_eras
def test_every_tool_answers_in_text_and_in_data_and_either_is_enough(shop: Path, era: Era) -> None:
    both, text, structured = (every_answer(settings(shop, result=one), era) for one in ("both", "text", "structured"))
    for tool in READING:
        assert data_of(both[tool])
        assert text[tool].structured_content is None
        assert stable(data_of(structured[tool])) == stable(data_of(both[tool]))
        assert len(text_of(structured[tool])) < 400
        assert shown(text[tool]) == shown(both[tool])
    for name in ("customers", "orders", "rich"):
        assert name in text_of(text["list_tables"])
        assert name in json.dumps(data_of(structured["list_tables"]))


def stable(data: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name not in ("next_cursor", "elapsed_ms")}


def shown(result: CallToolResult) -> str:
    """The text without the fence, whose boundary is new each time."""
    text = text_of(result)
    return fenced(text) if "<data-" in text else text


@both_eras
def test_rows_truncation_and_cursor_are_the_same_in_both_channels(shop: Path, era: Era) -> None:
    result = call(settings(shop), "query_database", era, sql="SELECT id, name, city FROM customers ORDER BY id")
    data = data_of(result)
    header, rows = table_of(result)
    assert header == [column["name"] for column in data["columns"]] == ["id", "name", "city"]
    assert rows == [[str(cell) for cell in row] for row in data["rows"]]
    assert data["row_count"] == len(rows) == 50
    assert data["truncated"] is True
    assert f"cursor={data['next_cursor']}" in notices_of(result)


@both_eras
def test_pages_by_cursor_are_all_rows_once(shop: Path, era: Era) -> None:
    async def scene(client: Client) -> list[int]:
        asked: dict[str, Any] = {"sql": "SELECT id FROM customers ORDER BY id DESC", "limit": 23}
        seen: list[int] = []
        while True:
            data = data_of(await client.call_tool("query_database", asked))
            seen += [row[0] for row in data["rows"]]
            if "next_cursor" not in data:
                assert "truncated" not in data
                return seen
            asked["cursor"] = data["next_cursor"]

    assert play(scene, settings(shop), era) == list(range(120, 0, -1))


@pytest.mark.parametrize("style", ["markdown", "json"])
def test_keys_too_long_for_a_cursor_still_page(tmp_path: Path, style: str) -> None:
    keys = [f"{number:03d}{'k' * 6000}" for number in range(12)]
    rows = ",".join(f"('{key}')" for key in keys)
    long = made(tmp_path / "long.db", f"CREATE TABLE t(k TEXT NOT NULL UNIQUE); INSERT INTO t VALUES{rows};")

    async def scene(client: Client) -> list[str]:
        asked: dict[str, Any] = {"sql": "SELECT k FROM t ORDER BY k", "format": style, "limit": 5}
        seen: list[str] = []
        while "cursor" not in asked or asked["cursor"]:
            data = data_of(result := await client.call_tool("query_database", asked))
            seen += [row[0][:3] for row in data["rows"]]
            asked["cursor"] = data.get("next_cursor")
            assert not asked["cursor"] or " rows from the start" in notices_of(result)
        return seen

    assert play(scene, settings(long)) == [key[:3] for key in keys]


@both_eras
def test_format_json_is_columnar_and_says_the_same(shop: Path, era: Era) -> None:
    result = call(settings(shop), "query_database", era, sql="SELECT * FROM customers", format="json", limit=3)
    data = data_of(result)
    shown = json.loads(fenced(text_of(result)))
    assert shown["rows"] == data["rows"]
    assert shown["columns"] == [column["name"] for column in data["columns"]]


@both_eras
@pytest.mark.parametrize("style", ["markdown", "json"])
def test_values_keep_their_difference(era: Era, style: str) -> None:
    sql = (
        "SELECT NULL a, '' b, 'NULL' c, 9007199254740993 d, -9223372036854775808 e, 0.1 f, x'00ff' g, x'' h,"
        " CAST(x'61ff62' AS TEXT) i, 1e999 j, 9007199254740992 k"
    )
    result = call(settings(database("odd")), "query_database", era, sql=sql, format=style)
    null, empty, word, big, least, real, blob, nothing, broken, infinite, exact = data_of(result)["rows"][0]
    assert null is None
    assert (empty, word) == ("", "NULL")
    assert (big, least) == ("9007199254740993", "-9223372036854775808")
    assert (real, exact) == (0.1, 2**53)
    assert (blob, nothing) == ("<blob 2 B, 00ff>", "<blob 0 B>")
    assert broken == "a\ufffdb"
    assert infinite == "Inf"
    assert "not valid UTF-8" in notices_of(result)
    assert "9007199254740993" in text_of(result)
    if style == "markdown":
        assert table_of(result)[1][0][:3] == ["NULL", "", '"NULL"']


@both_eras
def test_a_long_cell_is_cut_and_says_how_to_read_on(era: Era) -> None:
    result = call(settings(database("odd")), "query_database", era, sql="SELECT v FROM types WHERE k='long'")
    assert "[100000 chars]" in text_of(result)
    assert "[100000 chars]" in data_of(result)["rows"][0][0]
    assert 'substr("v", 2001, 2000)' in notices_of(result)
    assert 'substr("v", 2001, 2000)' in json.dumps(data_of(result)["notices"]).replace('\\"', '"')


@both_eras
@pytest.mark.parametrize(
    ("sql", "params"),
    [("SELECT ?+?, ?", [1, 2, None]), ("SELECT :a + @b, $c", {"a": 1, "b": 2, "c": None})],
    ids=["list", "object"],
)
def test_parameters(shop: Path, era: Era, sql: str, params: Any) -> None:
    assert data_of(call(settings(shop), "query_database", era, sql=sql, params=params))["rows"] == [[3, None]]


@both_eras
def test_a_parameter_is_never_read_as_sql(shop: Path, era: Era) -> None:
    sql, nasty = "SELECT count(*) FROM customers WHERE name = ?", "x' OR 1=1; DROP TABLE customers; --"
    assert data_of(call(settings(shop), "query_database", era, sql=sql, params=[nasty]))["rows"] == [[0]]


BAD_CALLS: list[tuple[str, dict[str, Any], str, str]] = [
    ("query_database", {"sql": "SELECT 1", "limits": 5}, "invalid_arguments", "did you mean 'limit'"),
    ("query_database", {}, "invalid_arguments", "'sql' is required"),
    ("query_database", {"sql": "SELECT 1", "limit": 1001}, "invalid_arguments", "at most 1000"),
    ("query_database", {"sql": "SELECT 1", "limit": 0}, "invalid_arguments", "limit"),
    ("query_database", {"sql": "SELECT 1", "format": "csv"}, "invalid_arguments", "markdown"),
    ("query_database", {"sql": "SELECT ?", "params": [1, 2]}, "invalid_params", ""),
    ("query_database", {"sql": "SELECT ?", "params": [[1]]}, "invalid_params", "json_each"),
    ("query_database", {"sql": "SELECT :a", "params": {}}, "invalid_params", ":a"),
    ("query_database", {"sql": ""}, "", ""),
    ("query_database", {"sql": "SELECT * FROM costumers"}, "unknown_table", "customers"),
    ("query_database", {"sql": "SELECT nmae FROM customers"}, "unknown_column", "name"),
    ("query_database", {"sql": "SELECT 1", "database": "/etc/passwd"}, "unknown_database", "shop"),
    ("query_database", {"sql": "SELECT 1", "database": "shp"}, "unknown_database", "Did you mean shop?"),
    ("query_database", {"sql": "SELECT 1", "cursor": "AAAA"}, "bad_cursor", "start again"),
    ("query_database", {"sql": "DELETE FROM customers"}, "statement_refused", "--allow-writes"),
    ("describe_table", {"table_name": "costumers"}, "unknown_table", "customers"),
    ("describe_table", {"table_name": "customers", "sample_rows": 21}, "invalid_arguments", "sample_rows"),
    ("profile_table", {"table_name": "customers", "columns": ["nmae"]}, "unknown_column", "name"),
    ("search_schema", {"text": ""}, "invalid_arguments", "text"),
    ("explain_query", {"sql": "SELECT 1; DROP TABLE orders"}, "many_statements", "one statement"),
    ("list_tables", {"cursor": "AAAA"}, "bad_cursor", ""),
    ("execute_sql", {"sql": "DELETE FROM customers"}, "writes_disabled", "--allow-writes"),
    ("write_query", {"query": "DELETE FROM customers"}, "writes_disabled", "read-only"),
]


@both_eras
def test_every_mistake_is_told_with_its_repair(shop: Path, era: Era) -> None:
    async def scene(client: Client) -> list[CallToolResult]:
        return [await client.call_tool(tool, arguments) for tool, arguments, _, _ in BAD_CALLS]

    results = play(scene, settings(shop), era)
    for (tool, arguments, code, says), result in zip(BAD_CALLS, results, strict=True):
        found = code_of(result)
        assert found == code or not code, f"{tool} {arguments}: {text_of(result)}"
        assert says.lower() in text_of(result).lower(), f"{tool} {arguments}: {text_of(result)}"
        assert str(shop.parent) not in text_of(result)


@both_eras
def test_an_unknown_tool_is_refused_with_the_nearest_name(shop: Path, era: Era) -> None:
    async def scene(client: Client) -> None:
        await client.call_tool("query_databse", {"sql": "SELECT 1"})

    with pytest.raises(MCPError, match="Did you mean query_database") as refusal:
        play(scene, settings(shop), era)
    assert refusal.value.error.code == -32602


def test_a_small_max_rows_holds_for_the_default_page_too(shop: Path) -> None:
    data = data_of(call(settings(shop, max_rows=10), "query_database", sql="SELECT * FROM customers"))
    assert len(data["rows"]) == 10
    assert data["next_cursor"]
    over = call(settings(shop, max_rows=10), "query_database", sql="SELECT * FROM customers", limit=51)
    assert code_of(over) == "invalid_arguments"
