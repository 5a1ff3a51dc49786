"""The official server's own tests as black-box cases, for our server and, where Node is there, for the real one.

Each case runs on the same folder for both. What they answer must be the same to the byte, but for the cases that say
why not, and for the words of errors.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import official_cases
import official_file_cases
import official_path_cases
import pytest
from case_world import CASES, World
from official_side import installed

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
    """The pinned official server."""
    installed()
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
