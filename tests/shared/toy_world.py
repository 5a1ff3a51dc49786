"""The toy server in a test: built, called by the SDK's client in memory, and what its audit log then says."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Literal

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, TextContent
from toy_server import ToyApp, ToySettings, build

from mcp_servers_shared.audit import iterate, verify
from mcp_servers_shared.limits import RateStore
from mcp_servers_shared.pipeline.errors import ERROR_META_KEY

Mode = Literal["auto", "legacy"]
both_eras = pytest.mark.parametrize("mode", ["auto", "legacy"])
Scenario = Callable[[Client], Awaitable[Any]]


class World:
    """A toy server with its app and its audit log."""

    def __init__(self, folder: Path, store: RateStore | None = None, **settings: Any) -> None:
        self.audit = folder / "audit.jsonl"
        self.settings = ToySettings(**{"audit_log": str(self.audit), **settings})
        self.app = ToyApp(self.settings)
        self.server = build(self.settings, app=self.app, store=store)

    def talk(self, mode: Mode, scenario: Scenario, **options: Any) -> Any:
        """Run `scenario` with a client of one era."""

        async def connected() -> Any:
            async with Client(self.server, mode=mode, **options) as client:
                return await scenario(client)

        return asyncio.run(connected())

    def call(self, mode: Mode, name: str, arguments: dict[str, Any] | None = None, **options: Any) -> CallToolResult:
        """One tool call."""
        return self.talk(mode, lambda client: client.call_tool(name, arguments or {}), **options)

    def refused(self, mode: Mode, scenario: Scenario, **options: Any) -> MCPError:
        """The JSON-RPC error that `scenario` ends in."""

        async def caught(client: Client) -> MCPError:
            with pytest.raises(MCPError) as found:
                await scenario(client)
            return found.value

        return self.talk(mode, caught, **options)

    def records(self, method: str = "tools/call") -> list[dict[str, Any]]:
        """What the audit log says about a method; every method for an empty one."""
        if not self.audit.exists():
            return []
        assert verify(self.audit).ok
        return [record for record in iterate(self.audit) if method in ("", record["method"])]


def text_of(result: CallToolResult) -> str:
    """The text of a result."""
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))


def details_of(result: CallToolResult) -> dict[str, Any]:
    """The machine-readable part of an error result."""
    assert result.is_error
    assert result.meta is not None
    return result.meta[ERROR_META_KEY]


def everything_in(folder: Path) -> str:
    """All text of all files below `folder`."""
    return "\n".join(path.read_bytes().decode(errors="replace") for path in folder.rglob("*") if path.is_file())


def as_text(result: CallToolResult) -> str:
    """A result as it goes over the wire."""
    return json.dumps(result.model_dump(by_alias=True, mode="json"))
