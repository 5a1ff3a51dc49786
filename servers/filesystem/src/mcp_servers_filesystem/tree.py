"""A tree of names as JSON in the official server's form, or as indented lines in a third of the tokens."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mcp_servers_filesystem.above import rules_above
from mcp_servers_filesystem.deadlines import Deadline
from mcp_servers_filesystem.fitting import Cost
from collections.abc import Callable
from mcp_servers_filesystem.globs import glob

Matcher = Callable[[str], bool]


def matcher(pattern: str) -> Matcher:
    return glob(pattern).covers

from mcp_servers_filesystem.names import shown
from mcp_servers_filesystem.searching import Found
from mcp_servers_filesystem.space import Space
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


@dataclass
class _Node:
    name: str
    directory: bool
    children: list["_Node"] = field(default_factory=list["_Node"])


def directory_tree(
    deadline: Deadline, space: Space, wanted: TreeWanted, going_on: dict[str, Any], cost: Cost, room: int
) -> Found:
    """The tree beneath a directory, or as much of it as fits, with the way to each entry."""
    excluded = excluding(wanted.exclude)
    after = going_on.get("after", "")
    with space.directory(wanted.path) as base:
        above = rules_above(space, base) if wanted.gitignore else ()
        walk = Walk(
            deadline, base.fd, gitignore=wanted.gitignore, above=above, after=after, xdev=space.xdev
        )
        page = _Page(cost, room, wanted.compact)
        stopped = False
        try:
            for step in walk:
                if any(one(step.path) for one in excluded):
                    walk.skip()
                    continue
                depth = step.path.count("/") + 1
                if len(page.paths) == wanted.most or not page.add(step.path, step.is_directory):
                    page.full = True
                    break
                if wanted.depth is not None and depth >= wanted.depth:
                    walk.skip()
        except LimitExceeded:
            if deadline.stopped:
                raise
            stopped = True
        return _found(page, walk, stopped, deadline)


def excluding(patterns: Sequence[str]) -> list[Matcher]:
    """The patterns as the official tree takes them: one without `*` hides that name anywhere."""
    found: list[Matcher] = []
    for pattern in patterns:
        found.append(matcher(pattern))
        if "*" not in pattern:
            found += [matcher(f"**/{pattern}"), matcher(f"**/{pattern}/**")]
    return found


def _found(page: "_Page", walk: Walk, stopped: bool, deadline: Deadline) -> Found:
    text = page.text()
    notices: list[str] = []
    if page.full:
        notices.append(f"Cut: {len(page.paths):,} entries are shown, depth first. maxDepth gives an overview.")
    if stopped:
        notices.append(f"Stopped after {deadline.seconds:g} s.")
    more = (page.full or stopped) and page.paths
    return Found(
        text, {"entries": len(page.paths)}, [*notices, *walk.notices()], {"after": page.paths[-1]} if more else None
    )


class _Page:
    """Entries in preorder. Takes them while their text fits."""

    def __init__(self, cost: Cost, room: int, compact: bool) -> None:
        self.full = False
        self.paths: list[str] = []
        self._kinds: list[bool] = []
        self._cost, self._room, self._compact = cost, room, compact
        self._spent = cost("[]")
        self._open: list[str] = []

    def add(self, path: str, directory: bool) -> bool:
        """False where it does not fit."""
        *above, name = path.split("/")
        shared = 0
        while shared < min(len(above), len(self._open)) and above[shared] == self._open[shared]:
            shared += 1
        # After a cut, the first entry brings the directories above it.
        price = sum(self._price(one, index, True) for index, one in enumerate(above) if index >= shared)
        price += self._price(name, len(above), directory)
        if self._spent + price > self._room and self.paths:
            return False
        self._spent += price
        self._open = [*above, name] if directory else above
        self.paths.append(path)
        self._kinds.append(directory)
        return True

    def _price(self, name: str, depth: int, directory: bool) -> int:
        label = shown(os.fsencode(name))
        if self._compact:
            return self._cost("  " * depth + label + "/" * directory + "\n")
        pad = "  " * (2 * depth + 1)
        text = f'{pad}{{\n{pad}  "name": {json.dumps(label, ensure_ascii=False)},\n{pad}  "type": "directory"'
        text += f',\n{pad}  "children": [\n{pad}  ]' if directory else ""
        return self._cost(f"{text}\n{pad}}},\n")

    def text(self) -> str:
        """All entries, each beneath the directories that hold it."""
        roots: list[_Node] = []
        nodes: dict[str, _Node] = {}

        def place(path: str, directory: bool) -> None:
            above, _, name = path.rpartition("/")
            if path in nodes:
                return
            if above and above not in nodes:
                place(above, True)
            node = nodes[path] = _Node(shown(os.fsencode(name)), directory)
            (nodes[above].children if above else roots).append(node)

        for path, directory in zip(self.paths, self._kinds, strict=True):
            place(path, directory)
        return "\n".join(_lines(roots, 0)) if self._compact else _json(roots)


def _lines(nodes: Sequence[_Node], depth: int) -> list[str]:
    lines: list[str] = []
    stack = [(node, depth) for node in reversed(nodes)]
    while stack:
        node, level = stack.pop()
        lines.append("  " * level + node.name + "/" * node.directory)
        stack += [(child, level + 1) for child in reversed(node.children)]
    return lines


def _json(nodes: Sequence[_Node]) -> str:
    """As JSON.stringify(tree, null, 2) writes it, without recursion: trees may be deeper than Python's stack."""
    if not nodes:
        return "[]"
    lines: list[str] = ["["]
    stack: list[tuple[_Node | None, int, bool]] = []

    def push(children: Sequence[_Node], depth: int) -> None:
        for index, child in reversed(list(enumerate(children))):
            stack.append((child, depth, index == len(children) - 1))

    push(nodes, 0)
    while stack:
        node, depth, last = stack.pop()
        pad, comma = "  " * (2 * depth + 1), "" if last else ","
        if node is None:
            lines += [f"{pad}  ]", f"{pad}}}{comma}"]
            continue
        kind = "directory" if node.directory else "file"
        lines += [
            f"{pad}{{",
            f'{pad}  "name": {json.dumps(node.name, ensure_ascii=False)},',
            f'{pad}  "type": "{kind}"',
        ]
        if not node.directory:
            lines.append(f"{pad}}}{comma}")
        elif not node.children:
            lines[-1] += ","
            lines += [f'{pad}  "children": []', f"{pad}}}{comma}"]
        else:
            lines[-1] += ","
            lines.append(f'{pad}  "children": [')
            stack.append((None, depth, last))
            push(node.children, depth + 1)
    return "\n".join([*lines, "]"])
