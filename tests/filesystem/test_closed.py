"""Deny rules and searches: what is closed one by one is closed for a directory at once."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from search_world import LAW, TREES, grow, grown, space_of
from test_grepping import lines, search

from mcp_servers_filesystem.closed import Closed
from mcp_servers_filesystem.deny import SECRETS, Deny
from mcp_servers_filesystem.directories import Folder
from mcp_servers_shared.errors import PathRefused


@pytest.mark.requirement("FILE-9")
def test_closed_files_are_not_searched(tmp_path: Path) -> None:
    closed = [".env", ".ENV", "d/.env.local", "key.PEM", ".ssh/config", "x/.SSH/deep/id", "id_rsa", ".aws/credentials"]
    grow(tmp_path, dict.fromkeys([*closed, "a", ".env.example", "d/b"], b"needle"))
    with space_of(tmp_path, secrets=True) as space:
        hits = search(space, tmp_path, "needle", mode="files", gitignore=False)
        assert [one.removeprefix(f"{tmp_path}/") for one in hits.data] == [".env.example", "a", "d/b"]
        below = search(space, tmp_path / "x", "needle", mode="files", gitignore=False)
        assert below.data == []
        with pytest.raises(PathRefused):
            search(space, tmp_path / ".env", "needle")
    assert lines(tmp_path, "needle", "d/", "a", mode="files", gitignore=False)[-1] == "x/.SSH/deep/id"


CLOSING = [
    *SECRETS,
    "a",
    "src/",
    "!a.py",
    "/b",
    "x y",
    "É",
    "build",
    "a*/**",
    "**/ab/**",
    "src/*",
    "*",
    "!*.py",
    "[a-b]",
]


@pytest.mark.requirement("FILE-9")
@LAW
@given(TREES, st.lists(st.sampled_from(CLOSING), max_size=5))
def test_a_directory_at_once_closes_what_the_rules_close_one_by_one(
    files: dict[str, bytes], patterns: list[str]
) -> None:
    with grown(files) as root:
        deny = Deny(patterns, secrets=False)
        for base in ("", "a", "src"):
            closed = Closed(deny, tuple(os.fsencode(base).split(b"/")) if base else ())
            if (root / base).is_dir():
                _agree(closed, deny, root, base, "")


def _agree(closed: Closed, deny: Deny, root: Path, base: str, path: str) -> None:
    names = sorted(os.listdir(root / base / path))
    folder = Folder(path, "", -1, 0)
    folder.names = names
    folder.folders = {name for name in names if (root / base / path / name).is_dir()}
    above = f"{base}/" if base else ""
    wanted = [name for name in names if not deny.reading(tuple(os.fsencode(f"{above}{path}{name}").split(b"/")))]
    assert list(closed.open_ones(folder, names)) == wanted
    for name in folder.folders:
        _agree(closed, deny, root, base, f"{path}{name}/")
