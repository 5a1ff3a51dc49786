"""A server in memory and a client of either era: `play(scene, settings(root))` runs one scene and returns what it does.

def test_something(tmp_path):
    result = call(settings(tmp_path), "list_directory", path=str(tmp_path))
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Literal, TypeVar

import anyio
import pytest
from mcp import Client
from mcp.types import CallToolResult, ElicitResult, TextContent

from mcp_servers_filesystem.server import build
from mcp_servers_filesystem.settings import FilesystemSettings
from mcp_servers_shared.app import Server

Era = Literal["auto", "legacy"]
AnswerT = TypeVar("AnswerT")
Answerer = Callable[[str], ElicitResult]

both_eras = pytest.mark.parametrize("era", ["auto", "legacy"])
YES = ElicitResult(action="accept", content={"confirm": True})
NO = ElicitResult(action="accept", content={"confirm": False})
_HANG_SECONDS = 60


def settings(*roots: Path | str, writes: bool = True, **more: Any) -> FilesystemSettings:
    """Settings for these roots, without a rate limit, audit log and seal unless asked for."""
    chosen: dict[str, Any] = {
        "roots": [str(one) for one in roots],
        "allow_writes": writes,
        "rate_limit": "off",
        "audit_log": "off",
        "seal": "off",
        **more,
    }
    return FilesystemSettings(**chosen)


def play(
    scene: Callable[[Client], Awaitable[AnswerT]],
    served: FilesystemSettings | Server,
    era: Era = "auto",
    answerer: Answerer | None = None,
    **client: Any,
) -> AnswerT:
    """What `scene` returns. `answerer` gets each question and answers for the person; without it nobody is asked."""

    async def asked(context: Any, params: Any) -> ElicitResult:
        assert answerer is not None
        return answerer(params.message)

    async def run() -> AnswerT:
        server = served if isinstance(served, Server) else build(served)
        callback = asked if answerer else None
        # Raised inside the client's task group, an exception would leave it wrapped in groups.
        with anyio.fail_after(_HANG_SECONDS):
            async with Client(server, mode=era, elicitation_callback=callback, cache=None, **client) as session:
                try:
                    return await scene(session)
                except Exception as error:
                    failure = error
        raise failure

    return anyio.run(run)


def call(served: FilesystemSettings | Server, tool: str, era: Era = "auto", **arguments: Any) -> CallToolResult:
    """One tool call in a session of its own."""

    async def scene(client: Client) -> CallToolResult:
        return await client.call_tool(tool, arguments)

    return play(scene, served, era)


def first(result: CallToolResult) -> str:
    """The first text block of a result that is no error: what the official server would say."""
    block = result.content[0]
    assert isinstance(block, TextContent)
    assert not result.is_error, block.text
    return block.text


def text_of(result: CallToolResult) -> str:
    """All text of a result."""
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))


def data_of(result: CallToolResult) -> dict[str, Any]:
    """The structured content of a result that is no error."""
    assert not result.is_error, text_of(result)
    assert result.structured_content is not None
    return result.structured_content


def code_of(result: CallToolResult) -> str:
    """The stable code of an error; fails for anything else. The text must say the code too."""
    assert result.is_error, text_of(result)
    error: dict[str, Any] = (result.meta or {})["mcp-servers/error"]
    code = str(error["code"])
    assert text_of(result).startswith(f"[{code}] ")
    return code


def pages(served: FilesystemSettings, tool: str, **arguments: Any) -> list[CallToolResult]:
    """All pages of an answer, by its cursors."""

    async def scene(client: Client) -> list[CallToolResult]:
        found = [await client.call_tool(tool, arguments)]
        while cursor := data_of(found[-1]).get("next_cursor"):
            found.append(await client.call_tool(tool, {**arguments, "cursor": cursor}))
            assert len(found) < 10_000
        return found

    return play(scene, served)
