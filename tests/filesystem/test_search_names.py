"""search_files, directory_tree and disk_usage as functions: whole, in pages, within their room."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from search_world import DEPTH, LAW, MUCH, TREES, deadline, everything, grow, grown, space_of

from mcp_servers_filesystem.globs import glob
from mcp_servers_filesystem.pages import Page
from mcp_servers_filesystem.searching import NOTHING, Search, search_names
from mcp_servers_filesystem.space import Space
from mcp_servers_filesystem.tree import TreeWanted, directory_tree
from mcp_servers_filesystem.usage import usage

PATTERNS = st.sampled_from(["**", "*", "**/*.py", "a/**", "**/a", "!*.py", "{a,b}*", "nothing"])


def cost(text: str) -> int:
    """As both channels take it."""
    return len(text) + len(json.dumps(text, ensure_ascii=False))


def found(space: Space, search: Search, *, limit: int = MUCH, room: int = MUCH, going_on: Any = None) -> Page:
    """One page of names."""
    return search_names(deadline(), space, search, limit, going_on or {}, cost, room)


def whole(space: Space, search: Search, **more: Any) -> list[str]:
    """All pages of names."""
    lines: list[str] = []
    following: Any = None
    while True:
        page = found(space, search, going_on=following, **more)
        assert cost(page.text) <= more.get("room", MUCH) or len(page.text.splitlines()) == 1
        lines += [] if page.text == NOTHING else page.text.split("\n")
        following = page.following
        if not following:
            return lines


@pytest.mark.requirement("FILE-5")
@LAW
@given(TREES, PATTERNS, st.integers(1, 6), st.integers(60, 400))
def test_the_pages_of_a_search_are_the_whole(files: dict[str, bytes], pattern: str, limit: int, room: int) -> None:
    with grown(files) as root, space_of(root) as space:
        wanted = [f"{root}/{path}" for path in everything(root) if glob(pattern).covers(path)]
        search = Search(str(root), pattern)
        assert whole(space, search) == wanted
        assert whole(space, search, limit=limit) == wanted
        assert whole(space, search, room=room) == wanted


def test_excluded_directories_are_not_entered_and_kinds_are_told_apart(tmp_path: Path) -> None:
    grow(tmp_path, dict.fromkeys(["a/x", "b/a/y", "b/x", ".gitignore"], b"") | {".gitignore": b"x\n"})

    def names(**more: Any) -> list[str]:
        with space_of(tmp_path) as space:
            return [line.removeprefix(f"{tmp_path}/") for line in whole(space, Search(str(tmp_path), "**", **more))]

    assert names(exclude=["**/a"]) == [".gitignore", "b", "b/x"]
    assert names(kind="directory") == ["a", "b", "b/a"]
    assert names(kind="file") == [".gitignore", "a/x", "b/a/y", "b/x"]
    assert names(gitignore=True) == [".gitignore", "a", "b", "b/a", "b/a/y"]


@pytest.mark.requirement("FILE-20")
def test_a_link_shows_only_where_its_target_may_be_seen(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    grow(tmp_path, {"inside/a": b"", "outside": b""})
    for name, target in (("in", "a"), ("out", "../outside"), ("loop", "loop"), ("gone", "nowhere"), ("up", ".")):
        (inside / name).symlink_to(target)
    os.mkfifo(inside / "pipe")
    with space_of(inside) as space:
        lines = whole(space, Search(str(inside), "**"))
    assert [line.removeprefix(f"{inside}/") for line in lines] == ["a", "in", "pipe", "up"]


def flat(nodes: list[Any], above: str = "") -> list[str]:
    """The paths of a tree, directories with a slash; those looked into have one more."""
    paths: list[str] = []
    waiting = [(node, above) for node in reversed(nodes)]
    while waiting:
        node, above = waiting.pop()
        path = above + node["name"]
        directory = node["type"] == "directory"
        paths.append(path + "/" * directory + "/" * ("children" in node))
        waiting += [(child, path + "/") for child in reversed(node.get("children", []))]
    return paths


def tree(space: Space, root: Path, *, room: int = MUCH, going_on: Any = None, **more: Any) -> Page:
    """One page of a tree."""
    return directory_tree(deadline(), space, TreeWanted(str(root), **more), going_on or {}, cost, room)


def tree_pages(space: Space, root: Path, **more: Any) -> list[Page]:
    """All pages of a tree."""
    pages = [tree(space, root, **more)]
    while pages[-1].following:
        pages.append(tree(space, root, going_on=pages[-1].following, **more))
    return pages


@pytest.mark.requirement("FILE-5")
@LAW
@given(TREES, st.integers(900, 2_500))
def test_the_pages_of_a_tree_hold_every_entry_once(files: dict[str, bytes], room: int) -> None:
    with grown(files) as root, space_of(root) as space:
        paths = [path + "//" * (root / path).is_dir() for path in everything(root)]
        one = tree(space, root)
        assert flat(json.loads(one.text)) == paths
        assert one.text == json.dumps(json.loads(one.text), indent=2, ensure_ascii=False)
        shown = 0
        seen: list[str] = []
        for page in tree_pages(space, root, room=room):
            assert cost(page.text) <= room
            shown += page.fields["entries"]
            seen += [path for path in flat(json.loads(page.text)) if path.rstrip("/") not in seen]
        assert shown == len(paths)
        assert [path.rstrip("/") for path in dict.fromkeys(one.rstrip("/") for one in seen)] == everything(root)


@pytest.mark.requirement("FILE-5")
@LAW
@given(TREES, st.integers(1, 5))
def test_a_compact_tree_says_the_same(files: dict[str, bytes], most: int) -> None:
    with grown(files) as root, space_of(root) as space:
        lines = tree(space, root, compact=True).text.split("\n")
        assert [line.strip().rstrip("/") for line in lines if line] == [
            path.rpartition("/")[2].strip() for path in everything(root)
        ]
        pages = tree_pages(space, root, compact=True, most=most)
        assert sum(page.fields["entries"] for page in pages) == len(everything(root))
        assert all(page.fields["entries"] <= most for page in pages)


def test_depth_and_what_was_not_looked_into(tmp_path: Path) -> None:
    grow(tmp_path, dict.fromkeys(["a/b/c/d", "a/x", "e/f", "g"], b""))
    (tmp_path / "empty").mkdir()
    with space_of(tmp_path) as space:
        assert flat(json.loads(tree(space, tmp_path, depth=1).text)) == ["a/", "e/", "empty/", "g"]
        deeper = flat(json.loads(tree(space, tmp_path, depth=2).text))
    assert deeper == ["a//", "a/b/", "a/x", "e//", "e/f", "empty//", "g"]


@pytest.mark.parametrize(
    ("exclude", "hidden"),
    [
        ([".env"], {".env"}),
        (["node_modules"], {"node_modules", "node_modules/m", "nested/node_modules", "nested/node_modules/n"}),
        (["*.env"], {".env"}),
        (["src/*"], {"src/index.js"}),
        ([], set[str]()),
    ],
)
def test_what_a_tree_leaves_out(tmp_path: Path, exclude: list[str], hidden: set[str]) -> None:
    files = [".env", ".env.local", "src/index.js", "node_modules/m", "nested/node_modules/n", "package.json"]
    grow(tmp_path, dict.fromkeys(files, b""))
    with space_of(tmp_path) as space:
        shown = [path.rstrip("/") for path in flat(json.loads(tree(space, tmp_path, exclude=exclude).text))]
    assert set(everything(tmp_path)) - set(shown) == hidden


@pytest.mark.requirement("FILE-5", "FILE-20")
def test_a_tree_of_1200_levels_comes_in_pages(deep: Path) -> None:
    with space_of(deep) as space:
        pages = tree_pages(space, deep, room=47_000)
        whole_tree = tree(space, deep)
    assert all(cost(page.text) <= 47_000 for page in pages)
    assert sum(page.fields["entries"] for page in pages) == DEPTH + 1
    assert len(whole_tree.text) > 10_000_000
    assert whole_tree.text.count('"name"') == DEPTH + 1


def test_usage_counts_all_and_names_the_largest(tmp_path: Path) -> None:
    grow(tmp_path, {"a/x": b"1" * 100, "a/b/y": b"1" * 300, "c/z": b"1" * 50, "top": b"1" * 7, ".gitignore": b"c/\n"})
    (tmp_path / "link").symlink_to("a/b/y")
    with space_of(tmp_path) as space:
        label, all_of_it = usage(deadline(), space, str(tmp_path), False)
        _, kept = usage(deadline(), space, str(tmp_path), True)
    assert label == str(tmp_path)
    assert (all_of_it.files, all_of_it.directories) == (6, 3)
    assert all_of_it.size == 100 + 300 + 50 + 7 + 3 + len("a/b/y")
    assert all_of_it.data()["folders"][0] == {"name": "a/", "files": 2, "size": 400}
    assert all_of_it.largest[:2] == [(300, "a/b/y"), (100, "a/x")]
    assert kept.size == all_of_it.size - 50
    assert "300" in all_of_it.text(label)


@LAW
@given(TREES)
def test_usage_agrees_with_the_file_system(files: dict[str, bytes]) -> None:
    with grown(files) as root, space_of(root) as space:
        paths = [root / path for path in everything(root)]
        _, told = usage(deadline(), space, str(root), False)
        assert told.files == sum(path.is_file() for path in paths)
        assert told.directories == sum(path.is_dir() for path in paths)
        assert told.size == sum(path.stat().st_size for path in paths if path.is_file())
        assert sum(share.files for share in told.folders.values()) == told.files
