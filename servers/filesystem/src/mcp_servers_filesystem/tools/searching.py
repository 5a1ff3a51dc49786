"""Tools that look through trees."""

import contextlib
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field

from mcp_servers_filesystem.app import FilesystemApp, app_of, json_chars
from mcp_servers_filesystem.fitting import Cost
from mcp_servers_filesystem.grep_page import GrepPage, Hits
from mcp_servers_filesystem.grepping import Grep, grep
from mcp_servers_filesystem.pages import Page
from mcp_servers_filesystem.searching import Search, search_names
from mcp_servers_filesystem.tools.reading import Cursor
from mcp_servers_filesystem.tree import TreeWanted
from mcp_servers_filesystem.tree import directory_tree as tree_of
from mcp_servers_filesystem.usage import usage
from mcp_servers_shared.call import current_call
from mcp_servers_shared.errors import LimitExceeded
from mcp_servers_shared.results import Answer
from mcp_servers_shared.tooling import tool

Globs = Annotated[list[str], Field(max_length=100)]
Gitignore = bool
_AROUND = 700
_LEAST_ROOM = 800
_PLACE_SHARE = 40
_SHORTER = ((10, 5), (4, 2), (1, 1), (0, 0))
"""Folders and files that are named where more do not fit."""
_PATHS = ("after", "file")


@tool(kind="read", title="Directory tree")
async def directory_tree(
    path: str,
    ctx: Context[Any, Any],
    excludePatterns: Globs = [],  # noqa: B006
    maxDepth: Annotated[int | None, Field(ge=1)] = None,
    maxEntries: Annotated[int | None, Field(ge=1)] = None,
    respectGitignore: Gitignore = False,
    format: Annotated[Literal["json", "compact"], Field(description="compact: indented lines, fewer tokens")] = "json",
    cursor: Cursor = None,
) -> CallToolResult:
    """Show a directory and what is beneath it as a tree."""
    app = app_of(ctx)
    wanted = TreeWanted(path, excludePatterns, maxDepth, maxEntries, respectGitignore, format == "compact")
    question = {"wanted": repr(wanted)}
    going_on = app.continued(cursor, "tree", **question)

    async def page(room: int) -> CallToolResult:
        found = await app.run(tree_of, app.space, wanted, going_on, app.cost, room)
        return _official(app, found, "tree", question)

    return await _fitting(app, page)


@tool(kind="read", title="Search files")
async def search_files(
    path: str,
    pattern: Annotated[str, Field(description="Glob: *.py here, **/*.py at any depth")],
    ctx: Context[Any, Any],
    excludePatterns: Globs = [],  # noqa: B006
    type: Literal["file", "directory"] | None = None,
    respectGitignore: Gitignore = False,
    limit: Annotated[int, Field(ge=1, le=10_000)] = 1_000,
    cursor: Cursor = None,
) -> CallToolResult:
    """Find files and directories by name; grep_files searches what files hold."""
    app = app_of(ctx)
    search = Search(path, pattern, excludePatterns, type, respectGitignore)
    question = {"search": repr(search)}
    going_on = app.continued(cursor, "search", **question)

    async def page(room: int) -> CallToolResult:
        found = await app.run(search_names, app.space, search, limit, going_on, app.cost, room)
        return _official(app, found, "search", question)

    return await _fitting(app, page)


async def _fitting(app: FilesystemApp, page: Callable[[int], Awaitable[CallToolResult]]) -> CallToolResult:
    """A page that is within the budget: notices and the cursor are made after it and may be long."""
    room = app.room
    while True:
        try:
            return await page(room)
        except LimitExceeded as error:
            if error.code != "over_budget" or room == _LEAST_ROOM:
                raise
            over = int(error.evidence["characters"]) - app.settings.max_result_chars
            room = max(_LEAST_ROOM, room - over)


def _official(app: FilesystemApp, found: Page, tool_name: str, question: dict[str, Any]) -> CallToolResult:
    following = _cursor(app, found.following, tool_name, question)
    return app.official(found.text, found.fields, found.notices, following)


def _cursor(
    app: FilesystemApp, following: dict[str, Any] | None, tool_name: str, question: dict[str, Any]
) -> str | None:
    """A cursor by path; by counting where the path is too long for one."""
    if following is None:
        return None
    if sum(json_chars(following.get(name, "")) for name in _PATHS) > app.settings.max_result_chars // _PLACE_SHARE:
        following = {name: value for name, value in following.items() if name not in _PATHS}
    return app.cursor(following, tool_name, **question)


@tool(kind="read", title="Search file contents")
async def grep_files(
    pattern: Annotated[str, Field(description="RE2 regular expression")],
    path: str,
    ctx: Context[Any, Any],
    literal: Annotated[bool, Field(description="pattern is plain text")] = False,
    ignoreCase: bool = False,
    glob: str | None = None,
    type: Annotated[str | None, Field(description="py, js, md, ...")] = None,
    context: Annotated[int, Field(ge=0, le=20, description="Lines around a match")] = 0,
    mode: Literal["content", "files", "count"] = "content",
    respectGitignore: Gitignore = True,
    limit: Annotated[int, Field(ge=1, le=10_000)] = 250,
    cursor: Cursor = None,
) -> CallToolResult:
    """Search what files hold, line by line, .gitignore respected."""
    app = app_of(ctx)
    wanted = Grep(pattern, path, literal, ignoreCase, glob, type, context, mode, respectGitignore)
    question = {"grep": repr(wanted)}
    going_on = app.continued(cursor, "grep", **question)

    async def page(room: int) -> CallToolResult:
        # The fence, the counts and the notices come on top.
        hits = await app.run(
            grep, app.space, wanted, going_on, GrepPage(mode, limit, context, _price_of(app), room - _AROUND)
        )
        current_call().note(matches=hits.matches, files=hits.searched)
        return _grep_result(app, hits, question)

    return await _fitting(app, page)


def _price_of(app: FilesystemApp) -> Cost:
    """Characters of a line in the text, and as a part of the data."""
    channels = app.settings.result

    def price(line: str) -> int:
        return (len(line) + 1) * (channels != "structured") + (json_chars(line) + 1) * (channels != "text")

    return price


def _grep_result(app: FilesystemApp, hits: Hits, question: dict[str, Any]) -> CallToolResult:
    notices = list(hits.notices)
    if hits.following and not notices:
        notices.append(f"Cut: {hits.matches:,} matches in {hits.files:,} files are shown.")
    following = _cursor(app, hits.following, "grep", question)
    data = {"matches": hits.matches, "searched": hits.searched, "results": hits.data}
    text = "\n".join(hits.lines) or f"No matches in {hits.searched:,} files"
    return app.result(Answer(text, data, notices, following, following is not None, "files" if hits.lines else ""))


@tool(kind="read", title="Disk usage")
async def disk_usage(path: str, ctx: Context[Any, Any], respectGitignore: Gitignore = False) -> CallToolResult:
    """Count files and sizes beneath a directory, with the largest ones."""
    app = app_of(ctx)
    label, found = await app.run(usage, app.space, path, respectGitignore)
    few = found
    for folders, files in _SHORTER:
        with contextlib.suppress(LimitExceeded):
            return app.result(Answer(few.text(label), few.data(), few.notices, source="files"))
        few = found.only(folders, files)
    return app.result(Answer(few.text(label), few.data(), few.notices, source="files"))
