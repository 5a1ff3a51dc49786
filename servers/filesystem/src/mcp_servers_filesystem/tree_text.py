"""Trees as text. Without recursion: they may be deeper than Python's stack."""

import json
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass
class Node:
    """An entry of a tree."""

    name: str
    level: int
    directory: bool
    children: list["Node"] | None
    """None for a file, and for a directory that was not looked into."""


def as_lines(nodes: Sequence[Node]) -> list[str]:
    """One line an entry, two blanks a level, directories with a slash."""
    lines: list[str] = []
    stack = list(reversed(nodes))
    while stack:
        node = stack.pop()
        lines.append("  " * node.level + node.name + "/" * node.directory)
        stack += reversed(node.children or ())
    return lines


def as_json(nodes: Sequence[Node]) -> str:
    """As JSON.stringify(tree, null, 2) writes it."""
    if not nodes:
        return "[]"
    lines: list[str] = ["["]
    stack = _placed(nodes)
    while stack:
        node, last, closing = stack.pop()
        pad = "  " * (2 * node.level + 1)
        if closing:
            lines += [f"{pad}  ]", f"{pad}}}{'' if last else ','}"]
        elif node.children:
            lines += [*_head(node, pad), f'{pad}  "children": [']
            stack.append((node, last, True))
            stack += _placed(node.children)
        else:
            lines += json_lines(node, last)
    return "\n".join([*lines, "]"])


def _placed(nodes: Sequence[Node]) -> list[tuple[Node, bool, bool]]:
    return [(node, index == len(nodes) - 1, False) for index, node in reversed(list(enumerate(nodes)))]


def json_lines(node: Node, last: bool) -> list[str]:
    """An entry without what is beneath it."""
    pad = "  " * (2 * node.level + 1)
    head = _head(node, pad)
    head += [] if node.children is None else [f'{pad}  "children": []']
    head[-1] = head[-1].removesuffix(",")
    return [*head, f"{pad}}}{'' if last else ','}"]


def _head(node: Node, pad: str) -> list[str]:
    return [
        f"{pad}{{",
        f'{pad}  "name": {json.dumps(node.name, ensure_ascii=False)},',
        f'{pad}  "type": "{"directory" if node.directory else "file"}",',
    ]
