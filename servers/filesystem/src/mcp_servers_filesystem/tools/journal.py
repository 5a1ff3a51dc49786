"""Tools for what was changed through this server."""

import datetime
from typing import Annotated, Any

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field

from mcp_servers_filesystem.app import FilesystemApp, app_of
from mcp_servers_filesystem.deadlines import Deadline
from mcp_servers_filesystem.fitting import fitting_items
from mcp_servers_filesystem.journal import Change, raw_path
from mcp_servers_filesystem.names import shown
from mcp_servers_filesystem.space import Space
from mcp_servers_filesystem.tools.reading import Cursor
from mcp_servers_filesystem.tools.writing import write
from mcp_servers_filesystem.undoing import undo as undo_change
from mcp_servers_filesystem.undoing import visible
from mcp_servers_shared.call import current_call
from mcp_servers_shared.tooling import tool


@tool(kind="read", title="List changes")
async def list_changes(
    ctx: Context[Any, Any],
    path: Annotated[str | None, Field(description="Only changes of it or beneath")] = None,
    limit: Annotated[int, Field(ge=1, le=1_000)] = 20,
    cursor: Cursor = None,
) -> CallToolResult:
    """What was changed through this server, the latest first, with ids for undo."""
    app = app_of(ctx)
    before = app.continued(cursor, "changes", path=path).get("before")
    lines, more = await app.run(_lines, app, app.space, path, before, limit)
    following = app.cursor({"before": more}, "changes", path=path) if more else None
    notices = [f"Cut: {len(lines)} changes are shown."] if more else []
    return app.official("\n".join(lines) or "No changes", None, notices, following)


def _lines(
    deadline: Deadline, app: FilesystemApp, space: Space, path: str | None, before: str | None, limit: int
) -> tuple[list[str], str]:
    """The lines, and the id to go on before, empty at the end."""
    wanted = [
        one
        for one in app.journal.changes()
        if one.steps and visible(space, one) and (before is None or one.id < before) and _concerns(space, one, path)
    ]
    deadline.check()
    lines = [_line(one) for one in wanted[:limit]]
    kept = fitting_items(lines, app.cost, app.room)
    return lines[:kept], wanted[kept - 1].id if 0 < kept < len(wanted) else ""


def _concerns(space: Space, change: Change, path: str | None) -> bool:
    if path is None:
        return True
    place = space.locate(path)
    for step in change.steps:
        for raw in filter(None, (step.path, step.other)):
            found = space.roots.locate(raw_path(raw))
            if found.root is place.root and found.parts[: len(place.parts)] == place.parts:
                return True
    return False


def _line(change: Change) -> str:
    moment = datetime.datetime.fromtimestamp(change.time, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S")
    first = change.steps[-1]
    where = shown(raw_path(first.path))
    if first.do == "rename" and "/.mcp-trash/" not in first.other:
        where += f" -> {shown(raw_path(first.other))}"
    more = f" and {len(change.steps) - 1} more" if len(change.steps) > 1 else ""
    state = {"done": "", "begun": " (unfinished)", "failed": " (failed, nothing changed)", "undone": " (undone)"}
    undid = f" of {change.undid}" if change.undid else ""
    return f"{change.id} {moment}Z {change.op}{undid} {where}{more}{state[change.state]}"


@tool(kind="write", title="Undo", destructive=True)
async def undo(
    ctx: Context[Any, Any],
    change_id: Annotated[str | None, Field(description="Default: the last change")] = None,
) -> CallToolResult:
    """Take a change back; refused if what it changed is not as it left it. An undo can be undone by its own id."""
    app = app_of(ctx)
    change, done = await write(app, lambda writer: undo_change(writer, change_id))
    current_call().note(change=done.id, undid=change.id)
    return app.official(
        f"Took back {_line(change).removesuffix(' (undone)')}", {"change_id": done.id, "undid": change.id}
    )
