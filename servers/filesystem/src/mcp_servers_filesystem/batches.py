"""Many names tested by one run of an expression: a directory's names joined by NUL, which no name holds."""

import os
from collections.abc import Collection, Iterable

from mcp_servers_filesystem.patterns import Finder, expression

JOINT = b"\0\0"
_EDGE = b"\0"


def between_edges(raw: bytes, *, utf8: bool) -> Finder:
    """The expression `raw` for whole names in a `joined` text. It must not match NUL."""
    return expression(rb"\x00(?:" + raw + rb")\x00", utf8=utf8)


def joined(names: Collection[str], prefix: str = "", ending: str = "") -> bytes:
    """The text that a Finder of `between_edges` is run over: each name after `prefix`, between NULs."""
    if not names:
        return b""
    text = f"{ending}\0\0{prefix}".join(names)
    return os.fsencode(f"\0{prefix}{text}{ending}\0")


def found(finder: Finder, text: bytes, prefix: str = "") -> Iterable[str]:
    """The names in `text` that the expression covers, without `prefix` and without a final slash."""
    if not text or finder.first(text) is None:
        return ()
    skipped = len(os.fsencode(prefix)) + 1
    return [os.fsdecode(text[first + skipped : end - 1].removesuffix(b"/")) for first, end in finder.spans(text)]
