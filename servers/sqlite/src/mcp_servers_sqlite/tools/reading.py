"""Tools that read rows."""

import contextlib
from typing import Annotated, Any, Literal

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field, WithJsonSchema

from mcp_servers_shared.call import current_call
from mcp_servers_shared.cursors import purpose_of
from mcp_servers_shared.errors import InvalidInput, LimitExceeded
from mcp_servers_shared.results import Answer
from mcp_servers_shared.splice import Encoded
from mcp_servers_shared.tooling import tool
from mcp_servers_sqlite.app import SqliteApp, app_of

_VALUE_TYPES = [{"type": name} for name in ("string", "number", "boolean", "null")]
Value = Annotated[Any, WithJsonSchema({"anyOf": _VALUE_TYPES})]
Params = Annotated[
    list[Value] | dict[str, Value] | None, Field(description="Values for ? (list) or :name (object) in sql")
]
Database = str | None

_DEFAULT_ROWS = 50
_LEAST_ROOM = 200
_SHORT_CURSOR = 400
_COUNTS_NOTE = (
    "The values to go on from are too long for a cursor, so the next page counts rows from the start "
    "and can shift while the data changes."
)


@tool(kind="read", title="Query database")
async def query_database(
    sql: str,
    ctx: Context[Any, Any],
    params: Params = None,
    limit: Annotated[int, Field(ge=1, description="Rows a page")] = _DEFAULT_ROWS,
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
    most = app.settings.max_rows
    if limit > max(most, _DEFAULT_ROWS):
        raise InvalidInput(
            f"limit is at most {most}",
            code="invalid_arguments",
            hint="Take a smaller page and go on with next_cursor, or aggregate in SQL.",
        )
    purpose = purpose_of("query", sql=sql, params=params, database=database)
    args: dict[str, Any] = {"sql": sql, "params": params, "limit": min(limit, most), "format": style}
    if cursor is not None:
        args |= app.cursors.open(cursor, principal=current_call().principal.name, purpose=purpose)
    room = app.room
    while True:
        reply = await app.run("query", database, {**args, "max_chars": room, "packed": True})
        try:
            return _page(app, database, reply, purpose)
        except LimitExceeded as error:
            # Notices and cursor are made after the rows; where they do not fit beside them, fewer rows do.
            smaller = room - int(error.evidence["characters"]) + app.settings.max_result_chars
            if room == _LEAST_ROOM:
                raise
            room = max(_LEAST_ROOM, smaller)


def _page(app: SqliteApp, database: str, reply: dict[str, Any], purpose: str) -> CallToolResult:
    notices = list(reply["notes"])
    found = Answer(
        text=Encoded(*reply["text"]),
        data={"columns": reply["columns"], "rows": Encoded(*reply["rows"]), "row_count": reply["row_count"]},
        notices=notices,
        next_cursor=_cursor(app, reply["next"], purpose, notices) if reply["next"] else None,
        truncated=reply["truncated"],
        source=f"database {database}",
    )
    return app.result(found)


def _cursor(app: SqliteApp, following: dict[str, Any], purpose: str, notices: list[str]) -> str:
    """The cursor of the page that follows; one that counts rows where the values to go on from are too long."""
    principal = current_call().principal.name
    with contextlib.suppress(LimitExceeded):
        cursor = app.cursors.seal(following, principal=principal, purpose=purpose)
        if len(cursor) <= max(_SHORT_CURSOR, app.settings.max_result_chars // 20):
            return cursor
    notices.append(_COUNTS_NOTE)
    return app.cursors.seal({"offset": following["offset"]}, principal=principal, purpose=purpose)


@tool(kind="read", title="Explain query")
async def explain_query(
    sql: str, ctx: Context[Any, Any], params: Params = None, database: Database = None
) -> CallToolResult:
    """Show how SQLite would run a statement, with advice, without running it. Use it when a query is slow."""
    app = app_of(ctx)
    reply = await app.run("explain", app.database(database), {"sql": sql, "params": params, "max_chars": app.room})
    found = Answer(reply["text"], reply["data"], list(reply.get("notes", ())))
    return app.result(found)
