"""Our server and the official one, each over real pipes on a tree of its own, asked the same.

with side("ours", box) as ours: ours.say("read_text_file", path="{R}/a.txt")
"""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from end_to_end.raw_client import RawClient, Reply

HERE = Path(__file__).parent / "official"
CACHE = Path(__file__).parents[2] / ".cache" / "official-filesystem"
PROGRAM = CACHE / "node_modules" / ".bin" / "mcp-server-filesystem"


def installed() -> Path:
    """The pinned official server, installed once into the project's cache folder. Skips where that cannot be."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("needs node and npm (Debian: nodejs npm)")
    lock = (HERE / "package-lock.json").read_bytes()
    known = CACHE / "package-lock.json"
    if not PROGRAM.exists() or not known.exists() or known.read_bytes() != lock:
        CACHE.mkdir(parents=True, exist_ok=True)
        shutil.copy(HERE / "package.json", CACHE)
        shutil.copy(HERE / "package-lock.json", CACHE)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        done = subprocess.run(command, cwd=CACHE, capture_output=True, text=True, timeout=280, check=False)
        if done.returncode != 0:
            pytest.skip(f"npm could not install the official server: {done.stderr.strip()[-200:]}")
    return PROGRAM


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
