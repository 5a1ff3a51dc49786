"""The tool that changes a database: preview, confirmation, then exactly what was previewed."""

import contextlib
import time
from pathlib import Path
from typing import Annotated, Any

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult, InputRequiredResult
from pydantic import Field

from mcp_servers_shared.call import current_call
from mcp_servers_shared.confirming import Confirmed
from mcp_servers_shared.errors import LimitExceeded, NotConfirmed
from mcp_servers_shared.guard.confirm import Binding
from mcp_servers_shared.results import Answer, answer
from mcp_servers_shared.state import StateFolder
from mcp_servers_shared.tooling import tool
from mcp_servers_sqlite.app import SqliteApp, app_of
from mcp_servers_sqlite.tools.reading import Params

_SAMPLE_ROWS = 5


@tool(kind="write", title="Execute SQL", destructive=True)
async def execute_sql(
    sql: str,
    ctx: Context[Any, Any],
    params: Params = None,
    backup: Annotated[bool, Field(description="Copy the database first")] = False,
    confirm_id: Annotated[str | None, Field(description="From the preview, once the user agreed")] = None,
    database: str | None = None,
) -> CallToolResult | InputRequiredResult:
    """Change data or schema with one INSERT, UPDATE, DELETE or DDL statement.

    It is previewed in a transaction that is rolled back, and done only once the user confirms that preview.
    """
    return await change(app_of(ctx), ctx, sql, params, database, backup=backup, confirm_id=confirm_id)


async def change(
    app: SqliteApp,
    ctx: Context[Any, Any],
    sql: str,
    params: list[Any] | dict[str, Any] | None,
    database: str | None,
    *,
    backup: bool,
    confirm_id: str | None,
) -> CallToolResult | InputRequiredResult:
    """Preview, ask, apply."""
    name = app.database(database)
    call = current_call()
    statement: dict[str, Any] = {
        "sql": sql,
        "params": params,
        "sample_rows": _SAMPLE_ROWS,
        "max_chars": app.room,
    }
    preview = await app.run("preview", name, statement)
    source = f"database {name}"
    shown = Answer(preview["text"], preview["data"], list(preview.get("notes", ())), source=source)
    if confirm_id is None and ctx.request_state is None and _changes_nothing(preview):
        shown.data = {"applied": False, **shown.data}
        return answer(shown, budget=app.settings.max_result_chars, channels=app.settings.result)
    asked = {"sql": sql, "params": params, "database": name, "backup": backup}
    binding = Binding(call.principal.name, "execute_sql", asked, preview["digest"])
    reply = await app.asking.confirmed(ctx, shown, binding, confirm_id)
    if not isinstance(reply, Confirmed):
        return reply
    copied = await _backed_up(app, name) if backup else None
    done = await app.run("apply", name, {**statement, "expect_digest": preview["digest"]})
    if not done["applied"]:
        raise NotConfirmed(
            "the data changed between the preview and the write; nothing was written",
            rule="CONF-1",
            code="stale_preview",
            hint=str(done.get("hint") or "Call again to see what it would do now."),
        )
    call.note(rows=done["affected_rows"])
    data: dict[str, Any] = {"applied": True, **done["data"]}
    notices = [f"Backup made first: {copied}"] if copied else []
    if copied:
        data["backup"] = copied
    found = Answer(done["text"], data, [*notices, *done.get("notes", ())], source=source)
    with contextlib.suppress(LimitExceeded):
        return answer(found, budget=app.settings.max_result_chars, channels=app.settings.result)
    return _done_in_short(app, done, copied)


def _done_in_short(app: SqliteApp, done: dict[str, Any], copied: str | None) -> CallToolResult:
    """What was written is written: a report that does not fit must not look like a failure."""
    data: dict[str, Any] = {name: done[name] for name in ("affected_rows", "other_rows")}
    backup = {"backup": copied} if copied else {}
    text = f"Done: {data['affected_rows']:,} rows changed. The full report does not fit into one result."
    found = Answer(text, {"applied": True, **backup, **data})
    return answer(found, budget=app.settings.max_result_chars, channels=app.settings.result)


def _changes_nothing(preview: dict[str, Any]) -> bool:
    """Nothing to confirm: no row and no part of the schema would change."""
    return not (preview["affected_rows"] or preview["other_rows"] or preview["schema_changes"])


async def _backed_up(app: SqliteApp, database: str) -> str:
    """Copy the database with SQLite's own backup. The path is the server's choice, never the caller's."""
    folder = app.settings.backup_dir or StateFolder().folder("backups")
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    target = Path(folder) / f"{database}-{stamp}-{current_call().id[:8]}.db"
    await app.run("backup", database, {"target": str(target)})
    current_call().note(backup=target.name)
    return str(target)
