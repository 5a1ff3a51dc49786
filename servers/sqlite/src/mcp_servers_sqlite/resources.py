"""Resources: the schema as text, the memo, and what changed. With completion of table and column names."""

import contextlib
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
from mcp_servers_shared.errors import NotFound
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
    return await _for_each("list_tables", {"detail": "summary", "pattern": None})


async def one_table(table_name: str) -> str:
    """Columns, keys, indexes and the CREATE statement of one table or view."""
    app = current_app()
    found: list[str] = []
    missing: NotFound | None = None
    for database in app.databases:
        args = {"table_name": table_name, "sample_rows": 0, "max_chars": _share(app)}
        try:
            found.append(_headed(app, database, (await app.run("describe_table", database, args))["text"]))
        except NotFound as error:
            missing = error
    if missing and not found:
        raise missing
    return "\n\n".join(found)


async def diagram() -> str:
    """The tables and their foreign keys as a Mermaid entity-relationship diagram."""
    return await _for_each("diagram", {})


async def change_marks() -> str:
    """One line a database that differs exactly when something was committed. Subscribe to be told."""
    app = current_app()
    lines: list[str] = []
    for database in app.databases:
        mark = await app.run("version", database, {})
        lines.append(f"{database}: schema {mark['schema']}, data {mark['data']}")
    return "\n".join(lines)


async def memo() -> str:
    """The findings kept with append_insight."""
    insights = await current_app().memo.read()
    return "\n".join(f"- {one}" for one in insights) or "No insights yet."


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
    values: list[str] = []
    total, more = 0, False
    for database in app.databases:
        with contextlib.suppress(NotFound):
            found = await app.run("complete", database, args)
            values += found["values"]
            total += found["total"]
            more = more or found["has_more"]
    return Completion(values=values[:100], total=total, has_more=more or len(values) > 100)


async def _for_each(operation: str, args: dict[str, Any]) -> str:
    app = current_app()
    parts: list[str] = []
    for database in app.databases:
        reply = await app.run(operation, database, {**args, "max_chars": _share(app)})
        notes = "\n".join(reply.get("notes", ()))
        # A note about what was left out would break a diagram unless it is a Mermaid comment.
        shown = "\n".join(f"%% {note}" for note in notes.splitlines()) if operation == "diagram" else notes
        parts.append(_headed(app, database, f"{shown}\n{reply['text']}".strip("\n"), operation == "diagram"))
    return "\n\n".join(parts)


def _share(app: SqliteApp) -> int:
    return max(1_000, app.room // len(app.databases))


def _headed(app: SqliteApp, database: str, text: str, comment: bool = False) -> str:
    if len(app.databases) == 1:
        return text
    return f"{'%% ' if comment else ''}database {database}\n{text}"
