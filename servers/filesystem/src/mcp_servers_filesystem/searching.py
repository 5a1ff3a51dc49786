"""Names that a glob covers, in the order and the form of the official server."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mcp_servers_filesystem.above import rules_above
from mcp_servers_filesystem.deadlines import Deadline
from mcp_servers_filesystem.fitting import Cost, fitting_items
from mcp_servers_filesystem.globs import matcher
from mcp_servers_filesystem.names import shown
from mcp_servers_filesystem.space import Space
from mcp_servers_filesystem.walking import Step, Walk
from mcp_servers_shared.errors import LimitExceeded, ServerError

NOTHING = "No matches found"


@dataclass(frozen=True)
class Found:
    """Lines of a page, what it left out, and where the next one begins."""

    text: str
    fields: dict[str, Any]
    notices: list[str]
    following: dict[str, Any] | None = None


@dataclass(frozen=True)
class Search:
    """What is looked for beneath `path`."""

    path: str
    pattern: str
    exclude: Sequence[str] = ()
    kind: str | None = None
    gitignore: bool = False


def search_names(
    deadline: Deadline, space: Space, search: Search, limit: int, going_on: dict[str, Any], cost: Cost, room: int
) -> Found:
    """A page of full paths that the pattern covers."""
    covers = matcher(search.pattern)
    excluded = [matcher(one) for one in search.exclude]
    with space.directory(search.path) as base:
        walk = Walk(deadline, base.fd, gitignore=search.gitignore, after=going_on.get("after", ""))
        if search.gitignore:
            walk.ignoring(rules_above(space, base))
        prefix = shown(base.full).rstrip("/") + "/"
        lines: list[str] = []
        places: list[str] = []
        spent, last, full = 0, "", False
        try:
            for step in walk:
                if any(one(step.path) for one in excluded):
                    walk.skip()
                    continue
                last = step.path
                if not covers(step.path) or not _wanted(space, step, search.kind, prefix):
                    continue
                line = prefix + shown(os.fsencode(step.path))
                spent += cost(line)
                if len(lines) == limit or spent > room:
                    full = True
                    break
                lines.append(line)
                places.append(step.path)
        except LimitExceeded:
            notices = [f"Stopped after {deadline.seconds:g} s, at {prefix}{shown(os.fsencode(last))}."]
            following = {"after": last} if last and not deadline.stopped else None
            return Found("\n".join(lines) or NOTHING, {}, [*notices, *walk.notices()], following)
        kept = fitting_items(lines, cost, room)
        notices = [f"Cut: {kept:,} matches are shown."] if full or kept < len(lines) else []
        following = {"after": places[kept - 1]} if notices and kept else None
        return Found("\n".join(lines[:kept]) or NOTHING, {"matches": kept}, [*notices, *walk.notices()], following)


def _wanted(space: Space, step: Step, kind: str | None, prefix: str) -> bool:
    if kind is not None and kind != {"d": "directory", "f": "file"}.get(step.kind, "file"):
        return False
    if step.kind != "l":
        return True
    # A link shows only where what it leads to may be seen.
    try:
        with space.either(prefix + shown(os.fsencode(step.path)), content=False):
            return True
    except ServerError:
        return False
