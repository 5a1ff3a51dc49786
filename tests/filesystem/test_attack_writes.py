"""The attack corpus, writes: W10-W19 and W22. W1-W9 are in test_attack_faults, W20 and W21 in test_attack_load."""

import os
import stat

import pytest
from attack_world import Attacked, linux_only, root_only

pytestmark = linux_only


def leftovers(attacked: Attacked) -> list[str]:
    """Temporary files that a write left behind."""
    return [name for _, _, names in os.walk(attacked.base) for name in names if name.endswith((".mcp-tmp", ".tmp"))]


@pytest.mark.requirement("FILE-54")
def test_w10_durable_writes_work(attacked: Attacked) -> None:
    with attacked.served(flags=("--durable",)) as client:
        for mode in ("create", "overwrite", "append"):
            assert not client.call("write_file", {"path": "d", "content": mode, "mode": mode}).is_error
    assert (attacked.a / "d").read_text() == "overwriteappend"


@pytest.mark.requirement("FILE-54")
def test_w11_a_write_onto_a_directory_or_the_root(attacked: Attacked) -> None:
    (attacked.a / "folder").mkdir()
    with attacked.watched(attacked.base):
        for path in ("folder", "folder/", ".", str(attacked.a), f"{attacked.a}/", "folder/.", "folder/.."):
            for mode in ("overwrite", "create", "append"):
                reply = attacked.client().call("write_file", {"path": path, "content": "x", "mode": mode})
                assert reply.is_error, (path, mode)
            edit = [{"oldText": "a", "newText": "b"}]
            assert attacked.client().call("edit_file", {"path": path, "edits": edit}).is_error
    assert not leftovers(attacked)


@pytest.mark.requirement("FILE-54")
def test_w12_moves_and_copies_clobber_nothing(attacked: Attacked) -> None:
    (attacked.a / "folder" / "sub").mkdir(parents=True)
    (attacked.a / "other").write_text("other")
    inside = attacked.inside
    with attacked.watched():
        for tool in ("move_file", "copy_path"):
            for source, destination in (
                (inside, "other"), ("folder", "folder/sub/x"), ("folder", "folder"), (inside, "folder"),
                ("folder", "other"), (inside, "missing/x"), ("missing", "x"), (".", "x"), (inside, "."),
                (inside, inside + "/x"),
            ):  # fmt: skip
                if (tool, source) == ("copy_path", "."):
                    continue
                reply = attacked.client().call(tool, {"source": source, "destination": destination})
                same = tool == "move_file" and source == destination
                assert reply.is_error or same, (tool, source, destination, reply.text)
    assert (attacked.a / "other").read_text() == "other"
    assert attacked.ok("move_file", source=inside, destination="other", overwrite=True)
    attacked.ok("undo")
    assert (attacked.a / "other").read_text() == "other"
    attacked.answers()


@pytest.mark.requirement("FILE-54")
def test_w12_moves_between_roots_of_different_modes(attacked: Attacked) -> None:
    readonly = attacked.base / "ro"
    readonly.mkdir()
    (readonly / "f").write_text("ro")
    # Not watched for openings: that a copy reads what may be read is fine.
    with attacked.served(attacked.a, f"ro={readonly}") as client:
        for tool in ("move_file", "copy_path"):
            assert client.call(tool, {"source": "inside.txt", "destination": str(readonly / "x")}).is_error
        assert client.call("move_file", {"source": str(readonly / "f"), "destination": str(attacked.a / "f")}).is_error
        for tool, more in (("delete_path", {}), ("write_file", {"content": "x"}), ("create_directory", {})):
            path = readonly / ("new" if tool == "create_directory" else "f")
            assert client.call(tool, {"path": str(path), **more}).is_error, tool
        copied = client.call("copy_path", {"source": str(readonly / "f"), "destination": str(attacked.a / "f")})
        assert not copied.is_error, copied.text
    assert os.listdir(readonly) == ["f"]
    assert (readonly / "f").read_text() == "ro"


@pytest.mark.requirement("FILE-59")
def test_w13_edits_that_do_not_fit_write_nothing(attacked: Attacked) -> None:
    before = "one\ntwo\none\nthree\n"
    path = attacked.a / "f"
    path.write_text(before)
    etag = attacked.client().call("read_text_file", {"path": "f"}).data["etag"]
    cases = {
        "ambiguous": [("one", "1")],
        "no_match": [("four", "4")],
        "empty_old_text": [("", "x")],
    }
    for edits in [*cases.values(), [("two", "2"), ("four", "4")], [("two", "2"), ("two", "3")], []]:
        pairs = [{"oldText": old, "newText": new} for old, new in edits]
        reply = attacked.client().call("edit_file", {"path": "f", "edits": pairs})
        assert reply.is_error, edits
        assert reply.code != "internal", reply.text
        assert path.read_text() == before
    ambiguous = attacked.refused("edit_file", path="f", edits=[{"oldText": "one", "newText": "1"}])
    assert all(word in ambiguous for word in ("[ambiguous]", "1", "3"))
    path.write_text(before + "more\n")
    edit = [{"oldText": "two", "newText": "2"}]
    assert attacked.client().call("edit_file", {"path": "f", "edits": edit, "ifMatch": etag}).code == "stale"
    written = attacked.client().call("write_file", {"path": "f", "content": "x", "ifMatch": etag})
    assert written.code == "stale"
    assert path.read_text() == before + "more\n"
    (attacked.a / "g").write_text("two")
    both = [{"path": name, "edits": [{"oldText": old, "newText": "x"}]} for name, old in (("g", "two"), ("f", "four"))]
    assert attacked.client().call("edit_files", {"files": both}).is_error
    assert (attacked.a / "g").read_text() == "two"
    assert not leftovers(attacked)


@pytest.mark.requirement("FILE-54")
def test_w14_more_than_may_be_written_and_a_line_of_11_mib(attacked: Attacked) -> None:
    client = attacked.client()
    assert client.call("write_file", {"path": "big", "content": "x" * (11 << 20)}).code == "too_large"
    for size in (17 << 20, 40 << 20):
        # Too long to be read, so the answer cannot know which request it was.
        client.start("write_file", {"path": "big", "content": "x" * size})
        attacked.answers()
        assert client.has(None)  # type: ignore[arg-type]
        assert client.receive(None, 0.0).message["error"]["code"] == -32600  # type: ignore[arg-type]
        assert not (attacked.a / "big").exists()
    client.call("edit_file", {"path": "inside.txt", "edits": [{"oldText": "x" * 3_000_000, "newText": "y"}]})
    client.call("edit_file", {"path": "inside.txt", "edits": [{"oldText": "inside", "newText": "y"}] * 10_000})
    client.call("create_directory", {"path": "d" * 1_000_000})
    attacked.answers()
    assert not leftovers(attacked)


@pytest.mark.requirement("FILE-54")
def test_w15_writes_have_a_rate(attacked: Attacked) -> None:
    with attacked.served(flags=("--rate-limit", "write=5/minute")) as client:
        codes = [client.call("write_file", {"path": "f", "content": str(at)}).code for at in range(12)]
        assert codes[:5] == [""] * 5
        assert "rate_limited" in codes[5:], codes
        assert client.call("read_text_file", {"path": "inside.txt"}).text == "inside"


@pytest.mark.requirement("FILE-54")
def test_w16_the_root_and_full_folders_are_not_deleted(attacked: Attacked) -> None:
    (attacked.a / "folder" / "sub").mkdir(parents=True)
    with attacked.watched(attacked.base):
        for path in (".", str(attacked.a), f"{attacked.a}/", "folder/..", "..", "/", "~"):
            for more in ({"recursive": True}, {"recursive": True, "permanent": True}, {}):
                reply = attacked.client().call("delete_path", {"path": path, **more})
                assert reply.code in ("root_itself", "outside_roots"), (path, more, reply.text)
        assert attacked.client().call("delete_path", {"path": "folder"}).code == "not_empty"
        # Nobody can be asked, so what cannot be taken back is not done.
        gone = attacked.client().call("delete_path", {"path": "folder", "recursive": True, "permanent": True})
        assert (attacked.a / "folder" / "sub").is_dir(), gone.text
    attacked.ok("delete_path", path="folder", recursive=True)
    attacked.ok("undo")
    assert (attacked.a / "folder" / "sub").is_dir()
    trash = [name for name in os.listdir(attacked.a) if name.startswith(".mcp-trash")]
    for name in trash:
        for tool in ("list_directory", "directory_tree", "delete_path", "read_text_file", "get_file_info"):
            assert attacked.client().call(tool, {"path": name}).is_error, tool
    assert ".mcp-trash" not in attacked.ok("list_directory", path=attacked.a)


@pytest.mark.requirement("FILE-54")
def test_w17_a_rename_of_case_only(attacked: Attacked) -> None:
    attacked.ok("move_file", source="inside.txt", destination="INSIDE.TXT")
    assert sorted(os.listdir(attacked.a)) == ["INSIDE.TXT"]


@root_only
@pytest.mark.requirement("FILE-54")
def test_w18_w19_mode_owner_and_attributes_stay_but_not_setuid(attacked: Attacked) -> None:
    path = attacked.a / "f"
    path.write_text("one")
    os.chown(path, 1234, 2345)
    path.chmod(0o6751)
    try:
        os.setxattr(path, "user.note", b"kept")
        noted = True
    except OSError:
        noted = False
    for tool, more in (
        ("write_file", {"content": "one two"}),
        ("write_file", {"content": "+", "mode": "append"}),
        ("edit_file", {"edits": [{"oldText": "two", "newText": "2"}]}),
    ):
        attacked.ok(tool, path="f", **more)
        facts = path.stat()
        assert (facts.st_uid, facts.st_gid, stat.S_IMODE(facts.st_mode)) == (1234, 2345, 0o751), tool
        if noted:
            assert os.getxattr(path, "user.note") == b"kept"
    assert path.read_text() == "one 2+"


@pytest.mark.requirement("FILE-54")
def test_w22_no_write_without_its_audit_record(attacked: Attacked) -> None:
    folder = attacked.base / "audit"
    folder.mkdir()
    log = folder / "audit.jsonl"
    # The second --audit-log counts.
    with attacked.served(flags=("--audit-log", str(log), "--seal", "off")) as client:
        assert not client.call("write_file", {"path": "f", "content": "1"}).is_error
        folder.rename(attacked.base / "gone")
        folder.write_text("a file stands where the folder was")
        os.rename(attacked.base / "gone" / "audit.jsonl", attacked.base / "gone" / "other")
        refused = client.call("write_file", {"path": "f", "content": "2"})
        if not refused.is_error:
            # The log is held open: what was written is in the file that was moved.
            assert "write_file" in (attacked.base / "gone" / "other").read_text().splitlines()[-1]
        else:
            assert (attacked.a / "f").read_text() == "1"
