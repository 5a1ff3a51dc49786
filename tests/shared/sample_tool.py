"""A tool with every kind of argument, and how to call it and see it refuse."""

import asyncio
from typing import Annotated, Any, Literal

import pytest
from mcp.server.mcpserver import Context
from pydantic import BaseModel, Field

from mcp_servers_shared.errors import InvalidInput
from mcp_servers_shared.tooling import Failure, StrictTool, tool

SECRET = "hunter2-canary"


class Inner(BaseModel):
    title: str
    note: str | None = None


@tool(kind="read", title="Sample")
async def sample(
    sql: str,
    params: list[Any] | dict[str, Any] | None = None,
    limit: Annotated[int, Field(ge=1, le=100, description="Rows a page")] = 50,
    style: Literal["markdown", "json"] = "markdown",
    pattern: str | None = None,
    must: Annotated[int | None, Field(description="May be null, must be there")] = ...,  # type: ignore[assignment]
    names: list[str | None] | None = None,
    inner: Inner | None = None,
) -> dict[str, Any]:
    """One sentence.

    Another one.
    """
    return {"sql": sql, "params": params, "limit": limit, "style": style, "pattern": pattern, "must": must,
            "names": names, "inner": inner}  # fmt: skip


TOOL = StrictTool.make(sample)


def run(arguments: dict[str, Any], made: StrictTool = TOOL) -> Any:
    context: Context[Any, Any] = Context()
    return asyncio.run(made.run({"must": None, **arguments} if made is TOOL else arguments, context))


def refusal(arguments: dict[str, Any], made: StrictTool = TOOL) -> InvalidInput:
    with pytest.raises(Failure) as caught:
        run(arguments, made)
    assert isinstance(caught.value.__cause__, InvalidInput)
    assert caught.value.__cause__.code == "invalid_arguments"
    return caught.value.__cause__
