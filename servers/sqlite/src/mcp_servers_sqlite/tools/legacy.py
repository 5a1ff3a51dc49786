"""The tools of mcp-server-sqlite that have other names here, with its arguments. That package no longer starts."""

from typing import Annotated, Any

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult, InputRequiredResult, TextContent
from pydantic import Field

from mcp_servers_shared.errors import InvalidInput
from mcp_servers_shared.tooling import tool
from mcp_servers_sqlite.app import app_of
from mcp_servers_sqlite.tools.reading import read_rows
from mcp_servers_sqlite.tools.writing import Change, change

ConfirmId = Annotated[str | None, Field(description="From the preview, once the user agreed")]


@tool(kind="read", title="Read query", listed=False)
async def read_query(
    query: str,
    ctx: Context[Any, Any],
    cursor: Annotated[str | None, Field(description="next_cursor of the page before, same query")] = None,
) -> CallToolResult:
    """Run one SELECT. The same as query_database."""
    app = app_of(ctx)
    most = min(1000, app.settings.max_rows)
    return await read_rows(app, query, None, app.database(None), limit=most, cursor=cursor)


@tool(kind="write", title="Write query", destructive=True, listed=False)
async def write_query(
    query: str, ctx: Context[Any, Any], confirm_id: ConfirmId = None
) -> CallToolResult | InputRequiredResult:
    """Run one INSERT, UPDATE or DELETE, previewed and confirmed. The same as execute_sql."""
    app = app_of(ctx)
    return await change(ctx, Change(app, query, None, app.database(None)), confirm_id)


@tool(kind="write", title="Create table", destructive=True, listed=False)
async def create_table(
    query: str, ctx: Context[Any, Any], confirm_id: ConfirmId = None
) -> CallToolResult | InputRequiredResult:
    """Run one CREATE TABLE statement, previewed and confirmed. The same as execute_sql."""
    if not query.lstrip().upper().startswith("CREATE TABLE"):
        raise InvalidInput("create_table takes a CREATE TABLE statement", hint="Use execute_sql for other statements.")
    app = app_of(ctx)
    return await change(ctx, Change(app, query, None, app.database(None)), confirm_id)


@tool(kind="write", title="Append insight", idempotent=False, listed=False)
async def append_insight(
    insight: Annotated[str, Field(min_length=1, max_length=4000)], ctx: Context[Any, Any]
) -> CallToolResult:
    """Add a finding to the memo at memo://insights."""
    app = app_of(ctx)
    await app.memo.append(insight)
    await ctx.notify_resource_updated("memo://insights")
    return CallToolResult(content=[TextContent(type="text", text="Insight added to memo")])
