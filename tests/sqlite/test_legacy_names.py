"""Who comes from `mcp-server-sqlite` changes one line: its names and arguments work, and come to the same end.

The real one is installed with `mcp<2`, without which it does not start, where the benchmarks install it too.
"""

import ast
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from sessions import YES, Era, both_eras, call, code_of, data_of, made, play, settings, text_of

sys.path.insert(0, str(Path(__file__).parents[1] / "end_to_end"))
from raw_client import RawClient, child_environment, sqlite_command

ROOT = Path(__file__).parents[2]
PACKAGES = ["mcp-server-sqlite==2025.4.25", "mcp<2"]
PEER = ROOT / ".cache" / "peers" / "mcp-server-sqlite"
SHOP = "CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT NOT NULL, price REAL DEFAULT 1.5);"

WRITES: list[tuple[str, dict[str, str]]] = [
    ("create_table", {"query": "CREATE TABLE authors (id INTEGER PRIMARY KEY, name TEXT NOT NULL, born INTEGER)"}),
    (
        "create_table",
        {"query": "  create table books(id INTEGER PRIMARY KEY, author INT REFERENCES authors, title TEXT)"},
    ),
    ("write_query", {"query": "INSERT INTO authors(name, born) VALUES ('Ada', 1815), ('Ben', NULL), ('Chi', 1979)"}),
    ("write_query", {"query": "INSERT INTO books SELECT id * 10, id, 'About ' || name FROM authors"}),
    ("write_query", {"query": "UPDATE authors SET born = 1900 WHERE born IS NULL"}),
    ("write_query", {"query": "DELETE FROM books WHERE id > 20"}),
    ("write_query", {"query": "INSERT OR REPLACE INTO authors VALUES (1, 'Ada L.', 1815)"}),
    ("write_query", {"query": "CREATE INDEX by_title ON books(title)"}),
]
READS = [
    "SELECT * FROM authors",
    "  select name, born from authors order by born desc",
    "SELECT b.title, a.name AS author FROM books b JOIN authors a ON a.id = b.author ORDER BY b.id",
    "SELECT count(*) AS n, min(born) AS first FROM authors WHERE name LIKE '%a%'",
    "SELECT * FROM authors WHERE 0",
    "SELECT 1.5 AS r, NULL AS n, '' AS e, 'it''s' AS q",
]


@pytest.fixture(scope="module")
def peer_command() -> list[str]:
    """The command of the real mcp-server-sqlite."""
    program = PEER / "venv" / "bin" / "mcp-server-sqlite"
    stamp = PEER / "installed"
    if not (stamp.exists() and stamp.read_text(encoding="utf-8") == " ".join(PACKAGES)):
        install(stamp)
    if not program.exists():
        pytest.skip(f"{program.name} was installed without its command")
    return [str(program), "--db-path"]


def install(stamp: Path) -> None:
    found = os.environ.get("UV") or shutil.which("uv")
    uv = [found] if found else [sys.executable, "-m", "uv"]
    python = str(PEER / "venv" / "bin" / "python")
    commands = [
        [*uv, "venv", "--quiet", "--no-project", "--clear", "--python", sys.executable, str(PEER / "venv")],
        [*uv, "pip", "install", "--quiet", "--python", python, *PACKAGES],
    ]
    PEER.mkdir(parents=True, exist_ok=True)
    for command in commands:
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=240, env=child_environment())
        except (OSError, subprocess.SubprocessError) as error:
            pytest.skip(f"mcp-server-sqlite cannot be installed here: {str(error)[:200]}")
    stamp.write_text(" ".join(PACKAGES), encoding="utf-8")


def agreeing(message: dict[str, Any]) -> dict[str, Any]:
    assert message["method"] == "elicitation/create"
    return {"action": "accept", "content": {"confirm": True}}


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RawClient, Path]]:
    """Our server under the flag of the other one, with a client that can be asked."""
    folder = tmp_path_factory.mktemp("ours")
    command = [*sqlite_command("--allow-writes", "--create"), "--db-path", str(folder / "ours.db")]
    env = {"MCP_SERVERS_STATE_DIR": str(folder / "state")}
    with RawClient(command, era="legacy", env=env, capabilities={"elicitation": {}}, answer=agreeing) as client:
        yield client, folder / "ours.db"


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory, peer_command: list[str]) -> Iterator[tuple[RawClient, Path]]:
    database = tmp_path_factory.mktemp("theirs") / "theirs.db"
    with RawClient([*peer_command, str(database)], era="legacy") as client:
        yield client, database


def dump(database: Path) -> list[str]:
    connection = sqlite3.connect(database)
    try:
        return list(connection.iterdump())
    finally:
        connection.close()


def test_the_same_calls_come_to_the_same_end(ours: tuple[RawClient, Path], theirs: tuple[RawClient, Path]) -> None:
    for tool, arguments in WRITES:
        for client, _ in (ours, theirs):
            reply = client.call(tool, arguments)
            assert not reply.is_error, f"{tool} {arguments}: {reply.text}"
            assert "Error" not in reply.text, reply.text
    assert dump(ours[1]) == dump(theirs[1])
    for query in READS:
        mine, other = (client.call("read_query", {"query": query}) for client, _ in (ours, theirs))
        names = [column["name"] for column in mine.data["columns"]]
        rows = [dict(zip(names, row, strict=True)) for row in mine.data["rows"]]
        assert rows == ast.literal_eval(other.text), query
    for name in [entry["name"] for entry in ast.literal_eval(theirs[0].call("list_tables").text)]:
        assert name in ours[0].call("list_tables").text
        asked = {"table_name": name}
        columns = ast.literal_eval(theirs[0].call("describe_table", asked).text)
        described = ours[0].call("describe_table", asked).data["columns"]
        assert [column[:2] for column in described] == [[one["name"], one["type"]] for one in columns]


def test_the_same_memo_and_prompt(ours: tuple[RawClient, Path], theirs: tuple[RawClient, Path]) -> None:
    for client, _ in (ours, theirs):
        assert client.call("append_insight", {"insight": "Chi is young."}).text == "Insight added to memo"
        uris = [one["uri"] for one in client.request("resources/list").result["resources"]]
        assert "memo://insights" in uris
        memo = client.request("resources/read", {"uri": "memo://insights"}).result["contents"][0]["text"]
        assert "- Chi is young." in memo
        prompts = {one["name"]: one["arguments"] for one in client.request("prompts/list").result["prompts"]}
        assert [(one["name"], one["required"]) for one in prompts["mcp-demo"]] == [("topic", True)]
        message = client.request("prompts/get", {"name": "mcp-demo", "arguments": {"topic": "bees"}})
        assert "bees" in message.result["messages"][0]["content"]["text"]


def test_what_theirs_refuses_ours_refuses_too(ours: tuple[RawClient, Path], theirs: tuple[RawClient, Path]) -> None:
    for tool, query in [
        ("read_query", "DELETE FROM authors"),
        ("write_query", "SELECT 1"),
        ("create_table", "DROP TABLE authors"),
        ("read_query", "SELECT * FROM nothing"),
    ]:
        # It says so in the text alone.
        assert "error" in theirs[0].call(tool, {"query": query}).text.lower()
        assert ours[0].call(tool, {"query": query}).is_error


@both_eras
def test_the_names_work_without_the_peer(tmp_path: Path, era: Era) -> None:
    shop = made(tmp_path / "shop.db", SHOP)

    async def scene(client: Client) -> None:
        inserted = await client.call_tool("write_query", {"query": "INSERT INTO t(name) VALUES('a'), ('b')"})
        assert data_of(inserted)["affected_rows"] == 2
        created = await client.call_tool("create_table", {"query": "CREATE TABLE u(a)"})
        assert data_of(created)["applied"] is True
        read = await client.call_tool("read_query", {"query": "SELECT name, price FROM t"})
        assert data_of(read)["rows"] == [["a", 1.5], ["b", 1.5]]
        assert "u" in text_of(await client.call_tool("list_tables", {}))
        assert data_of(await client.call_tool("describe_table", {"table_name": "t"}))["name"] == "t"
        refused = await client.call_tool("create_table", {"query": "DROP TABLE u"})
        assert "CREATE TABLE" in text_of(refused)

    play(scene, settings(shop, allow_writes=True), era, lambda _: YES)


def test_read_query_goes_on_by_the_cursor_it_gives(tmp_path: Path) -> None:
    rows = (
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE x<1200) INSERT INTO t(name) SELECT x FROM c"
    )
    shop = made(tmp_path / "shop.db", f"{SHOP}{rows}")

    async def scene(client: Client) -> list[int]:
        asked = {"query": "SELECT id FROM t"}
        seen: list[int] = []
        while True:
            data = data_of(await client.call_tool("read_query", asked))
            seen += [row[0] for row in data["rows"]]
            if not data.get("next_cursor"):
                return seen
            asked["cursor"] = data["next_cursor"]

    assert play(scene, settings(shop)) == list(range(1, 1201))


@pytest.mark.requirement("SCOPE-1")
def test_the_writing_names_need_allow_writes(tmp_path: Path) -> None:
    shop = made(tmp_path / "shop.db", SHOP)
    for tool, arguments in [*WRITES[:3], ("append_insight", {"insight": "x"})]:
        assert code_of(call(settings(shop), tool, "auto", **arguments)) == "writes_disabled"
