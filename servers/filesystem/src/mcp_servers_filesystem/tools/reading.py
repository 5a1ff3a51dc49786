"""Tools that read files."""

from typing import Annotated, Any

from mcp.server.mcpserver import Context
from mcp.types import AudioContent, BlobResourceContents, CallToolResult, EmbeddedResource, ImageContent, TextContent
from pydantic import Field

from mcp_servers_filesystem.app import FilesystemApp, app_of
from mcp_servers_filesystem.deadlines import Deadline
from mcp_servers_filesystem.media import Media, read_media
from mcp_servers_filesystem.pages import Page
from mcp_servers_filesystem.reading import Wanted, read_at_once, read_text
from mcp_servers_filesystem.several import read_several
from mcp_servers_shared.call import current_call
from mcp_servers_shared.results import require_budget
from mcp_servers_shared.tooling import tool

Lines = Annotated[float | None, Field(allow_inf_nan=False, description="Only the first N lines")]
LastLines = Annotated[float | None, Field(allow_inf_nan=False, description="Only the last N lines")]
Number = Annotated[float | None, Field(allow_inf_nan=False)]
Cursor = Annotated[str | None, Field(description="next_cursor of the page before, same arguments")]


@tool(kind="read", title="Read text file")
async def read_text_file(
    path: str,
    ctx: Context[Any, Any],
    head: Lines = None,
    tail: LastLines = None,
    offset: Annotated[int | None, Field(ge=1, description="First line, from 1")] = None,
    limit: Annotated[int | None, Field(ge=1, description="Lines from there")] = None,
    lineNumbers: bool = False,
    encoding: Annotated[str | None, Field(description="When guessed wrong")] = None,
    ifNoneMatch: Annotated[str | None, Field(description="etag: answers 'not modified' if the same")] = None,
    cursor: Cursor = None,
) -> CallToolResult:
    """Read a text file, or a range of its lines; a long one comes in pages."""
    question = {
        "path": path, "head": head, "tail": tail, "offset": offset, "limit": limit, "n": lineNumbers, "e": encoding,
    }  # fmt: skip
    app = app_of(ctx)
    wanted = Wanted(
        head, tail, offset, limit, lineNumbers, encoding, ifNoneMatch, app.continued(cursor, "read", **question)
    )
    page = await _text(app, path, wanted)
    return _paged(app, page, question)


@tool(kind="read", title="Read file (deprecated)")
async def read_file(
    path: str, ctx: Context[Any, Any], head: Number = None, tail: Number = None, cursor: str | None = None
) -> CallToolResult:
    """Old name of read_text_file; use that."""
    question = {"path": path, "head": head, "tail": tail}
    app = app_of(ctx)
    wanted = Wanted(head, tail, going_on=app.continued(cursor, "read", **question))
    page = await _text(app, path, wanted)
    return _paged(app, page, question)


async def _text(app: FilesystemApp, path: str, wanted: Wanted) -> Page:
    question = (app.space, path, wanted, app.cost, app.room, app.file_bytes)
    return await app.run_at_once(read_at_once, read_text, *question)


def _paged(app: FilesystemApp, page: Page, question: dict[str, Any]) -> CallToolResult:
    current_call().note(chars=len(page.text))
    return app.paged(page, "read", **question)


@tool(kind="read", title="Read media file")
async def read_media_file(path: str, ctx: Context[Any, Any]) -> CallToolResult:
    """Read an image or a sound as such, any other small file as base64."""
    app = app_of(ctx)
    media = await app.run(read_media, app.space, path, app.room // 2)
    current_call().note(bytes=media.size)
    return _media_result(app, media)


def _media_result(app: FilesystemApp, media: Media) -> CallToolResult:
    block = _block(media)
    whole: dict[str, Any] = block.model_dump(by_alias=True, exclude_none=True)
    if media.kind != "resource" and len(media.data) * 2 > app.room:
        # Hosts draw images from the block. A second copy would only be text.
        whole = {"type": media.kind, "mimeType": media.mime, "bytes": media.size}
    structured: dict[str, Any] = {"content": [whole], "untrusted": "files"}
    content: list[Any] = [block]
    if media.really:
        notice = f"Its first bytes are those of {media.really}, not of {media.mime}."
        structured["notices"] = [notice]
        content.append(TextContent(type="text", text=notice))
    result = CallToolResult(content=content, structured_content=structured if app.settings.result != "text" else None)
    if media.kind == "resource":
        require_budget(result, app.settings.max_result_chars)
    return result


def _block(media: Media) -> ImageContent | AudioContent | EmbeddedResource:
    if media.kind == "image":
        return ImageContent(type="image", data=media.data, mime_type=media.mime)
    if media.kind == "audio":
        return AudioContent(type="audio", data=media.data, mime_type=media.mime)
    contents = BlobResourceContents(uri=media.uri, mime_type=media.mime, blob=media.data)
    return EmbeddedResource(type="resource", resource=contents)


@tool(kind="read", title="Read multiple files")
async def read_multiple_files(
    paths: Annotated[list[str], Field(min_length=1, max_length=5_000)], ctx: Context[Any, Any], cursor: Cursor = None
) -> CallToolResult:
    """Read several text files at once; one that fails does not stop the others."""
    app = app_of(ctx)
    going_on = app.continued(cursor, "several", paths=paths)

    def one(deadline: Deadline, path: str, at: dict[str, Any], room: int) -> Page:
        return read_text(deadline, app.space, path, Wanted(going_on=at), app.cost, room, app.file_bytes)

    text, notices, following = await app.run(read_several, paths, going_on, one, app.cost, app.room)
    next_cursor = app.cursor(following, "several", paths=paths) if following else None
    return app.official(text, None, notices, next_cursor)
