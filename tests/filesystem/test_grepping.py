"""grep: every matching line once, whatever the page; nothing closed, linked or special is read."""

import os
import re
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from search_world import LAW, MUCH, TREES, deadline, everything, grow, grown, space_of

from mcp_servers_filesystem import grep_page, texts
from mcp_servers_filesystem.deadlines import Deadline
from mcp_servers_filesystem.grep_page import GrepPage, Hits, Mode
from mcp_servers_filesystem.grepping import Grep, grep
from mcp_servers_filesystem.space import Space
from mcp_servers_shared.errors import LimitExceeded


def search(
    space: Space, root: Path, pattern: str, *, limit: int = MUCH, going_on: Any = None, room: int = MUCH, **more: Any
) -> Hits:
    """One page."""
    wanted = Grep(pattern, str(root), **more)
    page = GrepPage(wanted.mode, limit, wanted.context, lambda line: 2 * len(line) + 4, room)
    return grep(deadline(), space, wanted, going_on or {}, page)


def lines(root: Path, pattern: str, *deny: str, **more: Any) -> list[str]:
    """All lines of an answer, with paths as they are below the root."""
    with space_of(root, *deny) as space:
        found = search(space, root, pattern, **more).lines
    return [line.removeprefix(f"{root}/") for line in found]


def all_pages(root: Path, pattern: str, limit: int, **more: Any) -> list[str]:
    """The matching lines of all pages, each after its path."""
    found: list[str] = []
    following: Any = None
    with space_of(root if root.is_dir() else root.parent) as space:
        while True:
            hits = search(space, root, pattern, limit=limit, going_on=following, **more)
            for entry in hits.data:
                found += [f"{entry['path']}:{line}" for line in entry["lines"]] if "lines" in entry else [str(entry)]
            following = hits.following
            if not following:
                return found


def by_hand(root: Path, pattern: str) -> list[str]:
    """The same by another way."""
    found: list[str] = []
    for path in everything(root):
        place = root / path
        if place.is_file() and not place.is_symlink():
            for number, line in enumerate(place.read_bytes().split(b"\n"), 1):
                if re.search(pattern.encode(), line):
                    found.append(f"{place}:{number}:{line.decode()}")
    return found


@pytest.mark.requirement("FILE-5")
@LAW
@given(TREES, st.integers(1, 5), st.sampled_from(["needle", "^a", "b$|c", "e"]))
def test_the_pages_are_the_whole(files: dict[str, bytes], limit: int, pattern: str) -> None:
    with grown(files) as root:
        assert all_pages(root, pattern, limit, gitignore=False) == by_hand(root, pattern)


@pytest.mark.requirement("FILE-5")
@pytest.mark.parametrize("window", [32, 64, 1 << 20])
def test_the_pages_of_one_long_file_are_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, window: int) -> None:
    monkeypatch.setattr(texts, "WINDOW", window)
    monkeypatch.setattr(texts, "_SMALL", 0)
    monkeypatch.setattr(grep_page, "_SLICE", 16)
    grow(
        tmp_path, {"a.txt": "".join(f"line {n} é\n" if n % 3 else "\n" for n in range(200)).encode(), "b.txt": b"line"}
    )
    wanted = by_hand(tmp_path, "line|^$")
    phantom = f"{tmp_path}/a.txt:201:"
    assert all_pages(tmp_path, "line|^$", 7) == [line for line in wanted if line != phantom]
    assert all_pages(tmp_path / "a.txt", "9 ", 2) == [line for line in wanted if "9 " in line]


@pytest.mark.requirement("FILE-5")
def test_a_file_that_changed_between_pages_goes_on_after_the_last_line(tmp_path: Path) -> None:
    grow(tmp_path, {"a": b"x1\nx2\nx3\n"})
    with space_of(tmp_path) as space:
        first = search(space, tmp_path, "x", limit=2)
        (tmp_path / "a").write_bytes(b"\n\nx3\nx4\n")
        rest = search(space, tmp_path, "x", going_on=first.following)
    assert first.data[0]["lines"] == ["1:x1", "2:x2"]
    assert rest.data[0]["lines"] == ["3:x3", "4:x4"]


@pytest.mark.parametrize(
    ("mode", "wanted"),
    [("files", ["a", "d/b"]), ("count", ["a:2", "d/b:1"]), ("content", ["a", "1:x", "3:x", "d/b", "1:x"])],
)
def test_modes(tmp_path: Path, mode: Mode, wanted: list[str]) -> None:
    grow(tmp_path, {"a": b"x\ny\nx\n", "d/b": b"x", "d/c": b"y"})
    assert lines(tmp_path, "x", mode=mode) == wanted
    if mode != "content":
        assert len(all_pages(tmp_path, "x", 1, mode=mode)) == 2


def test_context_shows_each_line_once(tmp_path: Path) -> None:
    grow(tmp_path, {"a": b"1\n2x\n3\n4x\n5\n6\n7\n8x\n"})
    assert lines(tmp_path, "x", context=1) == ["a", "1-1", "2:2x", "3-3", "4:4x", "5-5", "7-7", "8:8x"]
    assert lines(tmp_path, "x", context=9)[1:] == ["1-1", "2:2x", "3-3", "4:4x", "5-5", "6-6", "7-7", "8:8x"]


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({"glob": "*.py"}, ["a.py", "d/b.py"]),
        ({"glob": "d/*.py"}, ["d/b.py"]),
        ({"glob": "!*.py"}, ["c.js", "d/e.TS"]),
        ({"type": "py"}, ["a.py", "d/b.py"]),
        ({"type": "py", "glob": "b*"}, ["d/b.py"]),
    ],
)
def test_which_files(tmp_path: Path, more: dict[str, str], wanted: list[str]) -> None:
    grow(tmp_path, dict.fromkeys(["a.py", "d/b.py", "c.js", "d/e.TS"], b"x"))
    assert lines(tmp_path, "x", mode="files", **more) == wanted


def test_gitignore_is_respected_unless_told_otherwise(tmp_path: Path) -> None:
    grow(tmp_path, {".gitignore": b"out/\n", "out/a": b"x", "b": b"x", ".git/c": b"x"})
    assert lines(tmp_path, "x", mode="files") == ["b"]
    assert lines(tmp_path, "x", mode="files", gitignore=False) == [".git/c", "b", "out/a"]


def test_text_in_other_forms_is_found_and_binary_is_not(tmp_path: Path) -> None:
    grow(
        tmp_path,
        {
            "bom": b"\xef\xbb\xbfword\n",
            "crlf": b"word\r\nother\r\n",
            "latin": b"caf\xe9 word\n",
            "utf16": "first\nword\n".encode("utf-16"),
            "zero": b"word\0\n",
        },
    )
    assert lines(tmp_path, "^word$") == ["bom", "1:word", "crlf", "1:word", "utf16", "2:word"]
    assert lines(tmp_path, "word$", mode="files") == ["bom", "crlf", "latin", "utf16"]


@pytest.mark.requirement("FILE-29")
def test_a_line_of_four_megabytes_is_clipped_around_the_match(tmp_path: Path) -> None:
    grow(tmp_path, {"long.js": b"\xc3\xa9" * (1 << 20) + b"NEEDLE" + b"y" * (2 << 20), "short": b"NEEDLE"})
    found = lines(tmp_path, "NEEDLE")
    assert found[0] == "long.js"
    assert "NEEDLE" in found[1]
    assert len(found[1]) < 500
    assert "\ufffd" not in found[1]
    assert found[1].endswith("... (4,194,310 bytes)")
    assert found[2:] == ["short", "1:NEEDLE"]


@pytest.mark.requirement("FILE-20")
def test_links_pipes_and_devices_are_not_read(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    grow(tmp_path, {"outside/secret": b"needle", "inside/a": b"needle"})
    (inside / "file").symlink_to(tmp_path / "outside" / "secret")
    (inside / "folder").symlink_to(tmp_path / "outside")
    (inside / "dev").symlink_to("/dev/zero")
    os.mkfifo(inside / "pipe")
    assert lines(inside, "needle", gitignore=False) == ["a", "1:needle"]


@pytest.mark.requirement("FILE-20")
def test_what_is_swapped_in_for_a_file_is_judged_when_it_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grow(tmp_path, {"inside/a": b"needle", "inside/b": b"needle", "inside/c": b"needle", "secret": b"needle"})
    inside = tmp_path / "inside"
    real = texts.open_text

    def swapping(directory: int, name: str, device: int, most_links: int, **more: Any) -> Any:
        if name == "b":
            (inside / "b").unlink()
            (inside / "b").symlink_to(tmp_path / "secret")
        if name == "c":
            (inside / "c").unlink()
            os.mkfifo(inside / "c")
        return real(directory, name, device, most_links, **more)

    monkeypatch.setattr("mcp_servers_filesystem.grepping.open_text", swapping)
    assert lines(inside, "needle") == ["a", "1:needle"]


def test_files_with_more_names_than_allowed_are_not_searched(tmp_path: Path) -> None:
    grow(tmp_path, {"a": b"needle", "b": b"needle"})
    os.link(tmp_path / "a", tmp_path / "c")
    with space_of(tmp_path, max_nlink=1) as space:
        assert search(space, tmp_path, "needle", mode="files").files == 1


@pytest.mark.requirement("FILE-20")
def test_the_bottom_of_a_deep_tree_is_searched(deep: Path) -> None:
    with space_of(deep) as space:
        hits = search(space, deep, "needle")
    assert hits.matches == 1
    assert hits.data[0]["lines"] == ["1:needle at the bottom"]


@pytest.mark.requirement("FILE-27")
def test_when_the_time_is_up_the_page_says_so_and_goes_on(tmp_path: Path) -> None:
    grow(tmp_path, {f"f{number:04}": b"needle\n" for number in range(1_500)})
    with space_of(tmp_path) as space:
        wanted = Grep("needle", str(tmp_path), mode="files")
        found: list[str] = []
        following: Any = {}
        while following is not None:
            page = GrepPage("files", MUCH, 0, len, MUCH)
            hits = grep(_Short(600), space, wanted, following, page)
            found += hits.data
            following = hits.following
            assert bool(hits.notices) == (following is not None)
        assert [Path(one).name for one in found] == [f"f{number:04}" for number in range(1_500)]
        stopped = _Short(10)
        stopped.stop()
        with pytest.raises(LimitExceeded):
            grep(stopped, space, wanted, {}, GrepPage("files", MUCH, 0, len, MUCH))


class _Short(Deadline):
    """Over after so many looks at it."""

    def __init__(self, looks: int) -> None:
        super().__init__(60)
        self._looks = looks

    @property
    def over(self) -> bool:
        self._looks -= 1
        return self.stopped or self._looks < 0


@pytest.mark.requirement("FILE-22")
@pytest.mark.parametrize("pattern", ["(a+)+$", "(.*a){20}b", "(.?){400}b", "(a|aa)+$"])
def test_no_pattern_outlives_the_time_of_a_call(tmp_path: Path, pattern: str) -> None:
    grow(tmp_path, {"a": b"a" * 300_000 + b"!\n", "b": b"needle\n" * 100_000})
    begun = time.monotonic()
    with space_of(tmp_path) as space:
        page = GrepPage("content", 250, 0, len, MUCH)
        grep(Deadline(0.5), space, Grep(pattern, str(tmp_path)), {}, page)
    assert time.monotonic() - begun < 20
