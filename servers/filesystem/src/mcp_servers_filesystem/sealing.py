"""Locks this process into its folders before anything else runs in it."""

import contextlib
import os
from pathlib import Path

from mcp_servers_filesystem.folders import configured
from mcp_servers_filesystem.settings import FilesystemSettings
from mcp_servers_shared.errors import Unavailable
from mcp_servers_shared.guard.seal import Sealed, seal
from mcp_servers_shared.state import StateFolder

_process = [Sealed(False, "off: not asked for")]


def seal_process(settings: FilesystemSettings) -> None:
    """Raises Unavailable (`not_sealed`) where the settings demand what the system cannot do."""
    if settings.seal == "off":
        return
    folders = configured(settings)
    write = [folder.path for folder in folders if folder.writable]
    read = [folder.path for folder in folders if not folder.writable]
    with contextlib.suppress(OSError):
        write.append(str(StateFolder().folder("filesystem").parent))
    if settings.audit_log and settings.audit_log.lower() != "off":
        write.append(_made(os.path.dirname(os.path.abspath(Path(settings.audit_log).expanduser()))))
    _process[0] = seal(read=read, write=write, moves=settings.allow_writes)
    if settings.seal == "on" and not _process[0].active:
        raise Unavailable(
            f"--seal on, but the process could not be sealed: {_process[0].reason}",
            code="not_sealed",
            hint="Start it with --seal auto to serve without.",
        )


def _made(folder: str) -> str:
    """The folder, which can only be opened in the seal if it is there before."""
    with contextlib.suppress(OSError):
        os.makedirs(folder, mode=0o700, exist_ok=True)
    return folder


def sealed() -> Sealed:
    """What `seal_process` did."""
    return _process[0]
