"""Resources: the schema as text, the memo, and what changed. With completion of table and column names."""

import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from mcp.server.mcpserver import ResourceSecurity
from mcp.types import (
    Annotations,
    Completion,
    CompletionArgument,
    CompletionContext,
    PromptReference,
    ResourceTemplateReference,
)

from mcp_servers_shared.app import Server
from mcp_servers_shared.errors import NotFound, ServerError
from mcp_servers_shared.guard.untrusted import fence, visible
from mcp_servers_shared.tooling import carried
from mcp_servers_sqlite.app import SqliteApp, current_app

TABLES = "schema://tables"
TABLE = "schema://tables/{table_name}"
DIAGRAM = "schema://diagram"
VERSION = "data://version"
MEMO = "memo://insights"

# Table names are looked up in the real schema, never used as paths: "../x" and "/x" are legal names.
_ANY_NAME = ResourceSecurity(reject_path_traversal=False, reject_absolute_paths=False)
_FOR_BOTH = Annotations(audience=["user", "assistant"], priority=0.8)


def register(server: Server) -> None:
    """Add the resources and completion to `server`."""
    server.resource(TABLES, title="Tables", annotations=_FOR_BOTH)(carried(all_tables))
    server.resource(TABLE, title="One table", annotations=_FOR_BOTH, security=_ANY_NAME)(carried(one_table))
    server.resource(DIAGRAM, title="Diagram", mime_type="text/vnd.mermaid")(carried(diagram))
    server.resource(VERSION, title="Change marks")(carried(change_marks))
    server.resource(MEMO, title="Insights")(carried(memo))
    server.completion()(complete)


async def all_tables() -> str:
    """Every table and view, the most connected ones with their columns."""

    async def show(app: SqliteApp, database: str) -> str:
        args = {"detail": "summary", "pattern": None, "max_chars": _share(app)}
        reply = await app.run("list_tables", database, args)
        return fence("\n".join([*reply["notes"], reply["text"]]), f"database {database}")

    return await _for_each(show)


async def one_table(table_name: str) -> str:
    """Columns, keys, indexes and the CREATE statement of one table or view."""

    async def show(app: SqliteApp, database: str) -> str:
        args = {"table_name": table_name, "sample_rows": 0, "max_chars": _share(app)}
        reply = await app.run("describe_table", database, args)
        return fence("\n".join([*reply["notes"], reply["text"]]), f"database {database}")

    return await _for_each(show, skip=NotFound)


async def diagram() -> str:
    """The tables and their foreign keys as a Mermaid entity-relationship diagram."""

    async def show(app: SqliteApp, database: str) -> str:
        reply = await app.run("diagram", database, {"max_chars": _share(app)})
        return "\n".join([*(f"%% {note}" for note in reply["notes"]), reply["text"]])

    return await _for_each(show, mark="%% ")


async def change_marks() -> str:
    """One line a database that differs exactly when something was committed. Subscribe to be told."""
    app = current_app()
    lines: list[str] = []
    for database in app.databases:
        try:
            mark = await app.run("version", database, {})
            lines.append(f"{database}: schema {mark['schema']}, data {mark['data']}")
        except ServerError as error:
            if len(app.databases) == 1:
                raise
            lines.append(f"{database}: {error.code}")
    return "\n".join(lines)


async def memo() -> str:
    """The findings kept with append_insight."""
    insights = await current_app().memo.read()
    return fence("\n".join(f"- {one}" for one in insights), "memo") if insights else "No insights yet."


async def complete(
    ref: PromptReference | ResourceTemplateReference, argument: CompletionArgument, context: CompletionContext | None
) -> Completion | None:
    """Names of tables, and of columns once the table is known."""
    app = current_app()
    given = dict(context.arguments or {}) if context else {}
    if argument.name == "table_name":
        return await _completion(app, {"kind": "table", "prefix": argument.value})
    if argument.name == "column" and isinstance(ref, PromptReference) and given.get("table_name"):
        return await _completion(app, {"kind": "column", "prefix": argument.value, "table": given["table_name"]})
    return None


async def _completion(app: SqliteApp, args: dict[str, Any]) -> Completion:
    values: dict[str, None] = {}
    total, more = 0, False
    for database in app.databases:
        # What cannot be looked up just now has no names to offer.
        with contextlib.suppress(ServerError):
            found = await app.run("complete", database, args)
            known = len(values)
            values.update(dict.fromkeys(found["values"]))
            total += found["total"] - (known + len(found["values"]) - len(values))
            more = more or found["has_more"]
    return Completion(values=list(values)[:100], total=total, has_more=more or len(values) > 100)


async def _for_each(
    show: Callable[[SqliteApp, str], Awaitable[str]], *, skip: type[ServerError] | None = None, mark: str = ""
) -> str:
    """What `show` says of each database; one that fails does not keep the others from being shown.

    `skip`: failures that mean that a database has nothing to say. `mark` begins our own lines.
    """
    app = current_app()
    parts: list[str] = []
    failures: list[ServerError] = []
    for database in app.databases:
        try:
            parts.append(_headed(app, database, await show(app, database), mark))
        except ServerError as error:
            failures.append(error)
            if not (skip and isinstance(error, skip)):
                parts.append(_headed(app, database, mark + visible(error.for_model(), escape_layout=True), mark))
    if len(failures) == len(app.databases):
        raise next((one for one in failures if not (skip and isinstance(one, skip))), failures[0])
    return _within(app, parts, mark)


def _within(app: SqliteApp, parts: list[str], mark: str) -> str:
    """As many of the parts as fit, and how many do not."""
    room, kept = app.settings.max_result_chars - 200, list[str]()
    for part in parts:
        room -= len(part) + 2
        if room < 0:
            kept.append(f"{mark}{len(parts) - len(kept)} more databases do not fit: ask about one with list_tables.")
            break
        kept.append(part)
    return "\n\n".join(kept)


def _share(app: SqliteApp) -> int:
    return max(1_000, app.room // len(app.databases))


def _headed(app: SqliteApp, database: str, text: str, mark: str = "") -> str:
    return text if len(app.databases) == 1 else f"{mark}database {database}\n{text}"
