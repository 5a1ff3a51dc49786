"""Tool texts are what a model obeys: they are small, pinned and true about what they do."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from mcp_servers_filesystem.server import build as build_filesystem
from mcp_servers_filesystem.settings import FilesystemSettings
from mcp_servers_shared.app import Server
from mcp_servers_sqlite.server import build
from mcp_servers_sqlite.settings import SqliteSettings

FINGERPRINTS = Path(__file__).parent / "fingerprints.json"
LIST_BUDGET = {"sqlite": 7_000, "filesystem --allow-writes": 17_000}


def servers() -> dict[str, Server]:
    return {
        "sqlite": build(SqliteSettings(db=["/nowhere/shop.db"])),
        "sqlite --allow-writes": build(SqliteSettings(db=["/nowhere/shop.db"], allow_writes=True)),
        "sqlite --allow-writes --list-aliases": build(
            SqliteSettings(db=["/nowhere/shop.db"], allow_writes=True, list_aliases=True)
        ),
        "filesystem": build_filesystem(FilesystemSettings(roots=["/nowhere"])),
        "filesystem --allow-writes": build_filesystem(FilesystemSettings(roots=["/nowhere"], allow_writes=True)),
        "filesystem --allow-writes --profile compat": build_filesystem(
            FilesystemSettings(roots=["/nowhere"], allow_writes=True, profile="compat")
        ),
    }


def listed(server: Server) -> list[dict[str, Any]]:
    """tools/list as it goes over the wire."""

    async def ask() -> list[dict[str, Any]]:
        async with Client(server) as client:
            tools = (await client.list_tools()).tools
            return [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools]

    return anyio.run(ask)


@pytest.mark.requirement("POIS-1")
def test_tool_texts_and_schemas_are_the_committed_ones() -> None:
    now = {name: {tool["name"]: _digest(tool) for tool in listed(server)} for name, server in servers().items()}
    if os.environ.get("UPDATE_FINGERPRINTS"):
        FINGERPRINTS.write_text(json.dumps(now, indent=1) + "\n", encoding="utf-8")
    committed = json.loads(FINGERPRINTS.read_text(encoding="utf-8"))
    assert now == committed, "review the change, then UPDATE_FINGERPRINTS=1 uv run pytest tests/house"


@pytest.mark.parametrize("name", LIST_BUDGET)
def test_the_list_fits_its_budget(name: str) -> None:
    size = len(json.dumps({"tools": listed(servers()[name])}, separators=(",", ":")).encode())
    assert size <= LIST_BUDGET[name]


@pytest.mark.requirement("ANN-1")
@pytest.mark.parametrize("name", servers())
def test_every_tool_states_all_four_hints(name: str) -> None:
    for tool in listed(servers()[name]):
        hints = tool["annotations"]
        assert set(hints) == {"readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"}, tool["name"]
        assert not (hints["readOnlyHint"] and hints["destructiveHint"]), tool["name"]
        assert tool["inputSchema"]["additionalProperties"] is False, tool["name"]


@pytest.mark.requirement("SCOPE-1")
@pytest.mark.parametrize("name", ["sqlite", "filesystem"])
def test_read_only_lists_only_tools_that_read(name: str) -> None:
    assert all(tool["annotations"]["readOnlyHint"] for tool in listed(servers()[name]))


def test_a_description_says_what_and_when_and_no_more() -> None:
    for server in servers().values():
        for tool in listed(server):
            assert 20 <= len(tool["description"]) <= 300, tool["name"]


def _digest(tool: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(tool, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
