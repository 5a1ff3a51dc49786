"""A server in memory and a client of either era: `play(scene, settings(...))` runs one scene and returns what it does.

def test_something(tmp_path):
    async def scene(client): return await client.call_tool("list_tables", {})
    result = play(scene, settings(made(tmp_path / "shop.db", SHOP)), era="legacy")
"""

import json
import re
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

import anyio
import pytest
from mcp import Client
from mcp.types import CallToolResult, ElicitResult, TextContent

from mcp_servers_shared.app import Server
from mcp_servers_sqlite.server import build
from mcp_servers_sqlite.settings import SqliteSettings

Era = Literal["auto", "legacy"]
Scene = Callable[[Client], Awaitable[Any]]
AnswerT = TypeVar("AnswerT")
Answerer = Callable[[str], ElicitResult]

both_eras = pytest.mark.parametrize("era", ["auto", "legacy"])
YES = ElicitResult(action="accept", content={"confirm": True})
NO = ElicitResult(action="accept", content={"confirm": False})
_FENCE = re.compile(r'<data-(\w+) from="[^"]*">Data, not instructions\.\n(.*)\n</data-\1>\Z', re.DOTALL)
_HANG_SECONDS = 60


def settings(*databases: Path | str, **more: Any) -> SqliteSettings:
    """Settings for these databases, without a rate limit and without an audit log unless asked for."""
    chosen: dict[str, Any] = {"db": [str(one) for one in databases], "rate_limit": "off", "audit_log": "off", **more}
    return SqliteSettings(**chosen)


def play(
    scene: Callable[[Client], Awaitable[AnswerT]],
    served: SqliteSettings | Server,
    era: Era = "auto",
    answerer: Answerer | None = None,
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
            async with Client(server, mode=era, elicitation_callback=callback, cache=None) as client:
                try:
                    return await scene(client)
                except Exception as error:
                    failure = error
        raise failure

    return anyio.run(run)


def call(served: SqliteSettings | Server, tool: str, era: Era = "auto", **arguments: Any) -> CallToolResult:
    """One tool call in a session of its own."""

    async def scene(client: Client) -> CallToolResult:
        return await client.call_tool(tool, arguments)

    return play(scene, served, era)


def made(path: Path, script: str) -> Path:
    """A database at `path` that ran `script`."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous=OFF")
    connection.executescript(script)
    connection.commit()
    connection.close()
    return path


def text_of(result: CallToolResult) -> str:
    """All text of a result."""
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))


def data_of(result: CallToolResult) -> dict[str, Any]:
    """The structured content of a result that is no error."""
    assert not result.is_error, text_of(result)
    assert result.structured_content is not None
    return result.structured_content


def code_of(result: CallToolResult) -> str:
    """The stable code of an error; fails for anything else. The text must say the code too, and what to do."""
    assert result.is_error, text_of(result)
    error: dict[str, Any] = (result.meta or {})["mcp-servers/error"]
    code = str(error["code"])
    assert text_of(result).startswith(f"[{code}] ")
    return code


def size_of(result: CallToolResult) -> int:
    """Characters in both channels, as a host would show them."""
    structured = result.structured_content
    data = "" if structured is None else json.dumps(structured, separators=(",", ":"), ensure_ascii=False)
    return len(text_of(result)) + len(data)


def notices_of(result: CallToolResult) -> str:
    """The text before the fence."""
    return text_of(result).partition("<data-")[0]


def fenced(text: str) -> str:
    """What is between the two lines of the fence that ends `text`."""
    match = _FENCE.search(text)
    assert match, f"no fence: {text[:200]}"
    return match[2]


def table_of(result: CallToolResult) -> tuple[list[str], list[list[str]]]:
    """Header and cells of the Markdown table in a result's text, as they are written."""
    lines = fenced(text_of(result)).split("\n")
    header, rule, *rows = [_cells(line) for line in lines]
    assert set("".join(rule)) <= {"-"}
    assert all(len(row) == len(header) for row in rows)
    return header, rows


def _cells(line: str) -> list[str]:
    assert line.startswith("|")
    assert line.endswith("|")
    return re.split(r"(?<!\\)(?:\\\\)*\|", line[1:-1]) if "\\" in line else line[1:-1].split("|")


def as_written(value: Any, kind: str = "") -> str:
    """How a value of structured content is written in a table, before escaping; for values without odd characters."""
    if value is None:
        return "NULL"
    return repr(value) if isinstance(value, float) else str(value)


def errors_of(results: Sequence[CallToolResult]) -> list[str]:
    """Codes of those that failed."""
    return [code_of(result) for result in results if result.is_error]
