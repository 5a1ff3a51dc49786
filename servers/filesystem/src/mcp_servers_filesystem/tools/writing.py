"""Tools that change files. What the journal can take back is done at once; for the rest somebody is asked."""

from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult, InputRequiredResult
from pydantic import BaseModel, ConfigDict, Field

from mcp_servers_filesystem.app import FilesystemApp, app_of
from mcp_servers_filesystem.deadlines import Deadline
from mcp_servers_filesystem.edits import Edit
from mcp_servers_filesystem.fitting import fitting
from mcp_servers_filesystem.journal import Change
from mcp_servers_filesystem.moving import contents_of, copy, delete, delete_for_good, move
from mcp_servers_filesystem.sizes import size_text
from mcp_servers_filesystem.writing import Job, Unkept, Writer
from mcp_servers_shared.call import current_call
from mcp_servers_shared.confirming import Confirmed
from mcp_servers_shared.guard.confirm import Binding
from mcp_servers_shared.guard.path_errors import quoted
from mcp_servers_shared.results import Answer
from mcp_servers_shared.tooling import tool

Result = CallToolResult | InputRequiredResult
ResultT = TypeVar("ResultT")
Match = Annotated[str | None, Field(description="etag it must still have")]
ConfirmId = Annotated[str | None, Field(description="From a preview, once the user agreed")]


class EditItem(BaseModel):
    model_config = ConfigDict(extra="forbid")
    oldText: str
    newText: str
    replaceAll: bool = False


class FileEdits(BaseModel):
    model_config = ConfigDict(extra="forbid")
    path: str
    edits: list[EditItem]
    ifMatch: str | None = None


@tool(kind="write", title="Write file", destructive=True, idempotent=True)
async def write_file(
    path: str,
    content: str,
    ctx: Context[Any, Any],
    mode: Literal["overwrite", "create", "append"] = "overwrite",
    ifMatch: Match = None,
    createParents: bool = False,
    confirm_id: ConfirmId = None,
) -> Result:
    """Create a file, replace what it holds, or append to it. undo takes it back."""
    app = app_of(ctx)

    def work(writer: Writer) -> tuple[Change, str]:
        return writer.write(path, content, mode, ifMatch, createParents)

    asked = {"path": path, "content": content, "mode": mode, "ifMatch": ifMatch, "parents": createParents}
    done = await changed(ctx, "write_file", asked, confirm_id, work)
    if not isinstance(done, tuple):
        return done
    change, etag = done
    current_call().note(change=change.id, bytes=len(content))
    return app.official(f"Successfully wrote to {path}", {"change_id": change.id, "etag": etag})


@tool(kind="write", title="Edit file", destructive=True)
async def edit_file(
    path: str,
    edits: list[EditItem],
    ctx: Context[Any, Any],
    dryRun: bool = False,
    ifMatch: Match = None,
    confirm_id: ConfirmId = None,
) -> Result:
    """Replace text that stands exactly once (or replaceAll) in a file; returns the diff. dryRun only shows it."""
    return await _edited(ctx, "edit_file", [_job(path, edits, ifMatch)], dryRun, confirm_id)


@tool(kind="write", title="Edit several files", destructive=True)
async def edit_files(
    files: Annotated[list[FileEdits], Field(min_length=1, max_length=100)],
    ctx: Context[Any, Any],
    dryRun: bool = False,
    confirm_id: ConfirmId = None,
) -> Result:
    """Edit several files at once: all of them, or none."""
    jobs = [_job(one.path, one.edits, one.ifMatch) for one in files]
    return await _edited(ctx, "edit_files", jobs, dryRun, confirm_id)


def _job(path: str, edits: list[EditItem], if_match: str | None) -> Job:
    return Job(path, [Edit(one.oldText, one.newText, one.replaceAll) for one in edits], if_match)


async def _edited(ctx: Context[Any, Any], name: str, jobs: list[Job], dry_run: bool, confirm_id: str | None) -> Result:
    app = app_of(ctx)
    asked = {"jobs": repr(jobs), "dry_run": dry_run}
    done = await changed(ctx, name, asked, confirm_id, lambda writer: writer.edit(jobs, dry_run))
    if not isinstance(done, tuple):
        return done
    diffs, change, etag = done
    text = "".join(diffs)
    kept = fitting(text, app.cost, app.room)
    notices = [f"The diff is long: {kept:,} of {len(text):,} characters are shown."] if kept < len(text) else []
    fields: dict[str, Any] = {"applied": change is not None}
    if change:
        current_call().note(change=change.id)
        fields |= {"change_id": change.id} | ({"etag": etag} if len(jobs) == 1 else {})
    return app.official(text[:kept], fields, notices)


@tool(kind="write", title="Create directory", idempotent=True)
async def create_directory(path: str, ctx: Context[Any, Any]) -> CallToolResult:
    """Make a directory and those above it; fine if it is there."""
    app = app_of(ctx)
    change = await write(app, lambda writer: writer.create_directory(path))
    return app.official(f"Successfully created directory {path}", _id(change))


@tool(kind="write", title="Move file", destructive=True)
async def move_file(
    source: str,
    destination: str,
    ctx: Context[Any, Any],
    overwrite: Annotated[bool, Field(description="What stands at destination goes to the trash")] = False,
) -> CallToolResult:
    """Move or rename a file or directory."""
    app = app_of(ctx)
    change = await write(app, lambda writer: move(writer, source, destination, overwrite))
    return app.official(f"Successfully moved {source} to {destination}", _id(change))


@tool(kind="write", title="Copy")
async def copy_path(source: str, destination: str, ctx: Context[Any, Any]) -> CallToolResult:
    """Copy a file or directory to a new name."""
    app = app_of(ctx)
    change, left_out = await write(app, lambda writer: copy(writer, source, destination))
    more = f" and {len(left_out) - 10:,} more" if len(left_out) > 10 else ""
    notices = [f"Left out, closed or not readable: {', '.join(left_out[:10])}{more}."] if left_out else []
    return app.official(f"Successfully copied {source} to {destination}", _id(change), notices)


@tool(kind="write", title="Delete", destructive=True)
async def delete_path(
    path: str,
    ctx: Context[Any, Any],
    recursive: Annotated[bool, Field(description="Also a directory that is not empty")] = False,
    permanent: Annotated[bool, Field(description="Not to the trash; asks first")] = False,
    confirm_id: ConfirmId = None,
) -> Result:
    """Delete a file or directory; undo brings it back from the trash."""
    app = app_of(ctx)
    if not permanent:
        change = await write(app, lambda writer: delete(writer, path, recursive))
        return app.official(f"Moved {path} to the trash of its root", _id(change))
    contents, mark = await write(app, lambda writer: contents_of(writer, path, recursive))
    text = f"Delete {quoted(path)} for good: {contents.files:,} files, {contents.directories:,} directories, "
    text += f"{size_text(contents.size)}. This cannot be undone."
    preview = Answer(text, {"files": contents.files, "directories": contents.directories, "size": contents.size})
    asked = {"path": path, "recursive": recursive}
    binding = Binding(current_call().principal.name, "delete_path", asked, mark)
    reply = await app.asking.confirmed(ctx, preview, binding, confirm_id)
    if not isinstance(reply, Confirmed):
        return reply
    await write(app, lambda writer: delete_for_good(writer, path, recursive, mark))
    return app.official(f"Deleted {path} for good")


async def changed(
    ctx: Context[Any, Any], name: str, asked: dict[str, Any], confirm_id: str | None, work: Callable[[Writer], ResultT]
) -> ResultT | Result:
    """What `work` does at once; where it would lose what the journal cannot hold, only after somebody agreed."""
    app = app_of(ctx)
    try:
        return await write(app, work)
    except Unkept as unkept:
        agreed = unkept.etags
        text = f"{quoted(unkept.path)} holds {size_text(unkept.size)}, more than the journal keeps: "
        text += "what it holds now would be lost for good."
        binding = Binding(current_call().principal.name, name, asked, agreed)
        reply = await app.asking.confirmed(ctx, Answer(text, {"size": unkept.size}), binding, confirm_id)
        if not isinstance(reply, Confirmed):
            return reply
    return await write(app, work, agreed=agreed)


async def write(app: FilesystemApp, work: Callable[[Writer], ResultT], *, agreed: str = "") -> ResultT:
    """`work` in a thread, with what changes files for this call."""
    space, settings = app.space, app.settings

    def run(deadline: Deadline) -> ResultT:
        return work(Writer(deadline, space, app.journal, settings.durable, app.file_bytes, agreed))

    return await app.run(run)


def _id(change: Change | None) -> dict[str, Any]:
    if change is None:
        return {}
    current_call().note(change=change.id)
    return {"change_id": change.id}
