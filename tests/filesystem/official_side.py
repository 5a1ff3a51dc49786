"""Our server and the official one, each over real pipes on a tree of its own, asked the same.

with side("ours", box) as ours: ours.say("read_text_file", path="{R}/a.txt")
"""

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from end_to_end.raw_client import RawClient, Reply
from npm_programs import npm_program

PACKAGE = Path(__file__).parent / "official-filesystem"


def installed() -> Path:
    """The pinned official server. Skips where it cannot be installed."""
    return npm_program(PACKAGE, "mcp-server-filesystem")


@dataclass
class Side:
    """One server and its tree. `{R}` in arguments and answers stands for the root."""

    name: str
    root: Path
    client: RawClient

    def ask(self, tool: str, **arguments: Any) -> Reply:
        """The whole answer."""
        return self.client.call(tool, _placed(arguments, str(self.root)), timeout=30)

    def say(self, tool: str, **arguments: Any) -> str:
        """The first text block; fails for an error."""
        reply = self.ask(tool, **arguments)
        assert not reply.is_error, reply.text
        return str(reply.result["content"][0]["text"]).replace(str(self.root), "{R}")

    def refuses(self, tool: str, **arguments: Any) -> str:
        """The text of the refusal; fails where it was none."""
        reply = self.ask(tool, **arguments)
        assert reply.is_error, reply.text
        return reply.text

    def bytes(self, name: str) -> bytes:
        """What a file of the tree holds now."""
        return (self.root / name).read_bytes()


@contextmanager
def side(name: str, root: Path, *more: str) -> Iterator[Side]:
    """`ours` or `official` on `root` and further roots."""
    command = (
        [sys.executable, "-m", "mcp_servers_filesystem", str(root), *more, "--allow-writes", "--rate-limit", "off"]
        if name == "ours"
        else [str(installed()), str(root), *more]
    )
    with RawClient(command, era="legacy") as client:
        yield Side(name, root, client)


def made(root: Path, make: Callable[[Path], None]) -> Path:
    """A fresh tree."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    make(root)
    return root


def _placed(value: Any, root: str) -> Any:
    if isinstance(value, str):
        return value.replace("{R}", root)
    if isinstance(value, dict):
        return {name: _placed(part, root) for name, part in value.items()}
    if isinstance(value, list):
        return [_placed(part, root) for part in value]
    return value
