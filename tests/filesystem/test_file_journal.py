"""list_changes and undo through a client: what they show, to whom, and what they refuse."""

import shutil
from pathlib import Path

import pytest
from file_sessions import call, code_of, data_of, first, pages, play, settings, text_of
from mcp import Client


async def written(client: Client, path: Path, content: str = "") -> str:
    done = await client.call_tool("write_file", {"path": str(path), "content": content})
    return str(data_of(done)["change_id"])


@pytest.mark.requirement("FILE-48")
def test_changes_are_listed_the_latest_first_with_what_became_of_them(tmp_path: Path) -> None:
    async def scene(client: Client) -> None:
        assert first(await client.call_tool("list_changes", {})) == "No changes"
        one = await written(client, tmp_path / "one.txt")
        two = await written(client, tmp_path / "two.txt")
        await client.call_tool("undo", {"change_id": one})
        lines = first(await client.call_tool("list_changes", {})).splitlines()
        assert [line.split(" ")[0] for line in lines][1:] == [two, one]
        assert f"undo of {one}" in lines[0]
        assert lines[2].endswith("one.txt (undone)")
        only = first(await client.call_tool("list_changes", {"path": str(tmp_path / "two.txt")}))
        assert only.split(" ")[0] == two
        assert "\n" not in only

    play(scene, settings(tmp_path))


def test_pages_are_the_whole_list(tmp_path: Path) -> None:
    async def scene(client: Client) -> None:
        for number in range(12):
            await written(client, tmp_path / f"{number}.txt")

    play(scene, settings(tmp_path))
    whole = first(call(settings(tmp_path), "list_changes"))
    assert "\n".join(first(page) for page in pages(settings(tmp_path), "list_changes", limit=5)) == whole
    assert whole.count("\n") == 11


@pytest.mark.requirement("FILE-37")
def test_undo_of_what_changed_since_is_refused(tmp_path: Path) -> None:
    async def scene(client: Client) -> None:
        path = tmp_path / "a.txt"
        path.write_text("old")
        change = await written(client, path, "new")
        path.write_text("theirs")
        assert code_of(await client.call_tool("undo", {"change_id": change})) == "stale"
        assert path.read_text() == "theirs"
        path.unlink()
        assert code_of(await client.call_tool("undo", {"change_id": change})) == "stale"
        path.mkdir()
        assert code_of(await client.call_tool("undo", {"change_id": change})) == "stale"

    play(scene, settings(tmp_path))


@pytest.mark.requirement("FILE-37")
def test_undo_of_a_move_whose_file_was_edited_since_is_refused(tmp_path: Path) -> None:
    async def scene(client: Client) -> None:
        (tmp_path / "a.txt").write_text("one")
        arguments = {"source": str(tmp_path / "a.txt"), "destination": str(tmp_path / "b.txt")}
        moved = data_of(await client.call_tool("move_file", arguments))["change_id"]
        edited = await written(client, tmp_path / "b.txt", "two")
        assert code_of(await client.call_tool("undo", {"change_id": moved})) == "stale"
        await client.call_tool("undo", {"change_id": edited})
        await client.call_tool("undo", {"change_id": moved})
        assert (tmp_path / "a.txt").read_text() == "one"

    play(scene, settings(tmp_path))


def test_undo_twice_and_of_nothing(tmp_path: Path) -> None:
    async def scene(client: Client) -> None:
        assert code_of(await client.call_tool("undo", {})) == "nothing_to_undo"
        change = await written(client, tmp_path / "a.txt")
        await client.call_tool("undo", {})
        assert code_of(await client.call_tool("undo", {"change_id": change})) == "not_undoable"
        assert code_of(await client.call_tool("undo", {})) == "nothing_to_undo"
        assert code_of(await client.call_tool("undo", {"change_id": "nonsense"})) == "unknown_change"

    play(scene, settings(tmp_path))


@pytest.mark.requirement("FILE-48")
def test_a_change_survives_a_restart_and_is_nobody_elses(tmp_path: Path) -> None:
    mine, other = tmp_path / "mine", tmp_path / "other"
    mine.mkdir()
    other.mkdir()
    (mine / "a.txt").write_text("old")
    change = data_of(call(settings(mine), "write_file", path=str(mine / "a.txt"), content="new"))["change_id"]
    assert first(call(settings(other), "list_changes")) == "No changes"
    assert code_of(call(settings(other), "undo", change_id=change)) == "unknown_change"
    assert call(settings(f"ro={mine}"), "undo", change_id=change).is_error
    assert (mine / "a.txt").read_text() == "new"
    assert not call(settings(mine), "undo", change_id=change).is_error
    assert (mine / "a.txt").read_text() == "old"


@pytest.mark.requirement("FILE-48")
def test_undo_keeps_to_the_deny_rules_of_now(tmp_path: Path) -> None:
    (tmp_path / "plain.txt").write_text("old")
    change = data_of(call(settings(tmp_path), "write_file", path=str(tmp_path / "plain.txt"), content="new"))[
        "change_id"
    ]
    result = call(settings(tmp_path, deny=["plain.txt"]), "undo", change_id=change)
    assert code_of(result) == "denied"
    assert (tmp_path / "plain.txt").read_text() == "new"


@pytest.mark.requirement("FILE-30")
def test_without_a_place_for_the_journal_nothing_is_written(
    tmp_path: Path, private_state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "a file, no folder"
    blocked.write_text("")
    monkeypatch.setenv("MCP_SERVERS_STATE_DIR", str(blocked))
    result = call(settings(tmp_path), "write_file", path=str(tmp_path / "a.txt"), content="new")
    assert code_of(result) == "journal_unavailable"
    assert not (tmp_path / "a.txt").exists()


def test_old_images_make_room_for_new_ones(tmp_path: Path, private_state: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("0" * 400_000)

    async def scene(client: Client) -> None:
        for number in range(1, 6):
            await written(client, path, str(number) * 400_000)
        images = private_state / "filesystem" / "images"
        assert sum(one.stat().st_size for one in images.iterdir()) <= 1_000_000
        for number in (4, 3):
            assert not (await client.call_tool("undo", {})).is_error
            assert path.read_text()[0] == str(number)
        gone = await client.call_tool("undo", {})
        assert code_of(gone) == "no_image"
        assert "journal" in text_of(gone)

    play(scene, settings(tmp_path, journal_mb=1))


def test_a_journal_that_was_deleted_stops_nothing(tmp_path: Path, private_state: Path) -> None:
    async def scene(client: Client) -> None:
        await written(client, tmp_path / "a.txt", "one")
        shutil.rmtree(private_state / "filesystem")
        await written(client, tmp_path / "a.txt", "two")
        await client.call_tool("undo", {})
        assert (tmp_path / "a.txt").read_text() == "one"

    play(scene, settings(tmp_path))
