"""Walks: everything once, in order, by open directories only; they go on where they stopped."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from search_world import DEPTH, LAW, TREES, deadline, everything, grow, grown, space_of

from mcp_servers_filesystem.deadlines import Deadline
from mcp_servers_filesystem.walking import Folder, Walk
from mcp_servers_shared.errors import LimitExceeded

NOBODY = 65_534


def walked(root: Path, **more: object) -> list[str]:
    """The paths a walk comes to."""
    with space_of(root) as space, space.directory(str(root)) as base:
        return [step.path for step in Walk(deadline(), base.fd, **more)]  # type: ignore[arg-type]


@LAW
@given(TREES)
def test_a_walk_comes_to_everything_once_in_the_order_of_bytes(files: dict[str, bytes]) -> None:
    with grown(files) as root:
        assert walked(root) == everything(root)


@pytest.mark.requirement("FILE-5")
@LAW
@given(TREES, st.data())
def test_a_walk_goes_on_where_one_stopped(files: dict[str, bytes], data: st.DataObject) -> None:
    with grown(files) as root:
        paths = everything(root)
        if not paths:
            return
        place = data.draw(st.integers(0, len(paths) - 1))
        assert walked(root, after=paths[place]) == paths[place + 1 :]
        assert walked(root, after=paths[place], again=True) == paths[place:]
        gone = f"{paths[place]}\x00gone".split("\x00")[0] + "~gone"
        assert walked(root, after=gone) == [path for path in paths if _behind(path, gone)]


def _behind(path: str, place: str) -> bool:
    return path.encode().split(b"/") > place.encode().split(b"/")


@LAW
@given(TREES, st.sets(st.sampled_from(["a", "b", "a.py", "src"])))
def test_only_chosen_names_are_shown_and_all_directories_entered(files: dict[str, bytes], names: set[str]) -> None:
    with grown(files) as root:
        wanted = [path for path in everything(root) if path.rpartition("/")[2] in names]
        assert walked(root, choose=lambda folder: names & set(folder.names)) == wanted


def test_names_that_are_not_utf8_are_in_the_order_of_their_bytes(tmp_path: Path) -> None:
    raw = [b"a", b"z", b"\xff", b"\xc3\xa9", b"\xf0\x9f\x98\x80", b"\xee\x80\x80"]
    for name in raw:
        (tmp_path / os.fsdecode(name)).write_bytes(b"")
    assert [os.fsencode(name) for name in walked(tmp_path)] == sorted(raw)


@pytest.mark.requirement("FILE-20")
def test_links_and_special_files_are_steps_and_never_entered(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    grow(tmp_path, {"inside/real/x": b"", "outside/secret": b""})
    (inside / "link").symlink_to(outside)
    (inside / "loop").symlink_to(".")
    os.mkfifo(inside / "pipe")
    with space_of(inside) as space, space.directory(str(inside)) as base:
        kinds = {step.path: step.kind for step in Walk(deadline(), base.fd)}
    assert kinds == {"link": "l", "loop": "l", "pipe": "o", "real": "d", "real/x": "f"}


@pytest.mark.requirement("FILE-20")
def test_a_directory_that_becomes_a_link_is_not_followed(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    grow(tmp_path, {"inside/a": b"", "inside/sub/x": b"", "outside/sub/secret": b"", "outside/secret": b""})

    def swap(folder: Folder) -> list[str]:
        if not folder.path:
            (inside / "sub").rename(inside / "was")
            (inside / "sub").symlink_to(tmp_path / "outside")
        return list(folder.names)

    with space_of(inside) as space, space.directory(str(inside)) as base:
        walk = Walk(deadline(), base.fd, choose=swap)
        assert [step.path for step in walk] == ["a", "sub"]
        assert walk.unreadable == ["sub"]


@pytest.mark.requirement("FILE-25")
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
def test_directories_that_nobody_may_read_are_counted_and_ten_are_named(tmp_path: Path) -> None:
    grow(tmp_path, {f"d{number:02}/x": b"" for number in range(14)} | {"z": b""})
    tmp_path.chmod(0o755)
    for number in range(14):
        (tmp_path / f"d{number:02}").chmod(0o700)
    with space_of(tmp_path) as space, space.directory(str(tmp_path)) as base:
        walk = Walk(deadline(), base.fd)
        os.seteuid(NOBODY)
        try:
            paths = [step.path for step in walk]
        finally:
            os.seteuid(0)
    assert paths == [*(f"d{number:02}" for number in range(14)), "z"]
    assert walk.unreadable_count == 14
    assert walk.unreadable == [f"d{number:02}" for number in range(10)]
    assert walk.notices()[0].endswith("d09 and 4 more.")


@pytest.mark.requirement("FILE-20")
def test_a_tree_deeper_than_any_path_may_be_long(deep: Path) -> None:
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    paths = walked(deep)
    assert len(paths) == DEPTH + 1
    assert paths[DEPTH - 1].count("/") == DEPTH - 1
    assert paths[-1] == "z"
    middle = paths[600]
    assert walked(deep, after=middle) == paths[601:]
    if before:
        assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.requirement("FILE-27")
def test_a_walk_stops_when_its_time_is_up_and_closes_what_it_opened(tmp_path: Path) -> None:
    grow(tmp_path, {f"s{number}/f": b"" for number in range(3)})
    with space_of(tmp_path) as space, space.directory(str(tmp_path)) as base:
        over = Deadline(60)
        walk = Walk(over, base.fd, choose=lambda folder: over.stop() or folder.names)
        before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
        with pytest.raises(LimitExceeded):
            list(walk)
        if before:
            assert len(os.listdir("/proc/self/fd")) == before


def test_the_trash_is_not_there(tmp_path: Path) -> None:
    grow(tmp_path, {".mcp-trash/x": b"", ".MCP-Trash/z": b"", "sub/.mcp-trash/y": b"", "a": b""})
    assert walked(tmp_path) == ["a", "sub"]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs procfs")
@pytest.mark.requirement("FILE-20")
def test_the_kernels_file_systems_are_not_entered() -> None:
    base = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    try:
        walk = Walk(deadline(), base, choose=lambda folder: folder.folders.intersection_update(("proc",)) or ())
        assert list(walk) == []
        assert walk.unreadable == ["proc"]
    finally:
        os.close(base)
