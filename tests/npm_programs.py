"""Programs from npm that tests compare with: pinned by a lock file, installed once into the project's cache folder."""

import shutil
import subprocess
from pathlib import Path

import pytest

_CACHE = Path(__file__).parents[1] / ".cache"
_INSTALL = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]


def npm_program(package: Path, program: str) -> Path:
    """The program that the package.json and its lock in `package` bring. Skips the test where that cannot be."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("needs node and npm (Debian: nodejs npm)")
    cache = _CACHE / package.name
    found = cache / "node_modules" / ".bin" / program
    lock, installed = package / "package-lock.json", cache / "package-lock.json"
    if not found.exists() or not installed.exists() or installed.read_bytes() != lock.read_bytes():
        cache.mkdir(parents=True, exist_ok=True)
        shutil.copy(package / "package.json", cache)
        shutil.copy(lock, cache)
        done = subprocess.run(_INSTALL, cwd=cache, capture_output=True, text=True, timeout=280, check=False)
        if done.returncode != 0:
            pytest.skip(f"npm could not install {program}: {done.stderr.strip()[-200:]}")
    return found
