"""No room: the old file stays, nothing lies about, and the next write works. In the root, and in the journal."""

import os
import subprocess
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from file_world import edit, left_behind, tree, writing

from mcp_servers_filesystem.moving import copy
from mcp_servers_filesystem.undoing import undo
from mcp_servers_shared.errors import LimitExceeded, Unavailable

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root to mount a tmpfs"),
    pytest.mark.requirement("FILE-33"),
]


@contextmanager
def small(folder: Path, kilobytes: int) -> Generator[Path]:
    """A file system with that much room. Skips where none can be mounted."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k,nr_inodes=200", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("no tmpfs can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def said(work: Callable[..., object], *arguments: object) -> str:
    """The code of the refusal, which must be about room; empty where it was done."""
    try:
        work(*arguments)
    except LimitExceeded as error:
        return error.code
    except Unavailable as error:
        return error.code
    return ""


def refused(code: str, work: Callable[..., object], *arguments: object) -> None:
    assert said(work, *arguments) == code


def test_no_room_in_the_root(tmp_path: Path) -> None:
    with small(tmp_path / "root", 1_024) as root, writing(root, tmp_path / "state") as writer:
        old = "old\n" * 100_000
        writer.write(f"{root}/a.txt", old, "overwrite", None, False)
        (root / "d").mkdir()
        (root / "d" / "b.txt").write_bytes(b"b" * 200_000)
        before = tree(root)
        refused("no_space", writer.write, f"{root}/a.txt", "new\n" * 200_000, "overwrite", None, False)
        refused("no_space", writer.write, f"{root}/new.txt", "new\n" * 200_000, "overwrite", None, False)
        refused("no_space", writer.write, f"{root}/x/new.txt", "new\n" * 200_000, "overwrite", None, True)
        refused("no_space", writer.write, f"{root}/a.txt", "more\n" * 150_000, "append", None, False)
        refused("no_space", writer.edit, [edit(f"{root}/a.txt", "old", "longer" * 10, every=True)], False)
        for _ in range(3):
            if said(copy, writer, f"{root}/d", f"{root}/copied") == "":
                undo(writer, None)
        assert tree(root) == before
        assert not left_behind(root)
        writer.write(f"{root}/a.txt", "small", "overwrite", None, False)
        assert (root / "a.txt").read_text() == "small"


def test_no_room_for_an_append_in_place(tmp_path: Path) -> None:
    with small(tmp_path / "root", 2_048) as root, writing(root, tmp_path / "state") as writer:
        (root / "big.log").write_bytes(b"x" * 1_500_000)
        before = tree(root)
        refused("no_space", writer.write, f"{root}/big.log", "y" * 1_000_000, "append", None, False)
        assert tree(root) == before


def test_no_room_for_what_was_there_before(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    for name in "ab":
        (root / name).write_text("old\n" * 60_000)
    before = tree(root)
    with small(tmp_path / "state", 400) as state, writing(root, state) as writer:
        jobs = [edit(f"{root}/{name}", "old", "new", every=True) for name in "ab"]
        refused("no_space", writer.edit, jobs, False)
        assert tree(root) == before
        assert not left_behind(root)
        assert not list((state / "images").iterdir())
        writer.edit(jobs[:1], False)
        undo(writer, None)
        assert tree(root) == before


def test_no_room_to_write_it_down_first(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "a.txt").write_text("old")
    with small(tmp_path / "state", 64) as state, writing(root, state) as writer:
        writer.write(f"{root}/b.txt", "", "overwrite", None, False)
        with (state / "filler").open("wb", buffering=0) as filler:
            try:
                while filler.write(b"x" * 512):
                    pass
            except OSError:
                pass
        size = (state / "changes.jsonl").stat().st_size
        refusals = 0
        for number in range(40):
            refusals += said(writer.write, f"{root}/a.txt", str(number), "overwrite", None, False) != ""
        assert refusals
        held = (root / "a.txt").read_text()
        (state / "filler").unlink()
        assert (state / "changes.jsonl").stat().st_size >= size
        writer.write(f"{root}/a.txt", "room again", "overwrite", None, False)
        undo(writer, None)
        assert (root / "a.txt").read_text() == held
        assert not left_behind(root)
