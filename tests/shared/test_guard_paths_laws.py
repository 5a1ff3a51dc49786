"""Laws over random trees: both ways agree, and what they open is what the file system means, inside the root."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_servers_shared.errors import ServerError
from mcp_servers_shared.guard import _lexical, _openat2
from mcp_servers_shared.guard.paths import Root, Roots

NAMES = ("a", "b", "c", "d")
PLACES = [f"{one}/{two}" for one in NAMES[:2] for two in NAMES] + list(NAMES)
STEPS = st.sampled_from((*NAMES, "..", ".", "", "out", "in"))
TARGETS = st.one_of(
    st.lists(STEPS, min_size=1, max_size=5).map("/".join),
    st.lists(STEPS, max_size=3).map(lambda steps: "/".join(("{in}", *steps))),
    st.lists(STEPS, max_size=3).map(lambda steps: "/".join(("{out}", *steps))),
)
PATHS = st.lists(STEPS, min_size=1, max_size=6).map("/".join).filter(bool)


@pytest.fixture(scope="module")
def top() -> Path:  # type: ignore[misc]
    path = Path(os.path.realpath(tempfile.mkdtemp()))
    descriptor = os.open(path, os.O_PATH)
    usable = _openat2.available(descriptor)
    os.close(descriptor)
    if not usable:
        pytest.skip("openat2 is not available on this kernel or in this sandbox")
    yield path
    shutil.rmtree(path)


def plant(top: Path, links: dict[str, str]) -> None:
    shutil.rmtree(top)
    for folder in ("in/a", "in/b", "out/a"):
        (top / folder).mkdir(parents=True)
    (top / "out" / "b").write_text("secret")
    for place, target in links.items():
        path = top / "in" / place
        if not os.path.lexists(path):
            path.symlink_to(target.replace("{in}", f"{top}/in").replace("{out}", f"{top}/out") or ".")
    for place in PLACES:
        path = top / "in" / place
        if not os.path.lexists(path):
            path.write_text(place)


def opened(root: Root | Roots, path: str) -> tuple[int, int] | str:
    try:
        descriptor = root.open(path, os.O_RDONLY, allow={"file", "directory"})
    except ServerError as error:
        return error.code
    found = os.fstat(descriptor)
    os.close(descriptor)
    return found.st_dev, found.st_ino


@pytest.mark.requirement("PATH-1")
@settings(max_examples=150, deadline=None)
@given(links=st.dictionaries(st.sampled_from(PLACES), TARGETS, max_size=8), path=PATHS)
def test_both_ways_agree_and_nothing_outside_is_opened(top: Path, links: dict[str, str], path: str) -> None:
    plant(top, links)
    with Root(top / "in", way="openat2") as kernel, Root(top / "in", way="walk") as walk:
        by_kernel, by_walk = opened(kernel, path), opened(walk, path)
        several = opened(Roots([walk]), path)
    assert by_kernel == by_walk
    parts = _lexical.collapse(_lexical.read(path)) if not path.startswith("/") else None
    if parts is None:
        assert by_kernel == "outside_roots"
        return
    meant = top / "in" / os.fsdecode(b"/".join(parts))
    inside = {(found.st_dev, found.st_ino) for name, _, files in os.walk(top / "in") for found in stats(name, files)}
    for answer in (by_kernel, several):
        if isinstance(answer, tuple):
            assert answer in inside
            assert answer == (meant.stat().st_dev, meant.stat().st_ino)
    if not links:
        assert isinstance(by_kernel, tuple) == meant.exists()


def stats(folder: str, files: list[str]) -> list[os.stat_result]:
    return [os.lstat(folder), *(os.lstat(os.path.join(folder, name)) for name in files)]


@pytest.mark.requirement("PATH-1")
@given(path=st.text(max_size=30))
def test_any_text_is_taken_or_refused_with_a_sendable_message(top: Path, path: str) -> None:
    (top / "in").mkdir(exist_ok=True)
    with Root(top / "in") as root:
        error = refused(root, path)
    if error:
        assert "\n" not in error.for_model()
        error.for_model().encode()


def refused(root: Root, path: str) -> ServerError | None:
    try:
        os.close(root.open(path, os.O_RDONLY, allow={"file", "directory"}))
    except ServerError as error:
        return error
    return None
