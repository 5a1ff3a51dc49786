"""The folders that are served: the seeded tree, and a directory of a million files. Made once, kept in `.cache`."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from benchmarks.common.client import child_env

MANY = 1_000_000


class World:
    """Folders beneath `data`, each made when it is first asked for."""

    def __init__(self, root: Path, data: Path) -> None:
        self._root, self._data = root, data

    @cached_property
    def tree(self) -> Path:
        """`repo` with 50,036 files, `flat` with 10,000, `sized` with files of exact sizes."""

        def make(draft: Path) -> None:
            script = self._root / "tests" / "data" / "make_tree.py"
            command = [sys.executable, str(script), str(draft)]
            subprocess.run(command, check=True, env=child_env(), stdout=subprocess.DEVNULL)

        return self._made("tree", make)

    @cached_property
    def many(self) -> Path:
        """A directory of a million empty files."""

        def make(draft: Path) -> None:
            draft.mkdir(parents=True)
            folder = os.open(draft, os.O_RDONLY)
            for number in range(MANY):
                os.mknod(f"entry_{number:07d}.txt", 0o644, dir_fd=folder)
            os.close(folder)

        return self._made("many", make)

    @property
    def repo(self) -> Path:
        """The project with .gitignore files and node_modules."""
        return self.tree / "repo"

    @property
    def sized(self) -> Path:
        """1k.txt, 1m.txt, 50m.txt, edit.txt."""
        return self.tree / "sized"

    def _made(self, name: str, make: Callable[[Path], None]) -> Path:
        path = self._data / name
        if not path.exists():
            print(f"making {path.name} ...", flush=True)
            draft = path.with_name(f"{name}.draft")
            shutil.rmtree(draft, ignore_errors=True)
            draft.parent.mkdir(parents=True, exist_ok=True)
            make(draft)
            draft.rename(path)
        return path
