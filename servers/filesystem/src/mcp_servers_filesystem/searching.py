"""Names that a glob covers, in the order and the form of the official server."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mcp_servers_filesystem.above import rules_above
from mcp_servers_filesystem.deadlines import Deadline
from mcp_servers_filesystem.directories import Folder
from mcp_servers_filesystem.fitting import Cost, fitting_items
from mcp_servers_filesystem.globs import Glob, glob
from mcp_servers_filesystem.names import shown
from mcp_servers_filesystem.pages import Page
from mcp_servers_filesystem.space import Space
from mcp_servers_filesystem.walking import Step, Walk
from mcp_servers_shared.errors import LimitExceeded, ServerError

NOTHING = "No matches found"


@dataclass(frozen=True)
class Search:
    """What is looked for beneath `path`."""

    path: str
    pattern: str
    exclude: Sequence[str] = ()
    kind: str | None = None
    gitignore: bool = False


@dataclass(frozen=True)
class _Chooser:
    """Tells a walk which names of a directory are looked for, and which are not there."""

    covers: Glob
    excluded: Sequence[Glob]
    kind: str | None

    def __call__(self, folder: Folder) -> Sequence[str]:
        for one in self.excluded:
            folder.leave_out(set(one.among(folder.path, folder.names)))
        hits = self.covers.among(folder.path, folder.names)
        if self.kind is None:
            return list(hits)
        return [name for name in hits if (name in folder.folders) == (self.kind == "directory")]


def search_names(
    deadline: Deadline, space: Space, search: Search, limit: int, going_on: dict[str, Any], cost: Cost, room: int
) -> Page:
    """A page of full paths that the pattern covers."""
    chooser = _Chooser(glob(search.pattern), [glob(one) for one in search.exclude], search.kind)
    with space.directory(search.path) as base:
        above = rules_above(space, base) if search.gitignore else ()
        walk = Walk(
            deadline,
            base.fd,
            choose=chooser,
            gitignore=search.gitignore,
            above=above,
            after=going_on.get("after", ""),
            xdev=space.xdev,
        )
        prefix = shown(base.full).rstrip("/") + "/"
        page = _Page(limit, cost, room)
        stopped = None
        before = going_on.get("count", 0)
        passed = 0 if "after" in going_on else before
        try:
            for step in walk:
                if step.kind == "l" and not _may_show(space, step, prefix):
                    continue
                if passed:
                    passed -= 1
                    continue
                if not page.add(prefix + shown(os.fsencode(step.path)), step.path):
                    break
        except LimitExceeded:
            if deadline.stopped:
                raise
            stopped = walk.place
    return page.found(walk, stopped, deadline, before)


class _Page:
    """Lines while they fit."""

    def __init__(self, limit: int, cost: Cost, room: int) -> None:
        self._limit, self._cost, self._room = limit, cost, room
        self._lines: list[str] = []
        self._places: list[str] = []
        self._spent = 0
        self._full = False

    def add(self, line: str, place: str) -> bool:
        """False where the page is full."""
        self._spent += self._cost(line)
        self._full = len(self._lines) == self._limit or (self._spent > self._room and bool(self._lines))
        if not self._full:
            self._lines.append(line)
            self._places.append(place)
        return not self._full

    def found(self, walk: Walk, stopped: str | None, deadline: Deadline, before: int) -> Page:
        """The page. `stopped`: where the walk was when its time was up. `before`: names on earlier pages."""
        lines = self._lines
        kept = max(fitting_items(lines, self._cost, self._room), min(len(lines), 1))
        notices: list[str] = []
        following = None
        if self._full or kept < len(lines):
            notices.append(f"Cut: {kept:,} matches are shown.")
            following = {"after": self._places[kept - 1], "count": before + kept}
        elif stopped is not None:
            notices.append(f"Stopped after {deadline.seconds:g} s; there may be more.")
            following = {"after": stopped, "count": before + kept} if stopped else None
        return Page("\n".join(lines[:kept]) or NOTHING, {"matches": kept}, [*notices, *walk.notices()], following)


def _may_show(space: Space, step: Step, prefix: str) -> bool:
    """A link shows only where what it leads to is there and may be seen, as in the official server."""
    try:
        with space.either(prefix + shown(os.fsencode(step.path)), content=False):
            return True
    except ServerError as error:
        return error.code in ("not_regular", "unreadable")
