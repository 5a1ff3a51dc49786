"""The small tree that the path tests share, and the two ways to open beneath it."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from mcp_servers_shared.errors import PathRefused
from mcp_servers_shared.guard import _openat2
from mcp_servers_shared.guard.paths import Root, Roots


class World(NamedTuple):
    """A root `A` with neighbours that must not be reached."""

    base: Path
    inside: Path
    outside: Path
    root: Root


@pytest.fixture(params=["openat2", "walk"])
def way(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "openat2":
        descriptor = os.open(tmp_path, os.O_PATH)
        usable = _openat2.available(descriptor)
        os.close(descriptor)
        if not usable:
            pytest.skip("openat2 is not available on this kernel or in this sandbox")
    return request.param


@pytest.fixture
def world(tmp_path: Path, way: str) -> Iterator[World]:
    inside, outside = tmp_path / "A", tmp_path / "out"
    (inside / "sub" / "deep").mkdir(parents=True)
    (inside / "f").write_bytes(b"inside")
    (inside / "sub" / "f").write_bytes(b"sub")
    outside.mkdir()
    (outside / "f").write_bytes(b"secret")
    for sibling in ("A2", "A_evil", "A backup"):
        (tmp_path / sibling).mkdir()
        (tmp_path / sibling / "f").write_bytes(b"secret")
    (tmp_path / "A.txt").write_bytes(b"secret")
    with Root(inside, way=way) as root:  # type: ignore[arg-type]
        yield World(tmp_path, inside, outside, root)


def read(root: Root | Roots, path: str | bytes, flags: int = os.O_RDONLY) -> bytes:
    descriptor = root.open(path, flags)
    try:
        return os.read(descriptor, 100)
    finally:
        os.close(descriptor)


def refusal(call: Callable[[], object]) -> PathRefused:
    with pytest.raises(PathRefused) as caught:
        call()
    return caught.value
