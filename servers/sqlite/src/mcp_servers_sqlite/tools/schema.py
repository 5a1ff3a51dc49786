"""Tools that tell what is in a database."""

from typing import Annotated, Any, Literal

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field

from mcp_servers_shared.call import current_call
from mcp_servers_shared.cursors import purpose_of
from mcp_servers_shared.results import Answer
from mcp_servers_shared.tooling import tool
from mcp_servers_sqlite.app import SqliteApp, app_of


@tool(kind="read", title="List tables")
async def list_tables(
    ctx: Context[Any, Any],
    pattern: Annotated[str | None, Field(description="Only names with this text; * and ? as wildcards")] = None,
    detail: Literal["names", "summary", "full"] = "summary",
    cursor: str | None = None,
    database: str | None = None,
) -> CallToolResult:
    """List tables and views, the most connected ones with their columns, within a budget. Start here."""
    app = app_of(ctx)
    name = app.database(database)
    principal = current_call().principal.name
    purpose = purpose_of("list_tables", pattern=pattern, detail=detail, database=name)
    args: dict[str, Any] = {"pattern": pattern, "detail": detail, "max_chars": app.room}
    if cursor is not None:
        args |= app.cursors.open(cursor, principal=principal, purpose=purpose)
    reply = await app.run("list_tables", name, args)
    following: dict[str, Any] | None = reply.get("next")
    sealed = app.cursors.seal(following, principal=principal, purpose=purpose) if following else None
    return _result(app, name, reply, next_cursor=sealed)


@tool(kind="read", title="Describe table")
async def describe_table(
    table_name: str,
    ctx: Context[Any, Any],
    sample_rows: Annotated[int, Field(ge=0, le=20)] = 0,
    database: str | None = None,
) -> CallToolResult:
    """Show one table or view: columns, keys, indexes, foreign keys both ways, triggers, its CREATE statement."""
    app = app_of(ctx)
    args = {"table_name": table_name, "sample_rows": sample_rows}
    return await _looked_up(app, "describe_table", database, args)


@tool(kind="read", title="Search schema")
async def search_schema(
    text: Annotated[str, Field(min_length=1, max_length=200)],
    ctx: Context[Any, Any],
    limit: Annotated[int, Field(ge=1, le=50)] = 10,
    database: str | None = None,
) -> CallToolResult:
    """Find tables, columns, views and indexes by words. Use it in a large database instead of listing all."""
    app = app_of(ctx)
    args = {"text": text, "limit": limit}
    return await _looked_up(app, "search_schema", database, args)


@tool(kind="read", title="Profile table")
async def profile_table(
    table_name: str,
    ctx: Context[Any, Any],
    columns: Annotated[list[str] | None, Field(description="Only these")] = None,
    sample_rows: Annotated[int, Field(ge=0, le=20)] = 3,
    database: str | None = None,
) -> CallToolResult:
    """Count rows, nulls and distinct values, with ranges, frequent values and samples, within two seconds."""
    app = app_of(ctx)
    args: dict[str, Any] = {
        "table_name": table_name,
        "columns": columns,
        "sample_rows": sample_rows,
        "budget_s": min(2.0, app.settings.timeout * 0.8),
    }
    return await _looked_up(app, "profile_table", database, args)


async def _looked_up(app: SqliteApp, operation: str, database: str | None, args: dict[str, Any]) -> CallToolResult:
    name = app.database(database)
    return _result(app, name, await app.run(operation, name, {**args, "max_chars": app.room}))


def _result(app: SqliteApp, database: str, reply: dict[str, Any], next_cursor: str | None = None) -> CallToolResult:
    found = Answer(
        text=reply["text"],
        data=reply["data"],
        notices=list(reply.get("notes", ())),
        next_cursor=next_cursor,
        truncated=bool(reply.get("truncated")),
        source=f"database {database}",
    )
    return app.result(found)
