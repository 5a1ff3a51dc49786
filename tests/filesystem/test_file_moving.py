"""Moves, copies and deletions: what they carry, what they refuse, and that nothing is lost by accident."""

import os
import subprocess
from pathlib import Path

import pytest
from file_sessions import NO, YES, Era, both_eras, call, code_of, data_of, first, play, settings, text_of
from file_world import filled, tree
from mcp import Client


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "root"
    path.mkdir()
    filled(path)
    return path


@pytest.mark.requirement("FILE-43")
def test_a_move_never_overwrites_unless_told_so(root: Path) -> None:
    source, target = str(root / "a.txt"), str(root / "b.txt")
    before = tree(root)

    async def scene(client: Client) -> None:
        refused = await client.call_tool("move_file", {"source": source, "destination": target})
        assert code_of(refused) == "already_exists"
        assert "Destination already exists" in text_of(refused)
        assert tree(root) == before
        done = await client.call_tool("move_file", {"source": source, "destination": target, "overwrite": True})
        assert first(done) == f"Successfully moved {source} to {target}"
        assert (root / "b.txt").read_text() == "one\ntwo\n"
        assert (root / "d" / "e.txt").read_text() == "only one here\n"
        await client.call_tool("undo", {})
        assert tree(root) == before

    play(scene, settings(root))


@pytest.mark.requirement("FILE-43")
@pytest.mark.parametrize(
    ("source", "destination", "code"),
    [
        ("d", "d/f/d", "into_itself"),
        ("d/e.txt", "d", "already_exists"),
        ("missing", "x", "not_found"),
        ("a.txt", "missing/x", "not_found"),
        (".", "x", "root_itself"),
        ("a.txt", ".", "root_itself"),
        ("a.txt", "../out.txt", "outside_roots"),
        ("a.txt", ".env", "denied"),
        ("a.txt", ".mcp-trash/x", "denied"),
        ("secret", "open", "denied"),
    ],
)
def test_moves_that_are_refused(root: Path, source: str, destination: str, code: str) -> None:
    (root / "secret" / ".aws").mkdir(parents=True)
    (root / "secret" / ".aws" / "credentials").write_text("key")
    before = tree(root)
    given = {"source": f"{root}/{source}", "destination": f"{root}/{destination}"}
    if source == "secret":
        # In place it is closed by its path; moved there, its path would be another.
        given = {"source": f"{root}/secret/.aws", "destination": f"{root}/open"}
    found = code_of(call(settings(root), "move_file", **given))
    assert found == code or (found, code) == ("into_itself", "already_exists")
    assert tree(root) == before


def test_a_link_is_moved_copied_and_deleted_itself(root: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("untouched")
    (root / "out").symlink_to(tmp_path / "outside")

    async def scene(client: Client) -> None:
        await client.call_tool("move_file", {"source": str(root / "out"), "destination": str(root / "moved")})
        assert (root / "moved").is_symlink()
        await client.call_tool("delete_path", {"path": str(root / "moved")})
        assert not (root / "moved").is_symlink()
        await client.call_tool("undo", {})
        assert os.readlink(root / "moved") == str(tmp_path / "outside")

    play(scene, settings(root))
    assert (tmp_path / "outside").read_text() == "untouched"


@pytest.mark.requirement("FILE-44")
def test_a_copy_is_whole_and_leaves_closed_files_out(root: Path) -> None:
    (root / "d" / ".env").write_text("secret")
    (root / "d" / "link").symlink_to("e.txt")
    os.mkfifo(root / "d" / "fifo")

    async def scene(client: Client) -> None:
        done = await client.call_tool("copy_path", {"source": str(root / "d"), "destination": str(root / "d2")})
        assert first(done) == f"Successfully copied {root / 'd'} to {root / 'd2'}"
        left_out = {".env", "fifo"}
        wanted = {name: held for name, held in tree(root / "d").items() if name not in left_out}
        assert tree(root / "d2") == wanted
        assert all(name in text_of(done) for name in left_out)
        again = await client.call_tool("copy_path", {"source": str(root / "d"), "destination": str(root / "d2")})
        assert code_of(again) == "already_exists"
        inside = await client.call_tool("copy_path", {"source": str(root / "d"), "destination": str(root / "d/x")})
        assert code_of(inside) == "into_itself"
        (root / "d2" / "f" / "more.txt").write_text("mine")
        assert code_of(await client.call_tool("undo", {})) == "stale"
        (root / "d2" / "f" / "more.txt").unlink()

    play(scene, settings(root))


@pytest.mark.requirement("FILE-45")
def test_deleted_things_wait_in_the_trash(root: Path) -> None:
    before = tree(root)

    async def scene(client: Client) -> None:
        full = await client.call_tool("delete_path", {"path": str(root / "d")})
        assert code_of(full) == "not_empty"
        done = await client.call_tool("delete_path", {"path": str(root / "d"), "recursive": True})
        assert not (root / "d").exists()
        assert (root / ".mcp-trash" / ".gitignore").read_text() == "*\n"
        listed = first(await client.call_tool("list_directory", {"path": str(root)}))
        assert ".mcp-trash" not in listed
        (root / "d").write_text("somebody else's")
        refused = await client.call_tool("undo", {"change_id": data_of(done)["change_id"]})
        assert code_of(refused) in ("stale", "already_exists")
        (root / "d").unlink()
        await client.call_tool("undo", {"change_id": data_of(done)["change_id"]})
        assert tree(root) == before

    play(scene, settings(root))


@pytest.mark.requirement("FILE-45")
@pytest.mark.parametrize("path", [".", "", "/", ".mcp-trash", "../other"])
def test_what_is_never_deleted(root: Path, path: str) -> None:
    (root.parent / "other").write_text("untouched")
    given = path if path == "/" else f"{root}/{path}"
    result = call(settings(root), "delete_path", path=given, recursive=True)
    assert code_of(result) in ("root_itself", "denied", "outside_roots")
    assert (root / "a.txt").exists()
    assert (root.parent / "other").exists()


@pytest.mark.requirement("FILE-46")
@both_eras
def test_for_good_only_after_a_yes(root: Path, era: Era) -> None:
    asked: list[str] = []

    async def scene(client: Client) -> None:
        done = await client.call_tool("delete_path", {"path": str(root / "d"), "recursive": True, "permanent": True})
        assert not done.is_error, text_of(done)

    def yes(question: str):
        asked.append(question)
        assert (root / "d").exists()
        return YES

    play(scene, settings(root), era=era, answerer=yes)
    assert not (root / "d").exists()
    assert not (root / ".mcp-trash").exists()
    assert "2 files, 2 directories" in asked[0]


@pytest.mark.requirement("FILE-46")
@both_eras
def test_a_no_deletes_nothing(root: Path, era: Era) -> None:
    async def scene(client: Client) -> None:
        done = await client.call_tool("delete_path", {"path": str(root / "a.txt"), "permanent": True})
        assert code_of(done) == "not_confirmed"

    play(scene, settings(root), era=era, answerer=lambda _: NO)
    assert (root / "a.txt").exists()


@pytest.mark.requirement("FILE-46")
def test_a_confirm_id_opens_what_was_shown_and_no_more(root: Path) -> None:
    arguments = {"path": str(root / "d"), "recursive": True, "permanent": True}

    async def scene(client: Client) -> None:
        shown = data_of(await client.call_tool("delete_path", arguments))
        assert shown["applied"] is False
        (root / "d" / "new.txt").write_text("came later")
        changed = await client.call_tool("delete_path", {**arguments, "confirm_id": shown["confirm_id"]})
        assert code_of(changed) == "stale_confirm_id"
        assert (root / "d").exists()
        shown = data_of(await client.call_tool("delete_path", arguments))
        done = await client.call_tool("delete_path", {**arguments, "confirm_id": shown["confirm_id"]})
        assert not done.is_error
        assert not (root / "d").exists()

    play(scene, settings(root))


@pytest.mark.requirement("FILE-46")
def test_what_changes_while_the_person_thinks_is_not_lost(root: Path) -> None:
    def yes_but_late(_: str):
        (root / "d" / "new.txt").write_text("came later")
        return YES

    async def scene(client: Client) -> None:
        done = await client.call_tool("delete_path", {"path": str(root / "d"), "recursive": True, "permanent": True})
        assert code_of(done) in ("stale", "stale_confirm_id")

    for era in ("auto", "legacy"):
        play(scene, settings(root), era=era, answerer=yes_but_late)
        assert (root / "d" / "new.txt").exists()
        (root / "d" / "new.txt").unlink()


@pytest.mark.requirement("FILE-46")
@both_eras
def test_what_the_journal_cannot_hold_is_asked_for(root: Path, era: Era) -> None:
    path = root / "large.txt"
    path.write_text("old\n" * 500_000)
    asked: list[str] = []

    async def scene(client: Client) -> None:
        done = await client.call_tool("write_file", {"path": str(path), "content": "new"})
        assert not done.is_error, text_of(done)

    def yes(question: str):
        asked.append(question)
        assert path.stat().st_size == 2_000_000
        return YES

    play(scene, settings(root, journal_mb=1), era=era, answerer=yes)
    assert path.read_text() == "new"
    assert "journal" in asked[0]

    async def again(client: Client) -> None:
        assert code_of(await client.call_tool("undo", {})) == "no_image"

    play(again, settings(root, journal_mb=1))
    assert path.read_text() == "new"


def test_deep_trees_are_deleted_too(root: Path) -> None:
    descriptor = os.open(root, os.O_RDONLY)
    for _ in range(1_200):
        os.mkdir("deep", dir_fd=descriptor)
        deeper = os.open("deep", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = deeper
    os.close(descriptor)
    arguments = {"path": str(root / "deep"), "recursive": True, "permanent": True}

    async def scene(client: Client) -> None:
        shown = data_of(await client.call_tool("delete_path", arguments))
        done = await client.call_tool("delete_path", {**arguments, "confirm_id": shown["confirm_id"]})
        assert not done.is_error, text_of(done)
        assert not (root / "deep").exists()

    try:
        play(scene, settings(root))
    finally:
        subprocess.run(["rm", "-rf", str(root / "deep")], check=False)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root to mount a tmpfs")
@pytest.mark.requirement("FILE-43")
def test_across_file_systems(root: Path) -> None:
    other = root / "other"
    other.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(other)], capture_output=True, check=False).returncode != 0:
        pytest.skip("no tmpfs can be mounted here")
    try:
        before = tree(root)

        async def scene(client: Client) -> None:
            for source, target in (("d", "other/d"), ("a.txt", "other/a.txt")):
                wanted = tree(root / source) if source == "d" else (root / source).read_bytes()
                arguments = {"source": f"{root}/{source}", "destination": f"{root}/{target}"}
                done = await client.call_tool("move_file", arguments)
                assert not done.is_error, text_of(done)
                assert not (root / source).exists()
                assert (tree(root / target) if source == "d" else (root / target).read_bytes()) == wanted
            from_there = await client.call_tool("delete_path", {"path": f"{root}/other/a.txt"})
            assert not from_there.is_error, text_of(from_there)
            assert (other / ".mcp-trash").exists()
            for _ in range(3):
                done = await client.call_tool("undo", {})
                assert not done.is_error, text_of(done)
            assert tree(root) == before

        play(scene, settings(root))
    finally:
        subprocess.run(["umount", "-l", str(other)], check=True)
