"""The tools that write, through a client: what they do, what they refuse, and what they leave."""

import os
from pathlib import Path

import pytest
from file_sessions import call, code_of, data_of, first, play, settings, text_of
from mcp import Client


def test_a_new_file_and_an_old_one(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    assert (
        first(call(settings(tmp_path), "write_file", path=str(path), content="one")) == f"Successfully wrote to {path}"
    )
    assert path.read_text() == "one"
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()
    call(settings(tmp_path), "write_file", path=str(path), content="two")
    assert path.read_text() == "two"


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def test_create_never_overwrites(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("mine")
    result = call(settings(tmp_path), "write_file", path=str(tmp_path / "a.txt"), content="new", mode="create")
    assert code_of(result) == "already_exists"
    assert (tmp_path / "a.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("before", "added", "after"),
    [
        (b"one\n", "two\u00e9\n", "one\ntwo\u00e9\n".encode()),
        (b"caf\xe9\n", "\u00e9\n", b"caf\xe9\n\xe9\n"),
        (b"\xff\xfea\0", "\u00e9", b"\xff\xfea\0\xe9\0"),
        (b"x" * 1_100_000, "end", b"x" * 1_100_000 + b"end"),
    ],
)
def test_append_keeps_what_is_there_and_its_encoding(tmp_path: Path, before: bytes, added: str, after: bytes) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(before)

    async def scene(client: Client) -> None:
        done = await client.call_tool("write_file", {"path": str(path), "content": added, "mode": "append"})
        assert not done.is_error, text_of(done)
        assert path.read_bytes() == after
        assert not (await client.call_tool("undo", {})).is_error
        assert path.read_bytes() == before

    play(scene, settings(tmp_path))


def test_append_of_what_the_encoding_has_not_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"caf\xe9\n")
    result = call(settings(tmp_path), "write_file", path=str(tmp_path / "a.txt"), content="\u4e2d", mode="append")
    assert code_of(result) == "not_encodable"
    assert (tmp_path / "a.txt").read_bytes() == b"caf\xe9\n"


def test_parents_are_made_on_request_only_and_undone_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x" / "y" / "a.txt"

    async def scene(client: Client) -> None:
        assert code_of(await client.call_tool("write_file", {"path": str(path), "content": ""})) == "not_found"
        assert not path.parent.exists()
        done = await client.call_tool("write_file", {"path": str(path), "content": "", "createParents": True})
        assert not done.is_error
        assert path.exists()
        await client.call_tool("undo", {})
        assert not (tmp_path / "x").exists()

    play(scene, settings(tmp_path))


def test_parents_of_a_write_that_fails_are_gone(tmp_path: Path) -> None:
    path = tmp_path / "x" / ("n" * 300)
    result = call(settings(tmp_path), "write_file", path=str(path), content="", createParents=True)
    assert code_of(result) == "name_too_long"
    assert not (tmp_path / "x").exists()


@pytest.mark.requirement("FILE-37")
def test_an_etag_that_fits_no_more_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("one")

    async def scene(client: Client) -> None:
        etag = data_of(await client.call_tool("write_file", {"path": str(path), "content": "two"}))["etag"]
        path.write_text("by somebody else")
        for tool, arguments in (
            ("write_file", {"content": "three"}),
            ("edit_file", {"edits": [{"oldText": "by", "newText": "By"}]}),
        ):
            refused = await client.call_tool(tool, {"path": str(path), "ifMatch": etag, **arguments})
            assert code_of(refused) == "stale"
        refused = await client.call_tool(
            "edit_files",
            {"files": [{"path": str(path), "ifMatch": etag, "edits": [{"oldText": "by", "newText": "By"}]}]},
        )
        assert code_of(refused) == "stale"
        assert path.read_text() == "by somebody else"

    play(scene, settings(tmp_path))


@pytest.mark.requirement("FILE-35")
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"content": "x" * 10_000_001}, "too_large"),
        ({"path": "{root}", "content": ""}, "root_itself"),
        ({"path": "{root}/d", "content": ""}, "not_regular"),
        ({"path": "{root}/d/", "content": ""}, "not_regular"),
        ({"path": "{root}/fifo", "content": ""}, "not_regular"),
        ({"path": "{root}/.mcp-trash/x", "content": ""}, "denied"),
        ({"path": "{root}/.env", "content": ""}, "denied"),
        ({"path": "{root}/.git/hooks/pre-commit", "content": ""}, "denied"),
        ({"path": "{root}/out", "content": ""}, "outside_roots"),
        ({"path": "{root}/dangling", "content": ""}, "outside_roots"),
    ],
)
def test_what_is_not_written(tmp_path: Path, arguments: dict[str, str], code: str) -> None:
    root = tmp_path / "root"
    (root / "d").mkdir(parents=True)
    (root / ".git" / "hooks").mkdir(parents=True)
    os.mkfifo(root / "fifo")
    (tmp_path / "outside").write_text("untouched")
    (root / "out").symlink_to("../outside")
    (root / "dangling").symlink_to("../nowhere")
    given = {"path": "{root}/a.txt", **arguments}
    given["path"] = given["path"].replace("{root}", str(root))
    assert code_of(call(settings(root), "write_file", **given)) == code
    assert (tmp_path / "outside").read_text() == "untouched"
    assert not (tmp_path / "nowhere").exists()
    assert not [path for path in root.rglob("*") if "mcp-tmp" in path.name]


@pytest.mark.requirement("FILE-34")
def test_another_name_of_the_file_keeps_the_old_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one")
    os.link(tmp_path / "a.txt", tmp_path / "other.txt")
    call(settings(tmp_path), "write_file", path=str(tmp_path / "a.txt"), content="two")
    assert (tmp_path / "other.txt").read_text() == "one"
    big = tmp_path / "big.log"
    big.write_bytes(b"x" * 1_100_000)
    os.link(big, tmp_path / "big2.log")
    call(settings(tmp_path), "write_file", path=str(big), content="y", mode="append")
    assert (tmp_path / "big2.log").stat().st_size == 1_100_000


def test_a_link_inside_is_written_through_and_stays(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one")
    (tmp_path / "link").symlink_to("a.txt")

    async def scene(client: Client) -> None:
        await client.call_tool("write_file", {"path": str(tmp_path / "link"), "content": "two"})
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "a.txt").read_text() == "two"
        edit = {"path": str(tmp_path / "link"), "edits": [{"oldText": "two", "newText": "three"}]}
        await client.call_tool("edit_file", edit)
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "a.txt").read_text() == "three"

    play(scene, settings(tmp_path))


@pytest.mark.requirement("FILE-41")
def test_a_dry_run_shows_what_the_edit_does_and_does_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("one\ntwo\nthree\n")
    arguments = {"path": str(path), "edits": [{"oldText": "two", "newText": "2\n2"}]}

    async def scene(client: Client) -> None:
        dry = await client.call_tool("edit_file", {**arguments, "dryRun": True})
        assert path.read_text() == "one\ntwo\nthree\n"
        assert data_of(dry)["applied"] is False
        wet = await client.call_tool("edit_file", arguments)
        assert first(dry) == first(wet)
        assert path.read_text() == "one\n2\n2\nthree\n"

    play(scene, settings(tmp_path))


@pytest.mark.requirement("FILE-42")
def test_many_files_are_edited_all_or_none(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / name).write_text("one\n")
    good = [{"path": str(tmp_path / name), "edits": [{"oldText": "one", "newText": "1"}]} for name in "ab"]
    bad = {"path": str(tmp_path / "c"), "edits": [{"oldText": "two", "newText": "2"}]}

    async def scene(client: Client) -> None:
        refused = await client.call_tool("edit_files", {"files": [*good, bad]})
        assert code_of(refused) == "no_match"
        assert {(tmp_path / name).read_text() for name in "abc"} == {"one\n"}
        twice = await client.call_tool("edit_files", {"files": [good[0], good[0]]})
        assert code_of(twice) == "invalid_arguments"
        done = await client.call_tool("edit_files", {"files": good})
        assert [(tmp_path / name).read_text() for name in "abc"] == ["1\n", "1\n", "one\n"]
        assert first(done).count("```diff") == 2
        await client.call_tool("undo", {"change_id": data_of(done)["change_id"]})
        assert {(tmp_path / name).read_text() for name in "abc"} == {"one\n"}

    play(scene, settings(tmp_path))


@pytest.mark.requirement("FILE-35")
def test_too_many_edits_and_too_large_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("one")
    edits = [{"oldText": "one", "newText": "one"}] * 201
    assert code_of(call(settings(tmp_path), "edit_file", path=str(path), edits=edits)) == "invalid_arguments"
    path.write_bytes(b"x" * 1_000_001)
    result = call(settings(tmp_path, max_file_mb=1), "edit_file", path=str(path), edits=edits[:1])
    assert code_of(result) == "too_large"


def test_binary_is_not_edited(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"\xff\x00\x81one")
    edits = [{"oldText": "one", "newText": "1"}]
    assert code_of(call(settings(tmp_path), "edit_file", path=str(tmp_path / "a.bin"), edits=edits)) == "binary"


@pytest.mark.requirement("FILE-30")
def test_a_read_only_root_and_server_write_nothing(tmp_path: Path) -> None:
    path = str(tmp_path / "a.txt")
    assert code_of(call(settings(f"ro={tmp_path}"), "write_file", path=path, content="")) == "read_only_root"
    assert call(settings(tmp_path, writes=False), "write_file", path=path, content="").is_error
    assert not list(tmp_path.iterdir())
