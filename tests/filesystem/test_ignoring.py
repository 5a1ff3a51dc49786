"""What .gitignore files leave out is what git leaves out."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from search_world import LAW, PATHS, deadline, everything, grow, grown, space_of

from mcp_servers_filesystem.above import rules_above
from mcp_servers_filesystem.ignore_lines import rule_of, rules_of
from mcp_servers_filesystem.walking import Walk

PIECES = [
    "a",
    "b",
    "*",
    "?",
    "**",
    "/",
    "/",
    "[ab]",
    "[!a]",
    "[a-z]",
    "!",
    "\\",
    ".py",
    "*.py",
    "src",
    "build",
    " ",
    "#",
    "é",
    "[[:alpha:]]",
    "[",
    "]",
    "keep.log",
    "node_modules",
]
LINES = st.lists(st.sampled_from(PIECES), min_size=1, max_size=5).map("".join)
FILES = st.lists(PATHS, min_size=1, max_size=12)
QUIET = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}


def git(root: Path, *words: str, text: bytes = b"") -> bytes:
    run = subprocess.run(["git", *words], cwd=root, input=text, capture_output=True, env=QUIET, check=False)
    assert run.returncode in (0, 1), run.stderr
    return run.stdout


def kept(root: Path, below: str = "") -> list[str]:
    """What a walk that respects the rules comes to."""
    with space_of(root) as space, space.directory(str(root / below)) as base:
        walk = Walk(deadline(), base.fd, gitignore=True, above=rules_above(space, base))
        return [step.path for step in walk if step.name != ".gitignore"]


def kept_by_git(root: Path) -> list[str]:
    """What git would not leave out: neither a path nor a directory above it."""
    paths = [path for path in everything(root) if path.split("/")[0] != ".git"]
    asked = b"".join(os.fsencode(path) + b"\0" for path in paths)
    ignored = {
        os.fsdecode(one) for one in git(root, "check-ignore", "-z", "--stdin", "--no-index", text=asked).split(b"\0")
    }
    return [path for path in paths if path not in ignored and not path.endswith(".gitignore")]


@pytest.mark.requirement("FILE-24")
@settings(max_examples=120, deadline=None)
@given(FILES, st.lists(LINES, min_size=1, max_size=5), st.lists(LINES, max_size=3))
def test_the_same_as_git(paths: list[str], lines: list[str], nested: list[str]) -> None:
    files = dict.fromkeys(paths, b"")
    with grown(files) as root:
        git(root, "init", "-q")
        (root / ".gitignore").write_text("\n".join(lines) + "\n", encoding="utf-8")
        folders = [path for path in everything(root) if (root / path).is_dir() and not path.startswith(".git")]
        for folder in folders[:1]:
            (root / folder / ".gitignore").write_text("\n".join(nested) + "\n", encoding="utf-8")
        assert kept(root) == kept_by_git(root)


HARD = [
    ("foo\r\nbar", ["foo"], []),
    ("foo  \nbar\\ ", ["foo", "bar "], []),
    ("\\#x\n\\!y\n#z", ["#x", "!y", "#z"], ["#z"]),
    ("*\n!keep", ["keep", "x"], ["keep"]),
    ("/a", ["a", "b/a"], ["b", "b/a"]),
    ("a/**", ["a/b"], ["a"]),
    ("a/**/b", ["a/b", "a/x/b", "a/x/y"], ["a", "a/x", "a/x/y"]),
    ("**/b/", ["x/b/c"], ["x"]),
    ("\ufeffa", ["a"], []),
    ("a\\", ["a", "a\\"], ["a", "a\\"]),
    ("[a", ["[a", "a"], ["[a", "a"]),
    ("[[:digit:]]*", ["1x", "a"], ["a"]),
    ("build/\n!build/keep", ["build/keep"], []),
    ("a?", ["é", "ab"], ["é"]),
]


@pytest.mark.requirement("FILE-24")
@pytest.mark.parametrize(("lines", "paths", "wanted"), HARD, ids=range(len(HARD)))
def test_the_fine_print(tmp_path: Path, lines: str, paths: list[str], wanted: list[str]) -> None:
    grow(tmp_path, dict.fromkeys(paths, b""))
    git(tmp_path, "init", "-q")
    (tmp_path / ".gitignore").write_bytes(lines.encode())
    assert kept(tmp_path) == sorted(wanted)
    assert kept_by_git(tmp_path) == sorted(wanted)


@pytest.mark.requirement("FILE-24")
def test_rules_above_the_search_hold_and_end_at_a_repository(tmp_path: Path) -> None:
    grow(
        tmp_path,
        {".gitignore": b"*.log\n/src/gen/\n", "src/gen/x": b"", "src/a.log": b"", "src/b": b"", "own/c.log": b""},
    )
    assert kept(tmp_path, "src") == ["b"]
    (tmp_path / "own" / ".git").mkdir()
    assert kept(tmp_path, "own") == ["c.log"]
    assert kept(tmp_path) == ["own", "own/c.log", "src", "src/b"]


@pytest.mark.requirement("FILE-24")
def test_the_exclude_file_of_a_repository(tmp_path: Path) -> None:
    grow(
        tmp_path,
        {
            ".git/info/exclude": b"*.tmp\n",
            ".gitignore": b"!keep.tmp\n",
            "a.tmp": b"",
            "keep.tmp": b"",
            "s/b.tmp": b"",
            "s/c": b"",
        },
    )
    assert kept(tmp_path) == ["keep.tmp", "s", "s/c"]
    assert kept(tmp_path, "s") == ["c"]


@pytest.mark.requirement("FILE-20")
def test_a_link_or_pipe_is_no_ignore_file(tmp_path: Path) -> None:
    grow(tmp_path, {"a": b"", "rules": b"*\n", "sub/b": b""})
    (tmp_path / ".gitignore").symlink_to("rules")
    os.mkfifo(tmp_path / "sub" / ".gitignore")
    assert kept(tmp_path) == ["a", "rules", "sub", "sub/b"]


@pytest.mark.requirement("FILE-22")
def test_an_ignore_file_cannot_make_a_walk_hang(tmp_path: Path) -> None:
    grow(tmp_path, {"a" * 250: b"", "b": b""})
    (tmp_path / ".gitignore").write_text(
        "*a" * 200 + "b\n" + "x" * 2_000 + "\n" + "[a-z]" * 190 + "\n" + "*\n!*\n" * 2_000
    )
    assert len(kept(tmp_path)) == 2


@LAW
@given(st.binary(max_size=40))
def test_any_line_is_a_rule_or_none(line: bytes) -> None:
    rule_of(line)
    rules_of(line)
