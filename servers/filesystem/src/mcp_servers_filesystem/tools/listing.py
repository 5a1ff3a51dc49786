"""Tools that say what there is."""

from typing import Annotated, Any, Literal

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field

from mcp_servers_filesystem.app import app_of
from mcp_servers_filesystem.info import file_info
from mcp_servers_filesystem.listing import list_names, list_sizes
from mcp_servers_filesystem.names import shown
from mcp_servers_filesystem.sealing import sealed
from mcp_servers_filesystem.space import full_path
from mcp_servers_filesystem.tools.reading import Cursor
from mcp_servers_shared.guard.paths import Located
from mcp_servers_shared.tooling import tool

Limit = Annotated[int, Field(ge=1, le=10_000, description="Entries a page")]


@tool(kind="read", title="List directory")
async def list_directory(
    path: str, ctx: Context[Any, Any], limit: Limit = 1_000, cursor: Cursor = None
) -> CallToolResult:
    """List a directory, one [FILE] or [DIR] line an entry."""
    app = app_of(ctx)
    going_on = app.continued(cursor, "list", path=path)
    found = await app.run(list_names, app.space, path, limit, going_on, app.cost, app.room)
    return app.paged(found, "list", path=path)


@tool(kind="read", title="List directory with sizes")
async def list_directory_with_sizes(
    path: str,
    ctx: Context[Any, Any],
    sortBy: Literal["name", "size"] = "name",
    limit: Limit = 1_000,
    cursor: Cursor = None,
) -> CallToolResult:
    """List a directory with file sizes and totals."""
    app = app_of(ctx)
    question = {"path": path, "sort": sortBy}
    going_on = app.continued(cursor, "sizes", **question)
    found = await app.run(list_sizes, app.space, path, sortBy == "size", limit, going_on, app.cost, app.room)
    return app.paged(found, "sizes", **question)


@tool(kind="read", title="Get file info")
async def get_file_info(
    path: str,
    ctx: Context[Any, Any],
    hash: Literal["sha256", "sha512", "sha1", "md5", "blake2b"] | None = None,
) -> CallToolResult:
    """Size, dates, kind and permissions of a file or directory, and its checksum if asked for."""
    app = app_of(ctx)
    text, fields = await app.run(file_info, app.space, path, hash)
    return app.official(text, fields)


@tool(kind="read", title="List allowed directories")
async def list_allowed_directories(ctx: Context[Any, Any]) -> CallToolResult:
    """The directories this server may touch, their modes and limits. Ask it first."""
    app = app_of(ctx)
    space = app.space
    roots: list[dict[str, Any]] = []
    lines: list[str] = []
    for root in space.roots:
        places = [parts for one, parts in space.limits if one is root] if space.limits is not None else [()]
        for parts in places:
            real = shown(full_path(Located(root, parts, "")))
            given = [root.name] if not parts and root.name != real else []
            lines += [*given, real]
            entry: dict[str, Any] = {"path": (given or [real])[0], "mode": "rw" if root.writable else "ro"}
            roots.append(entry | ({"moved": True} if root.moved else {}))
    limits = {"result_chars": app.settings.max_result_chars, "file_mb": app.settings.max_file_mb}
    data: dict[str, Any] = {"roots": roots, "sealed": sealed().reason, "limits": limits}
    notices = (
        ["A root was moved or replaced since the start; the pinned one is served."]
        if any("moved" in one for one in roots)
        else []
    )
    return app.official("Allowed directories:\n" + "\n".join(lines), data, notices)
