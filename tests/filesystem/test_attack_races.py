"""The attack corpus, L12: a neighbour swaps a name for a link that leads out, as fast as it can, while the server is
called. Nothing outside is opened, read, changed or made.

The swapper is another process that exchanges two names atomically (renameat2) and counts. A race in which it hardly
swapped, or in which the server never met both sides, proves nothing and fails as a test.
"""

import contextlib
import ctypes
import mmap
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from attack_world import Attacked, linux_only
from case_world import CANARY

pytestmark = linux_only

SECONDS = 5.0
HANG_SECONDS = 60.0
FEWEST_SWAPS = 500
FEWEST_CALLS = 100
_EXCHANGE = 2
_HERE = -100

# At times it sleeps, at each side in turn: the server must meet both, also where it has to wait for the processor.
SWAPPER = f"""
import ctypes, mmap, sys, time
libc = ctypes.CDLL(None)
one, other = (name.encode() for name in sys.argv[1:3])
with open(sys.argv[3], "r+b") as file:
    count = ctypes.c_uint64.from_buffer(mmap.mmap(file.fileno(), 8))
print("ready", flush=True)
while True:
    if libc.renameat2({_HERE}, one, {_HERE}, other, {_EXCHANGE}) == 0:
        count.value += 1
    if count.value % 63 == 0:
        time.sleep(0.0005)
"""


@dataclass
class Swapping:
    """How often the names were swapped so far."""

    count: ctypes.c_uint64

    @property
    def swaps(self) -> int:
        """Exchanges that the kernel made."""
        return self.count.value


@contextlib.contextmanager
def swapping(one: Path, other: Path) -> Iterator[Swapping]:
    """Exchanges the two names until the end."""
    libc = ctypes.CDLL(None, use_errno=True)
    names = (os.fsencode(one), os.fsencode(other))
    if not hasattr(libc, "renameat2") or libc.renameat2(_HERE, names[0], _HERE, names[1], _EXCHANGE):
        pytest.skip("renameat2(RENAME_EXCHANGE) does not work on this file system")
    counter = one.parents[1] / "swaps"
    counter.write_bytes(bytes(8))
    with counter.open("r+b") as file:
        shared = mmap.mmap(file.fileno(), 8)
    program = [sys.executable, "-I", "-c", SWAPPER, str(one), str(other), str(counter)]
    with subprocess.Popen(program, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield Swapping(ctypes.c_uint64.from_buffer(shared))
        finally:
            process.kill()


def race(attacked: Attacked, swaps: Swapping, calls: list[tuple[str, dict[str, Any]]]) -> Counter[str]:
    """Calls one after the other until the time is up and both sides of the swap were met. Counts what came of them."""
    seen: Counter[str] = Counter()
    start = time.monotonic()
    client = attacked.client()
    while True:
        for tool, arguments in calls:
            reply = client.call(tool, arguments)
            said = str(reply.message)
            assert CANARY not in said, f"{tool} read outside: {said[:300]}"
            assert reply.code != "internal", client.stderr()[-1500:]
            seen[f"{tool} {reply.code or 'done'}"] += 1
            seen["refused" if reply.is_error else "done"] += 1
        elapsed = time.monotonic() - start
        both = min(seen["done"], seen["refused"]) > 0 and seen["done"] + seen["refused"] >= FEWEST_CALLS
        if elapsed > SECONDS and both and swaps.swaps > FEWEST_SWAPS:
            break
        assert elapsed < HANG_SECONDS, f"no race: {swaps.swaps} swaps, {dict(seen)}"
    print(f"{swaps.swaps} swaps, {dict(seen)}")
    return seen


def doors(attacked: Attacked) -> tuple[Path, Path]:
    """A folder of the root with a file f, and a link to a like folder outside. To be swapped."""
    (attacked.a / "sub").mkdir()
    (attacked.a / "sub" / "f").write_text("inside")
    (attacked.out / "f").write_text(CANARY)
    (attacked.a / "other").symlink_to(attacked.out)
    return attacked.a / "sub", attacked.a / "other"


@pytest.mark.requirement("FILE-51")
def test_reading_a_file_swapped_for_a_link(attacked: Attacked) -> None:
    (attacked.a / "f").write_text("inside")
    (attacked.a / "other").symlink_to(attacked.out / "secret.txt")
    calls: list[tuple[str, dict[str, Any]]] = [
        ("read_text_file", {"path": "f"}),
        ("read_text_file", {"path": "f", "tail": 1}),
        ("read_media_file", {"path": "f"}),
        ("get_file_info", {"path": "f", "hash": "md5"}),
        ("read_multiple_files", {"paths": ["f", "f"]}),
    ]
    with attacked.watched(), swapping(attacked.a / "f", attacked.a / "other") as swaps:
        race(attacked, swaps, calls)


@pytest.mark.requirement("FILE-51")
def test_reading_below_a_folder_swapped_for_a_link(attacked: Attacked) -> None:
    calls = [("read_text_file", {"path": "sub/f"}), ("grep_files", {"path": "sub/f", "pattern": "."})]
    one, other = doors(attacked)
    with attacked.watched(), swapping(one, other) as swaps:
        race(attacked, swaps, calls)


@pytest.mark.requirement("FILE-51")
def test_writing_a_file_swapped_for_a_link(attacked: Attacked) -> None:
    (attacked.a / "f").write_text("inside")
    (attacked.a / "other").symlink_to(attacked.out / "secret.txt")
    calls: list[tuple[str, dict[str, Any]]] = [
        ("write_file", {"path": "f", "content": "written inside"}),
        ("write_file", {"path": "f", "content": "+", "mode": "append"}),
        ("edit_file", {"path": "f", "edits": [{"oldText": "written", "newText": "edited"}]}),
    ]
    with attacked.watched(), swapping(attacked.a / "f", attacked.a / "other") as swaps:
        race(attacked, swaps, calls)


@pytest.mark.requirement("FILE-51")
def test_writing_below_a_folder_swapped_for_a_link(attacked: Attacked) -> None:
    calls: list[tuple[str, dict[str, Any]]] = [
        ("write_file", {"path": "sub/f", "content": "x"}),
        ("write_file", {"path": "sub/new", "content": "x", "createParents": True}),
        ("write_file", {"path": "sub/deep/er/new", "content": "x", "createParents": True}),
        ("edit_file", {"path": "sub/f", "edits": [{"oldText": "x", "newText": "y"}]}),
    ]
    one, other = doors(attacked)
    with attacked.watched(), swapping(one, other) as swaps:
        race(attacked, swaps, calls)


@pytest.mark.requirement("FILE-51")
def test_listing_and_searching_a_folder_swapped_for_a_link(attacked: Attacked) -> None:
    one, other = doors(attacked)
    calls = [
        ("list_directory", {"path": "sub"}),
        ("list_directory_with_sizes", {"path": "sub"}),
        ("directory_tree", {"path": "sub"}),
        ("search_files", {"path": "sub", "pattern": "**"}),
        ("disk_usage", {"path": "sub"}),
    ]
    (attacked.out / CANARY).touch()
    with watching_names(attacked), swapping(one, other) as swaps:
        race(attacked, swaps, calls)


@contextlib.contextmanager
def watching_names(attacked: Attacked) -> Iterator[None]:
    """As watched; that the canary is also a name outside is settled after."""
    with attacked.watched():
        yield
    (attacked.out / CANARY).unlink()


@pytest.mark.requirement("FILE-51")
def test_walks_above_a_folder_swapped_for_a_link(attacked: Attacked) -> None:
    """Trees and searches come to the name while it is either: they never go out, and none of them fails."""
    one, other = doors(attacked)
    calls = [
        ("grep_files", {"path": ".", "pattern": "CANARY|inside"}),
        ("search_files", {"path": ".", "pattern": "**/f"}),
        ("directory_tree", {"path": "."}),
        ("copy_path", {"source": "sub", "destination": "copy"}),
        ("read_text_file", {"path": "copy/f"}),
        ("delete_path", {"path": "copy", "recursive": True}),
        ("read_text_file", {"path": "sub/f"}),
    ]
    with attacked.watched(), swapping(one, other) as swaps:
        race(attacked, swaps, calls)


@pytest.mark.requirement("FILE-51")
def test_making_folders_below_one_swapped_for_a_link(attacked: Attacked) -> None:
    one, other = doors(attacked)
    start = [("create_directory", {"path": f"sub/new{number}/deep"}) for number in range(40)]
    with attacked.watched(), swapping(one, other) as swaps:
        race(attacked, swaps, start)


@pytest.mark.requirement("FILE-51")
def test_moving_through_a_folder_swapped_for_a_link(attacked: Attacked) -> None:
    one, other = doors(attacked)
    (attacked.a / "moving").write_text("inside")
    calls = [
        ("move_file", {"source": "moving", "destination": "sub/moving"}),
        ("move_file", {"source": "sub/moving", "destination": "moving"}),
        ("move_file", {"source": "sub/f", "destination": "taken"}),
        ("move_file", {"source": "taken", "destination": "sub/f"}),
        ("copy_path", {"source": "sub/f", "destination": "copied"}),
        ("delete_path", {"path": "copied"}),
    ]
    with attacked.watched(), swapping(one, other) as swaps:
        race(attacked, swaps, calls)


@pytest.mark.requirement("FILE-51")
def test_deleting_below_a_folder_swapped_for_a_link(attacked: Attacked) -> None:
    one, other = doors(attacked)
    calls = [
        ("delete_path", {"path": "sub/f"}),
        ("write_file", {"path": "sub/f", "content": "x"}),
        ("delete_path", {"path": "sub/f", "permanent": True}),
        ("undo", {}),
    ]
    with attacked.watched(), swapping(one, other) as swaps:
        race(attacked, swaps, calls)
