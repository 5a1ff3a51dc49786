"""A tree of names as JSON in the official server's form, or as indented lines in a third of the tokens."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mcp_servers_filesystem.above import rules_above
from mcp_servers_filesystem.deadlines import Deadline
from mcp_servers_filesystem.directories import Folder
from mcp_servers_filesystem.fitting import Cost
from mcp_servers_filesystem.globs import Glob, glob
from mcp_servers_filesystem.names import shown
from mcp_servers_filesystem.pages import Page
from mcp_servers_filesystem.space import Space
from mcp_servers_filesystem.tree_text import Node, as_json, as_lines, json_lines
from mcp_servers_filesystem.walking import Walk
from mcp_servers_shared.errors import LimitExceeded


@dataclass(frozen=True)
class TreeWanted:
    """Which tree, and how it is written."""

    path: str
    exclude: Sequence[str] = ()
    depth: int | None = None
    most: int | None = None
    gitignore: bool = False
    compact: bool = False


def directory_tree(
    deadline: Deadline, space: Space, wanted: TreeWanted, going_on: dict[str, Any], cost: Cost, room: int
) -> Page:
    """The tree beneath a directory, or as much of it as fits.

    A directory that was not looked into has no `children`. After a cut, the directories above the first entries of
    a page are one entry, named by their path.
    """
    page = _Page(cost, room, wanted, excluding(wanted.exclude))
    with space.directory(wanted.path) as base:
        walk = Walk(
            deadline,
            base.fd,
            choose=page.enter,
            gitignore=wanted.gitignore,
            above=rules_above(space, base) if wanted.gitignore else (),
            after=going_on.get("after", ""),
            xdev=space.xdev,
        )
        stopped = False
        before = going_on.get("count", 0)
        passed = 0 if "after" in going_on else before
        try:
            for step in walk:
                if passed:
                    passed -= 1
                elif not page.add(step.folder.path, step.name, step.is_directory):
                    break
                if step.folder.depth == wanted.depth:
                    walk.skip()
        except LimitExceeded:
            if deadline.stopped:
                raise
            stopped = True
        return _found(page, walk, stopped, deadline, before)


def excluding(patterns: Sequence[str]) -> list[Glob]:
    """The patterns as the official tree takes them: one without `*` hides that name anywhere."""
    found: list[Glob] = []
    for pattern in patterns:
        found.append(glob(pattern))
        if "*" not in pattern:
            found += [glob(f"**/{pattern}"), glob(f"**/{pattern}/**")]
    return found


def _found(page: "_Page", walk: Walk, stopped: bool, deadline: Deadline, before: int) -> Page:
    notices: list[str] = []
    if page.full:
        notices.append(f"Cut: {page.entries:,} entries are shown, depth first. maxDepth gives an overview.")
    if stopped:
        notices.append(f"Stopped after {deadline.seconds:g} s; there may be more.")
    more = page.full or (stopped and page.last)
    following = {"after": page.last, "count": before + page.entries} if more else None
    return Page(page.text(), {"entries": page.entries}, [*notices, *walk.notices()], following)


class _Page:
    """Entries in preorder, while their text fits."""

    def __init__(self, cost: Cost, room: int, wanted: TreeWanted, excluded: Sequence[Glob]) -> None:
        self.full = False
        self.entries = 0
        self.last = ""
        self._cost, self._most, self._compact = cost, wanted.most, wanted.compact
        self._excluded = excluded
        self._left = room - cost("[]")
        self._top: list[Node] = []
        self._open: dict[str, Node] = {}

    def enter(self, folder: Folder) -> Sequence[str]:
        """The walk looks into a directory. The names that no pattern excludes."""
        for one in self._excluded:
            folder.leave_out(set(one.among(folder.path, folder.names)))
        if node := self._open.get(folder.path):
            node.children = []
        return folder.names

    def add(self, folder: str, name: str, directory: bool) -> bool:
        """An entry of the directory `folder` (a path, empty or with a final slash). False where it does not fit."""
        # Only directories on the way to the last entry can get another one.
        while self._open and not folder.startswith(next(reversed(self._open))):
            self._open.popitem()
        parent = self._open.get(folder)
        price = 0
        above = None
        if folder and parent is None:
            parent = above = Node(shown(os.fsencode(folder.removesuffix("/"))), 0, True, [])
            price += self._price(above)
        node = Node(shown(os.fsencode(name)), parent.level + 1 if parent else 0, directory, None)
        price += self._price(node)
        if self.entries == self._most or (price > self._left and self.entries):
            self.full = True
            if parent is not None and not parent.children:
                parent.children = None
            return False
        self._left -= price
        if above is not None:
            self._top.append(above)
            self._open[folder] = above
        if parent is None or parent.children is None:
            self._top.append(node)
        else:
            parent.children.append(node)
        if directory:
            self._open[f"{folder}{name}/"] = node
        self.entries += 1
        self.last = folder + name
        return True

    def _price(self, node: Node) -> int:
        """What it takes with a list for its children."""
        if self._compact:
            return self._cost("  " * node.level + node.name + "/\n")
        pad = "  " * (2 * node.level + 2)
        lines = [*json_lines(node, last=False), *([f'{pad}"children": [', f"{pad}],"] if node.directory else [])]
        return self._cost("\n".join(lines) + "\n")

    def text(self) -> str:
        """All entries, each beneath the directory that holds it."""
        return "\n".join(as_lines(self._top)) if self._compact else as_json(self._top)
