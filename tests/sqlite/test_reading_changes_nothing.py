"""Whatever says that it only reads changes nothing: every reading tool, resource, prompt and completion."""

import hashlib
import os
import sqlite3
from pathlib import Path

import pytest
from mcp import Client
from mcp.types import PromptReference, ResourceTemplateReference
from sample_databases import database
from sessions import Era, both_eras, play, settings, text_of

ARGUMENTS = {
    "query_database": {"sql": "SELECT * FROM users"},
    "list_tables": {"detail": "full"},
    "describe_table": {"table_name": "users", "sample_rows": 5},
    "search_schema": {"text": "who wrote the posts"},
    "profile_table": {"table_name": "posts", "sample_rows": 5},
    "explain_query": {"sql": "DELETE FROM users WHERE email LIKE 'a%'"},
    "read_query": {"query": "SELECT * FROM docs('refund')"},
}
PROMPTS = {
    "analyze_table": {"table_name": "users"},
    "debug_query": {"error_message": "no such column: nmae"},
    "optimize_query": {"sql": "SELECT * FROM posts ORDER BY body"},
    "mcp-demo": {"topic": "bees"},
}
URIS = ["schema://tables", "schema://tables/users", "schema://diagram", "data://version", "memo://insights"]


def state_of(folder: Path) -> dict[str, tuple[str, int, int]]:
    """Digest, size and time of change of every file."""
    return {
        path.name: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.iterdir()
    }


async def read_everything(client: Client) -> None:
    listed = (await client.list_tools()).tools
    reading = [tool.name for tool in listed if tool.annotations and tool.annotations.read_only_hint]
    assert sorted(reading) == sorted(ARGUMENTS)
    for tool in reading:
        result = await client.call_tool(tool, ARGUMENTS[tool])
        assert not result.is_error, f"{tool}: {text_of(result)}"
    for uri in URIS:
        assert (await client.read_resource(uri)).contents
    static = {str(one.uri) for one in (await client.list_resources()).resources}
    assert static == set(URIS) - {"schema://tables/users"}, "another resource: read it here too"
    prompts = [prompt.name for prompt in (await client.list_prompts()).prompts]
    assert sorted(prompts) == sorted(PROMPTS)
    for prompt in prompts:
        assert (await client.get_prompt(prompt, PROMPTS[prompt])).messages
    template = ResourceTemplateReference(type="ref/resource", uri="schema://tables/{table_name}")
    await client.complete(template, {"name": "table_name", "value": "u"})
    reference = PromptReference(type="ref/prompt", name="analyze_table")
    await client.complete(reference, {"name": "column", "value": "n"}, {"table_name": "users"})


@both_eras
@pytest.mark.requirement("ANN-1")
@pytest.mark.parametrize("writes", [False, True], ids=["read-only", "writes"])
def test_reading_leaves_the_folder_as_it_was(tmp_path: Path, era: Era, writes: bool) -> None:
    (tmp_path / "odd.db").write_bytes(database("odd").read_bytes())
    before = state_of(tmp_path)
    play(read_everything, settings(tmp_path / "odd.db", allow_writes=writes, list_aliases=True), era)
    assert state_of(tmp_path) == before


@pytest.mark.requirement("ANN-1")
def test_reading_a_wal_database_changes_no_data(tmp_path: Path) -> None:
    """SQLite keeps its own -wal and -shm files beside one that is in use; the database stays byte for byte."""
    path = tmp_path / "odd.db"
    path.write_bytes(database("odd").read_bytes())
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("UPDATE audit SET n = 5")
    connection.commit()
    before = state_of(tmp_path)
    play(read_everything, settings(path, list_aliases=True))
    after = state_of(tmp_path)
    assert set(after) == {"odd.db", "odd.db-wal", "odd.db-shm"} == set(before)
    assert {name: after[name] for name in ("odd.db", "odd.db-wal")} == {
        name: before[name] for name in ("odd.db", "odd.db-wal")
    }
    connection.close()


@pytest.mark.requirement("ANN-1")
def test_reading_makes_nothing_in_the_state_folder_but_the_key(tmp_path: Path, private_state: Path) -> None:
    path = tmp_path / "odd.db"
    path.write_bytes(database("odd").read_bytes())
    play(read_everything, settings(path, list_aliases=True))
    made = sorted(
        os.path.relpath(Path(folder) / name, private_state)
        for folder, _, files in os.walk(private_state)
        for name in files
    )
    assert made in ([], ["keys/cursor.key"])
