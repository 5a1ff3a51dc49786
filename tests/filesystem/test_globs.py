"""Globs cover what they do in the official server: minimatch with dot, as its own answers in tests/data say."""

import contextlib
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from search_world import LAW

from mcp_servers_filesystem import globs, patterns
from mcp_servers_filesystem.braces import expanded
from mcp_servers_filesystem.globs import Glob, glob
from mcp_servers_shared.errors import InvalidInput, LimitExceeded

ANSWERS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data" / "minimatch.json").read_text("utf-8"))
PATHS: list[str] = ANSWERS["paths"]
COVERS: dict[str, list[int]] = ANSWERS["covers"]
PIECES = ["a", "b", "*", "?", "**", "/", "[ab]", "[!a]", "{a,b}", "+(a|b)", "!(a)", ".", "é", "\\", "x"]


def differing(covers: Any) -> list[tuple[str, str]]:
    """Patterns and paths where `covers` and minimatch do not agree."""
    wrong: list[tuple[str, str]] = []
    for pattern, places in COVERS.items():
        wanted = {PATHS[place] for place in places}
        wrong += [(pattern, path) for path in PATHS if bool(covers(pattern, path)) != (path in wanted)]
    return wrong


@pytest.mark.requirement("FILE-23")
def test_every_answer_of_minimatch() -> None:
    assert len(COVERS) > 800
    assert not differing(lambda pattern, path: glob(pattern).covers(path))


@pytest.mark.requirement("FILE-23")
def test_the_names_of_a_directory_at_once_get_the_same_answers() -> None:
    folders: dict[str, list[str]] = {}
    for path in PATHS:
        above, slash, name = path.rpartition("/")
        folders.setdefault(above + slash, []).append(name)
    for pattern, places in COVERS.items():
        wanted = {PATHS[place] for place in places}
        for prefix, names in folders.items():
            covered = set(glob(pattern).among(prefix, names))
            assert covered == {name for name in names if prefix + name in wanted}, (pattern, prefix)


def test_where_re2_is_missing_the_answers_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "engine", lambda: None)
    patterns.expression.cache_clear()
    globs.glob.cache_clear()
    try:
        assert not differing(lambda pattern, path: glob(pattern).covers(path))
        assert set(glob("src/*.py").among("src/", ["é.py", "世.py", "b", "c.py"])) == {"é.py", "世.py", "c.py"}
    finally:
        patterns.expression.cache_clear()
        globs.glob.cache_clear()


@LAW
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=7).map("".join), st.lists(st.sampled_from(PATHS)))
def test_one_by_one_and_at_once_agree(pattern: str, paths: list[str]) -> None:
    names = sorted({path for path in paths if "/" not in path})
    one = glob(pattern)
    assert sorted(one.among("a/", names)) == [name for name in names if one.covers(f"a/{name}")]


def test_names_that_are_not_utf8_are_covered_by_wildcards() -> None:
    odd = os.fsdecode(b"bad_\xff\xfe.txt")
    assert list(glob("*.txt").among("", ["a.txt", odd, "b"])) == ["a.txt", odd]
    assert glob("**/bad_*").covers(f"x/{odd}")
    assert not glob("bad_?.txt").covers(os.fsdecode(b"bad_\xff\xfe\xfd\xfc.txt"))


BOMBS = [
    "{1..9999999}",
    "{a,b}" * 60,
    "{" * 400,
    "{a," * 300 + "}" * 300,
    "{{{{{{a,b},c},d},e},f},g}" * 20,
    "x" * 1_001,
    "é" * 501,
    "\0",
    "\ud800",
    "!(a)!(b)!(c)!(d)!(e)!(f)",
]


@pytest.mark.requirement("FILE-22")
@pytest.mark.parametrize("pattern", BOMBS, ids=range(len(BOMBS)))
def test_a_bomb_is_refused_or_harmless(pattern: str) -> None:
    begun = time.process_time()
    with contextlib.suppress(InvalidInput):
        glob(pattern).covers("a" * 200)
    assert time.process_time() - begun < 5


@pytest.mark.requirement("FILE-22")
@pytest.mark.parametrize(
    "pattern",
    [
        "*a" * 300,
        "+(+(+(a)))b",
        "+(a|aa|aaa)" * 40 + "b",
        "**/" * 300 + "b",
        "!(+(a|aa)*(a)+(a))b",
        "?" * 300 + "*" * 90,
    ],
)
def test_a_pattern_cannot_make_a_search_hang(pattern: str) -> None:
    begun = time.process_time()
    with contextlib.suppress(LimitExceeded, InvalidInput):
        glob(pattern).among("", ["a" * 250 + "c", "a" * 250])
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    ("pattern", "means"),
    [
        ("a{1..3}", ["a1", "a2", "a3"]),
        ("{01..3}", ["01", "02", "03"]),
        ("{c..a}", ["c", "b", "a"]),
        ("{0..10..5}", ["0", "5", "10"]),
        ("{a,b{c,d}}", ["a", "bc", "bd"]),
        ("{a}", ["{a}"]),
        ("${a,b}", ["${a,b}"]),
        ("a{b,}", ["ab", "a"]),
        ("\\{a,b}", ["{a,b}"]),
        ("{a,a}", ["a"]),
    ],
)
def test_braces(pattern: str, means: list[str]) -> None:
    assert expanded(pattern) == means


def test_a_glob_is_made_once() -> None:
    assert isinstance(glob("**/*.rs"), Glob)
    assert glob("**/*.rs") is glob("**/*.rs")
