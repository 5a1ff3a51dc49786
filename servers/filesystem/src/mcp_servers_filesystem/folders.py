"""The folders that the settings name, and what may be done in them."""

import os
from typing import NamedTuple

from mcp_servers_filesystem.settings import FilesystemSettings


class Folder(NamedTuple):
    """A folder as it will be served."""

    path: str
    """Absolute, as written otherwise."""
    writable: bool


def configured(settings: FilesystemSettings) -> list[Folder]:
    """The roots of the settings, each once, in their order."""
    found: dict[str, Folder] = {}
    for written in settings.roots:
        mode, separator, rest = written.partition("=")
        if not separator or mode not in ("ro", "rw"):
            mode, rest = "rw", written
        path = os.path.abspath(os.path.expanduser(rest))
        found.setdefault(path, Folder(path, settings.allow_writes and mode == "rw"))
    return list(found.values())
