"""The one door: roots and their modes, deny rules, links, names that look alike."""

import os
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from file_sessions import call, code_of, data_of, first, play, settings, text_of
from mcp import Client


@pytest.fixture
def root(tmp_path: Path) -> Path:
    place = tmp_path / "root"
    (place / "sub" / ".ssh").mkdir(parents=True)
    for name in ("a.txt", ".env", "sub/.ENV", "sub/key.PEM", "sub/.ssh/config", "sub/.env.example", "sub/b.txt"):
        (place / name).write_text("content of " + name)
    (place / "to_env").symlink_to(".env")
    (place / "to_ssh").symlink_to("sub/.ssh")
    (place / "hard").hardlink_to(place / "a.txt")
    return place


@pytest.mark.requirement("FILE-9")
@pytest.mark.parametrize(
    "name", [".env", "sub/.ENV", "sub/key.PEM", "sub/.ssh/config", "to_env", "to_ssh/config", "sub/../.env"]
)
@pytest.mark.parametrize(
    ("tool", "more"),
    [
        ("read_text_file", {}),
        ("read_media_file", {}),
        ("get_file_info", {"hash": "sha256"}),
        ("write_file", {"content": "x"}),
        ("write_file", {"content": "x", "mode": "append"}),
        ("edit_file", {"edits": [{"oldText": "content", "newText": "x"}]}),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_closed_files_are_closed_to_every_tool(root: Path, tool: str, more: dict[str, Any], name: str) -> None:
    before = (root / name).read_bytes()
    result = call(settings(root), tool, path=str(root / name), **more)
    assert code_of(result) == "denied"
    assert "content of" not in text_of(result)
    assert (root / name).read_bytes() == before


@pytest.mark.requirement("FILE-9")
def test_closed_files_are_neither_moved_nor_copied_nor_found(root: Path) -> None:
    served = settings(root)
    assert code_of(call(served, "delete_path", path=str(root / "sub" / "key.PEM"))) == "denied"
    for tool in ("move_file", "copy_path"):
        assert code_of(call(served, tool, source=str(root / ".env"), destination=str(root / "open.txt"))) == "denied"
        assert code_of(call(served, tool, source=str(root / "a.txt"), destination=str(root / "x.pem"))) == "denied"
    found = call(served, "grep_files", path=str(root), pattern="content of", respectGitignore=False)
    paths = {Path(one["path"]).name for one in data_of(found)["results"]}
    assert paths == {"a.txt", "hard", ".env.example", "b.txt"}
    # to_env and to_ssh are links, which no search follows.
    assert data_of(found)["notices"] == ["Not searched, closed by a deny pattern: 4 files."]
    several = first(call(served, "read_multiple_files", paths=[str(root / ".env"), str(root / "a.txt")]))
    assert "Error - [denied]" in several
    assert "content of .env" not in several


@pytest.mark.requirement("FILE-9")
def test_names_of_closed_files_are_listed_and_the_switches_work(root: Path) -> None:
    assert "[FILE] .env" in first(call(settings(root), "list_directory", path=str(root)))
    opened = settings(root, allow_secrets=True)
    assert first(call(opened, "read_text_file", path=str(root / ".env"))) == "content of .env"
    more = settings(root, deny=["*.txt", "!a.txt"])
    assert code_of(call(more, "read_text_file", path=str(root / "sub/b.txt"))) == "denied"
    assert first(call(more, "read_text_file", path=str(root / "a.txt"))) == "content of a.txt"


@pytest.mark.requirement("FILE-9")
@pytest.mark.parametrize("name", [".git/config", ".git/hooks/pre-commit", "sub/.GIT/hooks/x"])
def test_what_would_run_later_is_not_written(root: Path, name: str) -> None:
    (root / name).parent.mkdir(parents=True)
    (root / name).write_text("as it was")
    assert code_of(call(settings(root), "write_file", path=str(root / name), content="x")) == "denied"
    assert first(call(settings(root), "read_text_file", path=str(root / name))) == "as it was"


@pytest.mark.requirement("FILE-9")
def test_a_move_does_not_carry_closed_files_into_the_open(root: Path) -> None:
    (root / "app").mkdir()
    (root / "app" / "secret.txt").write_text("content")
    served = settings(root, deny=["/app/secret.txt"])
    assert code_of(call(served, "move_file", source=str(root / "app"), destination=str(root / "free"))) == "denied"
    assert (root / "app" / "secret.txt").exists()


@pytest.mark.requirement("FILE-8")
def test_hard_links_can_be_refused(root: Path) -> None:
    assert first(call(settings(root), "read_text_file", path=str(root / "hard"))) == "content of a.txt"
    strict = settings(root, max_nlink=1)
    assert code_of(call(strict, "read_text_file", path=str(root / "hard"))) == "too_many_links"
    assert first(call(strict, "read_text_file", path=str(root / "sub/b.txt"))) == "content of sub/b.txt"


@pytest.mark.requirement("FILE-10")
def test_modes_of_roots(tmp_path: Path) -> None:
    for name in ("rw", "ro"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "f").write_text("1")
    served = settings(tmp_path / "rw", f"ro={tmp_path / 'ro'}")
    assert first(call(served, "read_text_file", path=str(tmp_path / "ro" / "f"))) == "1"
    assert code_of(call(served, "write_file", path=str(tmp_path / "ro" / "f"), content="x")) == "read_only_root"
    for tool in ("move_file", "copy_path"):
        arguments: dict[str, Any] = {"source": str(tmp_path / "rw" / "f"), "destination": str(tmp_path / "ro" / "new")}
        assert code_of(call(served, tool, **arguments)) == "read_only_root"
    assert code_of(call(served, "delete_path", path=str(tmp_path / "ro" / "f"))) == "read_only_root"
    assert not call(served, "write_file", path=str(tmp_path / "rw" / "f"), content="x").is_error
    closed = settings(tmp_path / "rw", writes=False)
    assert code_of(call(closed, "write_file", path="f", content="x")) == "writes_disabled"


@pytest.mark.requirement("FILE-10")
def test_a_link_into_a_read_only_root_is_not_written_through(tmp_path: Path) -> None:
    for name in ("rw", "ro"):
        (tmp_path / name).mkdir()
    (tmp_path / "ro" / "f").write_text("as it was")
    (tmp_path / "rw" / "link").symlink_to(tmp_path / "ro" / "f")
    served = settings(tmp_path / "rw", f"ro={tmp_path / 'ro'}")
    assert first(call(served, "read_text_file", path=str(tmp_path / "rw" / "link"))) == "as it was"
    assert code_of(call(served, "write_file", path=str(tmp_path / "rw" / "link"), content="x")) == "read_only_root"
    assert (tmp_path / "ro" / "f").read_text() == "as it was"


def test_relative_paths_find_the_root_that_has_them(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text(name)
    served = settings(tmp_path / "one", tmp_path / "two")
    assert first(call(served, "read_text_file", path="two")) == "two"
    assert first(call(served, "read_text_file", path="one")) == "one"
    call(served, "write_file", path="new", content="x")
    assert (tmp_path / "one" / "new").exists()


@pytest.mark.requirement("FILE-6")
@pytest.mark.parametrize("stored", ["NFC", "NFD"])
def test_names_that_look_alike_are_one(tmp_path: Path, stored: str) -> None:
    name = unicodedata.normalize(stored, "café.txt")  # type: ignore[arg-type]
    other = unicodedata.normalize("NFD" if stored == "NFC" else "NFC", "café.txt")
    (tmp_path / name).write_text("here")
    assert first(call(settings(tmp_path), "read_text_file", path=str(tmp_path / other))) == "here"
    call(settings(tmp_path), "write_file", path=str(tmp_path / other), content="written")
    assert [one for one in os.listdir(tmp_path) if one.startswith("caf")] == [name]
    assert (tmp_path / name).read_text() == "written"


@pytest.mark.requirement("FILE-6")
def test_two_that_look_alike_are_told_apart_or_refused(tmp_path: Path) -> None:
    first_name, second = "\u212b.txt", "A\u030a.txt"
    (tmp_path / first_name).write_text("angstrom sign")
    (tmp_path / second).write_text("A with ring")
    served = settings(tmp_path)
    assert first(call(served, "read_text_file", path=str(tmp_path / second))) == "A with ring"
    assert code_of(call(served, "read_text_file", path=str(tmp_path / "\u00c5.txt"))) == "ambiguous_name"


@pytest.mark.requirement("FILE-1")
def test_a_root_that_is_renamed_stays_the_one_served(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "f").write_text("pinned")

    async def scene(client: Client) -> None:
        await client.call_tool("list_directory", {"path": str(root)})
        root.rename(tmp_path / "elsewhere")
        root.mkdir()
        (root / "f").write_text("another")
        result = await client.call_tool("read_text_file", {"path": str(root / "f")})
        assert first(result) == "pinned"
        listed = data_of(await client.call_tool("list_allowed_directories", {}))
        assert listed["roots"][0]["moved"] is True
        assert listed["notices"]

    play(scene, settings(root))


def test_the_trash_is_nobodys(root: Path) -> None:
    served = settings(root)
    call(served, "delete_path", path=str(root / "a.txt"))
    assert ".mcp-trash" not in first(call(served, "list_directory", path=str(root)))
    for tool in ("list_directory", "directory_tree", "read_text_file", "get_file_info"):
        assert code_of(call(served, tool, path=str(root / ".mcp-trash"))) == "denied"
    assert code_of(call(served, "delete_path", path=str(root / ".mcp-trash"), recursive=True)) == "denied"
