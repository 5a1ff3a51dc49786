"""The .gitignore files between a root and the directory where a walk begins."""

import os

from mcp_servers_filesystem.ignoring import Ignore, read_ignore
from mcp_servers_filesystem.space import Opened, Space
from mcp_servers_shared.errors import ServerError


def rules_above(space: Space, base: Opened) -> list[Ignore]:
    """Their rules, the outermost first, as they apply to paths relative to the base."""
    found: list[Ignore] = []
    parts = base.real.parts
    for depth in range(len(parts)):
        try:
            place = base.real._replace(parts=parts[:depth])
            descriptor = space.roots.open(place, os.O_RDONLY, allow=("directory",))
        except ServerError:
            continue
        try:
            rules = read_ignore(descriptor, "")
        finally:
            os.close(descriptor)
        if rules:
            # Asked with paths relative to the base, it stands `below` directories higher.
            rules.below = os.fsdecode(b"/".join(parts[depth:])) + "/"
            found.append(rules)
    return found
