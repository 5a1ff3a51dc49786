"""Tools that read rows."""

from typing import Annotated, Any, Literal

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field

from mcp_servers_shared.call import current_call
from mcp_servers_shared.cursors import purpose_of
from mcp_servers_shared.errors import InvalidInput
from mcp_servers_shared.results import Answer, answer
from mcp_servers_shared.tooling import tool
from mcp_servers_sqlite.app import SqliteApp, app_of

Params = Annotated[list[Any] | dict[str, Any] | None, Field(description="Values for ? (list) or :name (object) in sql")]
Database = str | None


@tool(kind="read", title="Query database")
async def query_database(
    sql: str,
    ctx: Context[Any, Any],
    params: Params = None,
    limit: Annotated[int, Field(ge=1, description="Rows a page")] = 50,
    cursor: Annotated[str | None, Field(description="next_cursor of the page before, same sql and params")] = None,
    format: Literal["markdown", "json"] = "markdown",
    database: Database = None,
) -> CallToolResult:
    """Run one read-only SQL statement (SELECT, WITH, VALUES, PRAGMA that reads) and return a page of rows.

    Pass values in params, never inside sql.
    """
    app = app_of(ctx)
    return await read_rows(app, sql, params, app.database(database), limit=limit, cursor=cursor, style=format)


async def read_rows(
    app: SqliteApp,
    sql: str,
    params: list[Any] | dict[str, Any] | None,
    database: str,
    *,
    limit: int,
    cursor: str | None = None,
    style: str = "markdown",
) -> CallToolResult:
    """A page of rows as a result."""
    if limit > app.settings.max_rows:
        raise InvalidInput(
            f"limit is at most {app.settings.max_rows}",
            code="invalid_arguments",
            hint="Take a smaller page and go on with next_cursor, or aggregate in SQL.",
        )
    principal = current_call().principal.name
    purpose = purpose_of("query", sql=sql, params=params, database=database)
    args: dict[str, Any] = {"sql": sql, "params": params, "limit": limit, "format": style, "max_chars": app.room}
    if cursor is not None:
        args |= app.cursors.open(cursor, principal=principal, purpose=purpose)
    reply = await app.run("query", database, args)
    following: dict[str, Any] | None = reply["next"]
    found = Answer(
        text=reply["text"],
        data={"columns": reply["columns"], "rows": reply["rows"], "row_count": reply["row_count"]},
        notices=list(reply["notes"]),
        next_cursor=app.cursors.seal(following, principal=principal, purpose=purpose) if following else None,
        truncated=reply["truncated"],
        source=f"database {database}",
    )
    return answer(found, budget=app.settings.max_result_chars, channels=app.settings.result)


@tool(kind="read", title="Explain query")
async def explain_query(
    sql: str, ctx: Context[Any, Any], params: Params = None, database: Database = None
) -> CallToolResult:
    """Show how SQLite would run a statement, with advice, without running it. Use it when a query is slow."""
    app = app_of(ctx)
    reply = await app.run("explain", app.database(database), {"sql": sql, "params": params, "max_chars": app.room})
    found = Answer(reply["text"], reply["data"], list(reply.get("notes", ())))
    return answer(found, budget=app.settings.max_result_chars, channels=app.settings.result)
