"""Small files that are in memory are read without a thread: the same answers, and never by another way in."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mcp_servers_filesystem.deadlines import Deadline
from mcp_servers_filesystem.deny import Deny
from mcp_servers_filesystem.pages import Page
from mcp_servers_filesystem.reading import Wanted, read_at_once, read_text
from mcp_servers_filesystem.space import Space
from mcp_servers_shared.errors import PathRefused, ServerError
from mcp_servers_shared.guard._kinds import on_local_filesystem
from mcp_servers_shared.guard.paths import Root, Roots

WANTED = [Wanted(), Wanted(head=2), Wanted(tail=1), Wanted(offset=2, limit=1), Wanted(numbers=True), Wanted(head=0)]
CONTENTS = [b"", b"one\ntwo\nthree\n", b"one\r\ntwo", "ünï\n漢\n".encode(), "hé\n".encode("utf-16"), b"caf\xe9\n" * 3]


@pytest.fixture
def space(tmp_path: Path) -> Iterator[Space]:
    """A space whose one root is `root` below `tmp_path`."""
    root = tmp_path / "root"
    root.mkdir()
    descriptor = os.open(root, os.O_RDONLY)
    try:
        if sys.platform != "linux" or not on_local_filesystem(descriptor):
            pytest.skip("needs Linux and a file system of this machine below the temporary folder")
    finally:
        os.close(descriptor)
    with Roots([Root(root)]) as roots:
        yield Space(roots, Deny(()))


def at_once(space: Space, path: Path | str, wanted: Wanted = WANTED[0]) -> Page | None:
    return read_at_once(Deadline(5), space, str(path), wanted, len, 10_000, 1_000_000)


@pytest.mark.parametrize("content", CONTENTS)
def test_the_same_as_with_a_thread(space: Space, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "root" / "f.txt"
    path.write_bytes(content)
    for wanted in WANTED:
        page = at_once(space, path, wanted)
        assert page is not None
        assert page == read_text(Deadline(5), space, str(path), wanted, len, 10_000, 1_000_000)


@pytest.mark.requirement("FILE-1")
def test_no_link_is_passed_and_nothing_else_than_a_file_is_read(space: Space, tmp_path: Path) -> None:
    root = tmp_path / "root"
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    (root / "inner").mkdir()
    (root / "inner" / "f").write_text("inner")
    (root / "out").symlink_to(outside / "secret")
    (root / "folder").symlink_to(outside)
    (root / "same").symlink_to(root / "inner" / "f")
    os.mkfifo(root / "fifo")
    for name in ("out", "folder/secret", "same", "fifo", "inner", "missing", "."):
        assert at_once(space, root / name) is None
    assert at_once(space, "inner/f") is None
    page = at_once(space, root / "inner" / ".." / "inner" / "f")
    assert page is not None
    assert page.text == "inner"


@pytest.mark.requirement("FILE-9")
@pytest.mark.parametrize("name", [".env", "key.pem", ".ssh/config"])
def test_what_is_denied_is_denied(space: Space, tmp_path: Path, name: str) -> None:
    path = tmp_path / "root" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("secret")
    with pytest.raises(PathRefused) as refusal:
        at_once(space, path)
    assert refusal.value.code == "denied"


def test_outside_is_refused_as_ever(space: Space, tmp_path: Path) -> None:
    for path in ("/etc/hostname", str(tmp_path / "root" / ".." / "x"), f"{tmp_path}/root-evil/x"):
        with pytest.raises(ServerError) as refusal:
            at_once(space, path)
        assert refusal.value.code == "outside_roots"


def test_large_files_and_many_names_take_the_other_way(space: Space, tmp_path: Path) -> None:
    path = tmp_path / "root" / "large"
    path.write_bytes(b"x" * 100_000)
    assert at_once(space, path) is None
    twin = tmp_path / "root" / "twin"
    twin.write_text("x")
    os.link(twin, tmp_path / "root" / "other")
    narrow = Space(space.roots, space.deny, max_nlink=1)
    assert at_once(narrow, twin) is None
    assert at_once(space, twin) is not None
