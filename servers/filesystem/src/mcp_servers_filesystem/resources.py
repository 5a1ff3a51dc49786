"""Files and directories as `file://` resources, through the same door as the tools. With completion of paths."""

import os

from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import ResourceSecurity
from mcp.types import Completion, CompletionArgument, CompletionContext, PromptReference, ResourceTemplateReference

from mcp_servers_filesystem.app import FilesystemApp, current_app, json_chars
from mcp_servers_filesystem.deadlines import Deadline
from mcp_servers_filesystem.decoding import clean, source_of
from mcp_servers_filesystem.dirents import entries
from mcp_servers_filesystem.folders import configured
from mcp_servers_filesystem.listing import list_names
from mcp_servers_filesystem.names import shown
from mcp_servers_filesystem.settings import FilesystemSettings
from mcp_servers_filesystem.space import Opened, Space, full_path
from mcp_servers_filesystem.uris import file_uri, path_of
from mcp_servers_shared.app import Server
from mcp_servers_shared.errors import LimitExceeded, PathRefused, ServerError
from mcp_servers_shared.guard.path_errors import quoted
from mcp_servers_shared.guard.paths import Located

TEMPLATE = "file:///{+path}"
_ANY = "application/octet-stream"
_MOST_COMPLETIONS = 100
_MOST_LOOKED_AT = 10_000
# The guard judges the path itself, and judges it when it opens it.
_GUARDED = ResourceSecurity(exempt_params={"path"})


def register(server: Server, settings: FilesystemSettings) -> None:
    """Lists the roots as resources, and the template for all that is beneath them."""
    for folder in configured(settings):
        server.resource(
            file_uri(os.fsencode(folder.path)), name=os.path.basename(folder.path) or "/", mime_type="inode/directory"
        )(_listed)
    template = server.resource(TEMPLATE, title="A file or directory", mime_type=_ANY, security=_GUARDED)
    template(file)
    server.completion()(complete)


async def _listed() -> str:
    """An allowed directory."""
    raise AssertionError("read_uri answers before")


async def file(path: str) -> str:
    """What a file holds, or the names in a directory."""
    raise AssertionError("read_uri answers before")


async def read_uri(uri: str) -> list[ReadResourceContents] | None:
    """Text as text, anything else as bytes, whole. Raises LimitExceeded (`too_large`) for what does not fit."""
    if not uri.lower().startswith("file:"):
        return None
    app = current_app()
    content, kind = await app.run(_read, app.space, path_of(uri), app)
    return [ReadResourceContents(content=content, mime_type=kind)]


def _read(deadline: Deadline, space: Space, path: str, app: FilesystemApp) -> tuple[str | bytes, str]:
    room = app.settings.max_result_chars
    with space.either(path) as found:
        if found.is_directory:
            listing = list_names(deadline, space, path, _MOST_LOOKED_AT, {}, len, room)
            if listing.following:
                raise _too_large(found)
            return listing.text, "inode/directory"
        if found.stat.st_size > room:
            raise _too_large(found)
        try:
            source = source_of(found, None, room)
        except PathRefused:
            raw = os.pread(found.fd, found.stat.st_size, 0)
            if len(raw) * 4 // 3 > room:
                raise _too_large(found) from None
            return raw, _ANY
        text = clean(source.text(source.read(0, source.size)))
        if json_chars(text) > room:
            raise _too_large(found)
        return text, "text/plain"


def _too_large(found: Opened) -> LimitExceeded:
    return LimitExceeded(
        f"{quoted(found.path)} does not fit into one resource",
        code="too_large",
        hint="Read it in pages with read_text_file or list_directory.",
        size=found.stat.st_size,
    )


async def complete(
    ref: PromptReference | ResourceTemplateReference, argument: CompletionArgument, context: CompletionContext | None
) -> Completion | None:
    """Paths that begin as typed, without their first slash, directories with a slash at the end."""
    if not isinstance(ref, ResourceTemplateReference) or argument.name != "path":
        return None
    app = current_app()
    values, more = await app.run(_completions, app.space, argument.value)
    return Completion(values=values, total=None if more else len(values), has_more=more)


def _completions(deadline: Deadline, space: Space, typed: str) -> tuple[list[str], bool]:
    typed = "/" + typed.lstrip("/")
    folder, _, beginning = typed.rpartition("/")
    roots = [shown(full_path(Located(root, (), ""))) for root in space.roots]
    found = {f"{root}/"[1:] for root in roots if root.startswith(typed)}
    try:
        with space.directory(folder or "/") as directory:
            for count, entry in enumerate(entries(directory.fd)):
                name = shown(entry.name)
                if name.startswith(beginning) and not space.deny.hides((*directory.real.parts, entry.name)):
                    found.add(f"{folder}/{name}"[1:] + "/" * entry.is_directory)
                if count > _MOST_LOOKED_AT:
                    break
                deadline.check()
    except (ServerError, OSError):
        # What may not be seen completes to nothing.
        pass
    values = sorted(found)
    return values[:_MOST_COMPLETIONS], len(values) > _MOST_COMPLETIONS
