"""The .gitignore files between a root and the directory where a walk begins."""

import os

from mcp_servers_filesystem.ignoring import GIT, Ignore, read_exclude, read_ignore
from mcp_servers_filesystem.space import Opened, Space
from mcp_servers_shared.errors import ServerError


def rules_above(space: Space, base: Opened) -> list[Ignore]:
    """Their rules, the outermost first, as they apply to paths relative to the base.

    Those above the repository that holds the base are left out, as in git.
    """
    found: list[Ignore] = []
    parts = base.real.parts
    for depth in range(len(parts)):
        try:
            descriptor = space.roots.open(
                base.real._replace(parts=parts[:depth]), os.O_RDONLY | os.O_DIRECTORY, allow=("directory",)
            )
        except ServerError:
            continue
        # Asked with paths relative to the base, the file stands `below` directories higher.
        below = os.fsdecode(b"/".join(parts[depth:])) + "/"
        try:
            if _holds_git(descriptor):
                found.clear()
                found += [one for one in [read_exclude(descriptor, "", below=below)] if one]
            found += [one for one in [read_ignore(descriptor, "", below=below)] if one]
        finally:
            os.close(descriptor)
    return found


def _holds_git(directory: int) -> bool:
    try:
        os.stat(GIT, dir_fd=directory, follow_symlinks=False)
    except OSError:
        return False
    return True
