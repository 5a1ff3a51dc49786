"""What this server needs for itself: keys, journal, audit log. Closed, also where they lie inside of a root."""

import os
from collections.abc import Iterable, Sequence

from mcp_servers_filesystem.settings import FilesystemSettings
from mcp_servers_shared.app import audit_path
from mcp_servers_shared.guard.paths import Root
from mcp_servers_shared.state import StateFolder

Parts = tuple[bytes, ...]


def own_places(settings: FilesystemSettings) -> list[Parts]:
    """The absolute places, links resolved. They need not exist."""
    state = StateFolder()
    paths = [os.fspath(state.path)]
    if settings.audit_log.lower() != "off":
        paths.append(os.fspath(audit_path("filesystem", settings, state)))
    return [_parts(path) for path in paths]


def below_roots(places: Sequence[Parts], roots: Iterable[Root]) -> list[Parts]:
    """Those that lie in a root, relative to it."""
    bases = [root.real_parts for root in roots]
    return [place[len(base) :] for place in places for base in bases if place[: len(base)] == base != place]


def is_within_own(settings: FilesystemSettings, folder: str) -> bool:
    """Whether a folder is one of this server's own, or inside one."""
    parts = _parts(folder)
    return any(parts[: len(place)] == place for place in own_places(settings))


def _parts(path: str) -> Parts:
    return tuple(part for part in os.fsencode(os.path.realpath(path)).split(b"/") if part)
