"""A neighbour swaps a name for a link, back and forth, while we open it: nothing outside is ever read or written.

The swapper is another process that exchanges two names atomically (renameat2), as fast as it can, for two seconds.
"""

import contextlib
import ctypes
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from paths_world import World, read

from mcp_servers_shared.errors import ServerError
from mcp_servers_shared.guard.paths import Root, Roots, pin_file

SECONDS = 2.0
HANG = 60.0
RENAME_EXCHANGE = 2
AT_FDCWD = -100

SWAPPER = f"""
import ctypes, sys
libc = ctypes.CDLL(None)
one, other = (name.encode() for name in sys.argv[1:])
print("ready", flush=True)
while True:
    libc.renameat2({AT_FDCWD}, one, {AT_FDCWD}, other, {RENAME_EXCHANGE})
"""


@contextlib.contextmanager
def swapping(one: Path, other: Path) -> Iterator[None]:
    libc = ctypes.CDLL(None, use_errno=True)
    names = (os.fsencode(one), os.fsencode(other))
    if not hasattr(libc, "renameat2") or libc.renameat2(AT_FDCWD, names[0], AT_FDCWD, names[1], RENAME_EXCHANGE):
        pytest.skip("renameat2(RENAME_EXCHANGE) does not work on this system")
    with subprocess.Popen([sys.executable, "-I", "-c", SWAPPER, one, other], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield
        finally:
            process.kill()


def attack(root: Root | Roots, path: str) -> Counter[str]:
    """Reads, appends and creates at `path` until the time is up and both outcomes were seen. Counts the outcomes."""
    seen: Counter[str] = Counter()
    start = time.monotonic()
    while time.monotonic() - start < SECONDS or not (seen["opened"] and seen["outside_roots"]):
        assert time.monotonic() - start < HANG, f"the race never showed both outcomes: {seen}"
        try:
            seen["opened" if read(root, path).startswith(b"inside") else "ESCAPED"] += 1
            descriptor = root.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.write(descriptor, b"+")
            os.close(descriptor)
        except ServerError as error:
            seen[error.code] += 1
    return seen


def require_untouched(world: World, seen: Counter[str]) -> None:
    print(f"outcomes: {dict(seen)}")
    assert seen["ESCAPED"] == 0
    assert (world.outside / "f").read_bytes() == b"secret"
    assert os.listdir(world.outside) == ["f"]


@pytest.mark.requirement("PATH-1")
def test_a_file_swapped_for_a_link(world: World) -> None:
    (world.inside / "other").symlink_to(world.outside / "f")
    with swapping(world.inside / "f", world.inside / "other"):
        seen = attack(world.root, "f")
    require_untouched(world, seen)


@pytest.mark.requirement("PATH-1")
def test_a_directory_swapped_for_a_link(world: World) -> None:
    (world.inside / "sub" / "f").write_bytes(b"inside")
    (world.inside / "other").symlink_to(world.outside)
    with swapping(world.inside / "sub", world.inside / "other"):
        seen = attack(world.root, "sub/f")
    require_untouched(world, seen)


@pytest.mark.requirement("PATH-1")
def test_a_directory_swapped_above_a_link_that_climbs(world: World) -> None:
    """`sub/deep/up` points to `../../f`: where `deep` has just become a link out, `..` must not count from there."""
    (world.outside / "deep").mkdir()
    (world.outside / "deep" / "up").symlink_to("../f")
    (world.inside / "sub" / "deep" / "up").symlink_to("../../f")
    (world.inside / "sub" / "other").symlink_to(world.outside / "deep")
    with swapping(world.inside / "sub" / "deep", world.inside / "sub" / "other"):
        seen = attack(world.root, "sub/deep/up")
    print(f"outcomes: {dict(seen)}")
    assert seen["ESCAPED"] == 0
    assert (world.outside / "f").read_bytes() == b"secret"


@pytest.mark.requirement("PATH-4")
def test_a_pinned_file_swapped_for_a_link(tmp_path: Path) -> None:
    data, outside = tmp_path / "data", tmp_path / "out"
    for folder in (data, outside):
        folder.mkdir()
        (folder / "shop.db").write_bytes(b"x")
    pinned = pin_file(data / "shop.db")
    (tmp_path / "other").symlink_to(outside)
    seen: Counter[str] = Counter()
    start = time.monotonic()
    with swapping(data, tmp_path / "other"):
        while time.monotonic() - start < SECONDS / 2 or len(seen) < 2:
            assert time.monotonic() - start < HANG
            try:
                seen["same" if pinned.reopen_check().inode == pinned.inode else "ESCAPED"] += 1
            except ServerError as error:
                seen[error.code] += 1
    print(f"outcomes: {dict(seen)}")
    assert seen["ESCAPED"] == 0
