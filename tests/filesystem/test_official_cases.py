"""The official server's own tests as black-box cases, for our server and, where Node is there, for the real one.

Each case runs on the same folder for both. What they answer must be the same to the byte, but for the cases that say
why not, and for the words of errors.
"""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import official_cases
import official_file_cases
import official_path_cases
import pytest
from case_world import CACHE, CASES, PROGRAM, World

HERE = Path(__file__).parent / "official"
SAID: dict[str, list[tuple[str, bool, Any]]] = {}
"""What ours answered, by case."""
KEPT = (official_cases, official_path_cases, official_file_cases)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("official")


@pytest.fixture(scope="module")
def ours(base: Path) -> Iterator[World]:
    world = World(base / "w", "ours")
    world.fresh()
    yield world
    world.close()


@pytest.fixture(scope="module")
def official(base: Path, ours: World) -> Iterator[World]:
    """The pinned official server, installed once into the project's cache folder."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("needs node and npm (Debian: nodejs npm)")
    lock = (HERE / "package-lock.json").read_bytes()
    installed = CACHE / "package-lock.json"
    if not PROGRAM.exists() or not installed.exists() or installed.read_bytes() != lock:
        CACHE.mkdir(parents=True, exist_ok=True)
        shutil.copy(HERE / "package.json", CACHE)
        shutil.copy(HERE / "package-lock.json", CACHE)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        done = subprocess.run(command, cwd=CACHE, capture_output=True, text=True, timeout=280, check=False)
        if done.returncode != 0:
            pytest.skip(f"npm could not install the official server: {done.stderr.strip()[-200:]}")
    world = World(ours.base, "official")
    yield world
    world.close()


def test_every_case_is_there() -> None:
    assert KEPT
    assert sorted(CASES, key=lambda name: int(name[1:])) == [f"B{number}" for number in range(1, 81)]


@pytest.mark.requirement("FILE-50")
@pytest.mark.parametrize("name", CASES)
def test_ours(name: str, ours: World) -> None:
    ours.fresh()
    CASES[name].run(ours)
    SAID[name] = list(ours.said)


@pytest.mark.requirement("FILE-50")
@pytest.mark.parametrize("name", CASES)
def test_same_as_the_official_server(name: str, ours: World, official: World) -> None:
    found = CASES[name]
    official.fresh()
    found.run(official)
    if found.differs:
        return
    if name not in SAID:
        test_ours(name, ours)
    # What follows the first block is ours: notices and fields.
    assert SAID[name] == official.said
