"""The tool that changes a database: preview, confirmation, then exactly what was previewed."""

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult, InputRequiredResult
from pydantic import Field

from mcp_servers_shared.call import current_call
from mcp_servers_shared.confirming import Confirmed
from mcp_servers_shared.errors import LimitExceeded, NotConfirmed, Unavailable
from mcp_servers_shared.guard.confirm import Binding
from mcp_servers_shared.results import Answer
from mcp_servers_shared.state import StateFolder
from mcp_servers_shared.tooling import tool
from mcp_servers_sqlite.app import SqliteApp, app_of
from mcp_servers_sqlite.tools.reading import Params

_SAMPLE_ROWS = 5
_BACKUP_SECONDS = 600.0


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
    app = app_of(ctx)
    return await change(ctx, Change(app, sql, params, app.database(database), backup), confirm_id)


@dataclass(frozen=True)
class Change:
    """One statement that somebody wants to run."""

    app: SqliteApp
    sql: str
    params: list[Any] | dict[str, Any] | None
    database: str
    backup: bool = False

    def binding(self, digest: str) -> Binding:
        """What a confirmation of this change is for."""
        asked = {"sql": self.sql, "params": self.params, "database": self.database, "backup": self.backup}
        return Binding(current_call().principal.name, "execute_sql", asked, digest)

    async def run(self, operation: str, **more: Any) -> dict[str, Any]:
        """`preview` or `apply`."""
        args = {"sql": self.sql, "params": self.params, "sample_rows": _SAMPLE_ROWS, "max_chars": self.app.room}
        return await self.app.run(operation, self.database, {**args, **more})

    def answer(self, text: str, data: dict[str, Any], notices: list[str]) -> Answer:
        """What a reader is shown."""
        return Answer(text, data, notices, source=f"database {self.database}")


async def change(
    ctx: Context[Any, Any], wanted: Change, confirm_id: str | None
) -> CallToolResult | InputRequiredResult:
    """Preview, ask, apply."""
    preview = await wanted.run("preview")
    shown = wanted.answer(preview["text"], preview["data"], list(preview.get("notes", ())))
    if confirm_id is None and ctx.request_state is None and _changes_nothing(preview):
        shown.data = {"applied": False, **shown.data}
        return wanted.app.result(shown)
    reply = await wanted.app.asking.confirmed(ctx, shown, wanted.binding(preview["digest"]), confirm_id)
    if not isinstance(reply, Confirmed):
        return reply
    return await _apply(wanted, preview["digest"])


async def _apply(wanted: Change, digest: str) -> CallToolResult:
    """Do what was confirmed, if it is still exactly that."""
    copied = await _backed_up(wanted.app, wanted.database) if wanted.backup else None
    done = await wanted.run("apply", expect_digest=digest)
    if not done["applied"]:
        raise NotConfirmed(
            "the data changed between the preview and the write; nothing was written",
            rule="CONF-1",
            code="stale_preview",
            hint=str(done.get("hint") or "Call again to see what it would do now."),
        )
    current_call().note(rows=done["affected_rows"])
    backup = {"backup": copied} if copied else {}
    notices = [f"Backup made first: {copied}"] if copied else []
    data = {"applied": True, **done["data"], **backup}
    with contextlib.suppress(LimitExceeded):
        return wanted.app.result(wanted.answer(done["text"], data, [*notices, *done.get("notes", ())]))
    return wanted.app.result(_in_short(done, backup))


def _in_short(done: dict[str, Any], backup: dict[str, str]) -> Answer:
    """What was written is written: a report that does not fit must not look like a failure."""
    text = f"Done: {done['affected_rows']:,} rows changed. The full report does not fit into one result."
    counts = {name: done[name] for name in ("affected_rows", "other_rows")}
    return Answer(text, {"applied": True, **backup, **counts})


def _changes_nothing(preview: dict[str, Any]) -> bool:
    """Nothing to confirm: no row and no part of the schema would change."""
    return not (preview["affected_rows"] or preview["other_rows"] or preview["schema_changes"])


async def _backed_up(app: SqliteApp, database: str) -> str:
    """Copy the database with SQLite's own backup. The path is the server's choice, never the caller's."""
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    target = _backup_folder(app) / f"{database}-{stamp}-{current_call().id[:8]}.db"
    await app.run("backup", database, {"target": str(target)}, deadline=max(_BACKUP_SECONDS, app.settings.timeout))
    current_call().note(backup=target.name)
    return str(target)


def _backup_folder(app: SqliteApp) -> Path:
    try:
        if app.settings.backup_dir is None:
            return StateFolder().folder("backups").absolute()
        folder = app.settings.backup_dir.expanduser().absolute()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(
            f"the folder for backups cannot be made: {error.strerror or type(error).__name__}",
            code="backup_failed",
            hint="Nothing was changed. Set another --backup-dir.",
        ) from None
    return folder
