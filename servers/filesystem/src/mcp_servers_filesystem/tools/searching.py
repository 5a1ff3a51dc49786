"""Tools that look through trees."""

from typing import Annotated, Any, Literal

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field

from mcp_servers_filesystem.app import FilesystemApp, app_of, json_chars
from mcp_servers_filesystem.fitting import Cost
from mcp_servers_filesystem.grep_page import GrepPage, Hits
from mcp_servers_filesystem.grepping import Grep, grep
from mcp_servers_filesystem.searching import Found, Search, search_names
from mcp_servers_filesystem.tools.reading import Cursor
from mcp_servers_filesystem.tree import TreeWanted
from mcp_servers_filesystem.tree import directory_tree as tree_of
from mcp_servers_filesystem.usage import usage
from mcp_servers_shared.call import current_call
from mcp_servers_shared.results import Answer
from mcp_servers_shared.tooling import tool

Globs = Annotated[list[str], Field(max_length=100)]
Gitignore = bool
_AROUND = 700


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
    found = await app.run(tree_of, app.space, wanted, going_on, app.cost, app.room)
    return _official(app, found, "tree", question)


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
    found = await app.run(search_names, app.space, search, limit, going_on, app.cost, app.room)
    return _official(app, found, "search", question)


def _official(app: FilesystemApp, found: Found, tool_name: str, question: dict[str, Any]) -> CallToolResult:
    following = app.cursor(found.following, tool_name, **question) if found.following else None
    return app.official(found.text, found.fields, found.notices, following)


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
    # The fence, the counts and the notices come on top.
    page = GrepPage(mode, limit, context, _price_of(app), app.room - _AROUND)
    hits = await app.run(grep, app.space, wanted, going_on, page)
    current_call().note(matches=hits.matches, files=hits.searched)
    return _grep_result(app, hits, question)


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
    following = app.cursor(hits.following, "grep", **question) if hits.following else None
    data = {"matches": hits.matches, "searched": hits.searched, "results": hits.data}
    text = "\n".join(hits.lines) or f"No matches in {hits.searched:,} files"
    return app.result(Answer(text, data, notices, following, following is not None, "files" if hits.lines else ""))


@tool(kind="read", title="Disk usage")
async def disk_usage(path: str, ctx: Context[Any, Any], respectGitignore: Gitignore = False) -> CallToolResult:
    """Count files and sizes beneath a directory, with the largest ones."""
    app = app_of(ctx)
    label, found = await app.run(usage, app.space, path, respectGitignore)
    return app.result(Answer(found.text(label), found.data(), found.notices, source="files"))
