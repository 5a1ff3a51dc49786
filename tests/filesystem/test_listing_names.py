"""Listings: pages that are the whole, huge directories in the kernel's own order, checksums, settings."""

import ctypes
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from file_sessions import call, code_of, data_of, first, pages, play, settings
from hypothesis import HealthCheck, given
from hypothesis import settings as law
from hypothesis import strategies as st
from mcp import Client

from mcp_servers_filesystem import listing
from mcp_servers_filesystem.deny import TRASH, Deny
from mcp_servers_filesystem.names import parsed
from mcp_servers_filesystem.space import Space
from mcp_servers_shared.guard.paths import Root, Roots


def possible(name: bytes) -> bool:
    return not {47, 0} & set(name) and name not in (b".", b"..", TRASH)


NAMES = st.sets(st.binary(min_size=1, max_size=12).filter(possible), max_size=60)


@pytest.mark.requirement("FILE-5", "FILE-3")
@law(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(names=NAMES, limit=st.integers(1, 70))
def test_pages_together_are_the_directory(
    tmp_path_factory: pytest.TempPathFactory, names: set[bytes], limit: int
) -> None:

    place = tmp_path_factory.mktemp("names")
    for name in names:
        os.close(os.open(os.fsencode(place) + b"/" + name, os.O_CREAT))
    lines = [
        line
        for one in pages(settings(place), "list_directory", path=str(place), limit=limit)
        for line in first(one).split("\n")
    ]
    assert [parsed(line.removeprefix("[FILE] ")) for line in lines if line] == sorted(names)


@pytest.mark.requirement("FILE-5")
def test_pages_of_a_directory_too_large_to_sort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MOST_SORTED", 100)
    for number in range(950):
        (tmp_path / f"name {number}").touch()
    found = pages(settings(tmp_path), "list_directory", path=str(tmp_path), limit=100)
    lines = [line for one in found for line in first(one).split("\n")]
    assert sorted(lines) == sorted(f"[FILE] name {number}" for number in range(950))
    assert "not sorted" in data_of(found[0])["notices"][0]
    sized = pages(settings(tmp_path), "list_directory_with_sizes", path=str(tmp_path), limit=300)
    rows = [line for one in sized for line in first(one).split("\n") if line.startswith("[FILE]")]
    assert len(rows) == len(set(rows)) == 950


def test_a_page_goes_on_after_a_name_that_went(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"{number:02}").touch()
    served = settings(tmp_path)
    cursor = data_of(call(served, "list_directory", path=str(tmp_path), limit=10))["next_cursor"]
    (tmp_path / "09").unlink()
    (tmp_path / "10").unlink()
    assert first(call(served, "list_directory", path=str(tmp_path), limit=10, cursor=cursor)).startswith("[FILE] 11\n")


@pytest.mark.requirement("FILE-7")
def test_sizes_do_not_tell_of_what_is_outside(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "outside").write_text("x" * 12_345)
    (root / "inner").write_text("y" * 77)
    (root / "out").symlink_to("../outside")
    (root / "in").symlink_to("inner")
    text = first(call(settings(root), "list_directory_with_sizes", path=str(root)))
    assert "12" not in text.replace("12_345", "")
    assert [line.split()[-2:] for line in text.split("\n")[:3]] == [["77", "B"], ["77", "B"], ["0", "B"]]
    assert code_of(call(settings(root), "get_file_info", path=str(root / "out"))) == "outside_roots"


@pytest.mark.parametrize("name", ["sha256", "sha512", "sha1", "md5", "blake2b"])
def test_checksums(tmp_path: Path, name: str) -> None:
    (tmp_path / "f").write_bytes(b"content" * 1000)
    text = first(call(settings(tmp_path), "get_file_info", path="f", hash=name))
    assert text.endswith(f"{name}: {hashlib.new(name, b'content' * 1000).hexdigest()}")
    assert code_of(call(settings(tmp_path), "get_file_info", path=str(tmp_path), hash=name)) == "not_regular"


def start(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mcp_servers_filesystem", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, input="", check=False)


def test_starting_with_good_and_bad_roots(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    good, missing, file = str(tmp_path), str(tmp_path / "missing"), str(tmp_path / "file")
    assert start(good).returncode == 0
    for bad in (missing, file):
        done = start(bad, good)
        assert (done.returncode, bad in done.stderr) == (0, True)
        assert start(bad).returncode == 2
    assert "not a directory" in start(file, good).stderr
    assert start(missing, file).returncode == 2
    nothing = start()
    assert nothing.returncode == 2
    assert "mcp-servers-filesystem ~/project" in nothing.stderr
    checked = start(good, "--check")
    assert (checked.returncode, "read-only" in checked.stderr) == (0, True)


@pytest.mark.parametrize(
    "words", [["--allow-writes", "A", "B"], ["A", "--allow-writes", "B"], ["A", "B", "--allow-writes"]]
)
def test_roots_and_flags_in_any_order(tmp_path: Path, words: list[str]) -> None:
    for name in ("A", "B"):
        (tmp_path / name).mkdir()
    done = start("--check", *(str(tmp_path / word) if len(word) == 1 else word for word in words))
    assert (done.returncode, done.stderr.count("read-write")) == (0, 2)


def test_the_compat_profile_lists_the_official_names(tmp_path: Path) -> None:
    async def scene(client: Client) -> set[str]:
        return {tool.name for tool in (await client.list_tools()).tools}

    official = {
        "read_file", "read_text_file", "read_media_file", "read_multiple_files", "write_file", "edit_file",
        "create_directory", "list_directory", "list_directory_with_sizes", "directory_tree", "move_file",
        "search_files", "get_file_info", "list_allowed_directories",
    }  # fmt: skip
    assert play(scene, settings(tmp_path, profile="compat")) == official
    assert play(scene, settings(tmp_path)) > official
    reading = play(scene, settings(tmp_path, writes=False))
    assert not reading & {"write_file", "edit_file", "undo", "list_changes", "delete_path"}


@pytest.mark.requirement("FILE-5")
@pytest.mark.parametrize("by", ["name", "size"])
def test_pages_with_sizes_go_on_after_what_came_and_went(tmp_path: Path, by: str) -> None:
    for number in range(40):
        (tmp_path / f"f{number:02}").write_bytes(b"x" * (number % 3))
    served = settings(tmp_path)
    whole = first(call(served, "list_directory_with_sizes", path=str(tmp_path), sortBy=by)).split("\n")[:40]
    page = call(served, "list_directory_with_sizes", path=str(tmp_path), sortBy=by, limit=10)
    cursor = data_of(page)["next_cursor"]
    gone = [whole[index].split()[1] for index in (2, 9, 12)]
    for name in gone:
        (tmp_path / name).unlink()
    arguments: dict[str, Any] = {"path": str(tmp_path), "sortBy": by, "limit": 100, "cursor": cursor}
    rest = first(call(served, "list_directory_with_sizes", **arguments)).split("\n")[:29]
    assert rest == [line for line in whole[10:] if line.split()[1] not in gone]


@pytest.mark.requirement("FILE-5")
def test_pages_end_in_the_order_in_which_they_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(60):
        (tmp_path / f"{number:03}").touch()
    served = settings(tmp_path)
    for tool in ("list_directory", "list_directory_with_sizes"):
        monkeypatch.setattr(listing, "MOST_SORTED", 100)
        sorted_page = call(served, tool, path=str(tmp_path), limit=20)
        monkeypatch.setattr(listing, "MOST_SORTED", 10)
        unsorted_page = call(served, tool, path=str(tmp_path), limit=20)
        for page in (sorted_page, unsorted_page):
            seen = names_in(first(page))
            for most in (10, 100):
                monkeypatch.setattr(listing, "MOST_SORTED", most)
                cursor = data_of(page)["next_cursor"]
                rest = names_in(first(call(served, tool, path=str(tmp_path), limit=20, cursor=cursor)))
                assert len(rest) == 20
                assert not set(seen) & set(rest)


def names_in(text: str) -> list[str]:
    return [line.split()[1] for line in text.split("\n") if line.startswith("[FILE]")]


def test_a_name_that_costs_more_than_the_budget_is_not_passed_over(tmp_path: Path) -> None:
    os.close(os.open(os.fsencode(tmp_path) + b"/" + b"\xff" * 250, os.O_CREAT))
    (tmp_path / "after").touch()
    served = settings(tmp_path, max_result_chars=2_000)
    page = call(served, "list_directory", path=str(tmp_path))
    assert first(page) == "[FILE] after"
    cursor = data_of(page)["next_cursor"]
    assert code_of(call(served, "list_directory", path=str(tmp_path), cursor=cursor)) == "over_budget"


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="needs Linux and root, to become somebody else"
)
def test_facts_of_what_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "f").touch(0)
    tmp_path.chmod(0o755)
    with Roots([Root(str(tmp_path))]) as roots:
        space = Space(roots, Deny([]))
        child = os.fork()
        if child == 0:
            os.setgroups([])
            os.setgid(65_534)
            os.setuid(65_534)
            # Without this the kernel keeps /proc/self from who changed hands.
            ctypes.CDLL(None).prctl(4, 1)
            try:
                with space.either("f", content=False) as found:
                    os._exit(found.stat.st_mode & 0o777)
            finally:
                os._exit(99)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
