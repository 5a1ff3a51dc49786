"""The whole server works inside the seal, and says whether it is in it."""

import sys
from pathlib import Path

import pytest

from end_to_end.raw_client import RawClient
from mcp_servers_shared.guard.seal import available

linux = pytest.mark.skipif(not available(), reason="needs a kernel with Landlock (Linux 5.13)")


def command(root: Path, *flags: str) -> list[str]:
    return [sys.executable, "-m", "mcp_servers_filesystem", str(root), "--allow-writes", "--rate-limit", "off", *flags]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    place = tmp_path / "root"
    (place / "sub").mkdir(parents=True)
    (place / "a.txt").write_text("one\ntwo\n")
    (place / "sub" / ".gitignore").write_text("*.log\nx*y*z*w\n")
    (place / "sub" / "b.py").write_text("import os\n")
    return place


CALLS: list[tuple[str, dict[str, object]]] = [
    ("list_allowed_directories", {}),
    ("read_text_file", {"path": "a.txt", "lineNumbers": True}),
    ("read_media_file", {"path": "a.txt"}),
    ("read_multiple_files", {"paths": ["a.txt"]}),
    ("list_directory", {"path": "."}),
    ("list_directory_with_sizes", {"path": "."}),
    ("directory_tree", {"path": ".", "respectGitignore": True}),
    ("search_files", {"path": ".", "pattern": "**/*.py", "respectGitignore": True}),
    ("grep_files", {"path": ".", "pattern": "(?i)IMP\\w+", "context": 1}),
    ("grep_files", {"path": ".", "pattern": "a*b*c*d*e", "glob": "a*b*c*d*"}),
    ("disk_usage", {"path": "."}),
    ("get_file_info", {"path": "a.txt", "hash": "sha256"}),
    ("write_file", {"path": "new/x.txt", "content": "x", "createParents": True}),
    ("write_file", {"path": "a.txt", "content": "three\n", "mode": "append"}),
    ("edit_file", {"path": "a.txt", "edits": [{"oldText": "two", "newText": "2"}]}),
    ("edit_files", {"files": [{"path": "sub/b.py", "edits": [{"oldText": "os", "newText": "re"}]}]}),
    ("create_directory", {"path": "p/q"}),
    ("copy_path", {"source": "sub", "destination": "copy"}),
    ("move_file", {"source": "copy", "destination": "p/copy"}),
    ("delete_path", {"path": "p", "recursive": True}),
    ("list_changes", {}),
    ("undo", {}),
]


@linux
@pytest.mark.requirement("FILE-4")
@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_every_tool_works_in_the_seal(root: Path, era: str) -> None:
    with RawClient(command(root, "--seal", "on"), era=era) as client:  # type: ignore[arg-type]
        for tool, arguments in CALLS:
            reply = client.call(tool, arguments)
            assert not reply.is_error, (tool, reply.text, client.stderr())
        listed = client.call("list_allowed_directories")
        assert str(listed.data["sealed"]).startswith("Landlock")
        found = client.request("resources/read", {"uri": (root / "a.txt").as_uri()})
        assert found.result["contents"][0]["text"] == "one\n2\nthree\n"
        assert client.call("undo").is_error is False


def test_numbers_beyond_all_numbers_are_refused(root: Path) -> None:
    with RawClient(command(root, "--seal", "off")) as client:
        for argument in ("head", "tail"):
            for tool in ("read_text_file", "read_file"):
                reply = client.call(tool, {"path": "a.txt", argument: 10**400})
                assert "internal" not in reply.text.lower()
                assert reply.is_error


@pytest.mark.requirement("FILE-4")
def test_without_the_seal_it_says_so(root: Path) -> None:
    with RawClient(command(root, "--seal", "off")) as client:
        assert str(client.call("list_allowed_directories").data["sealed"]).startswith("off")


@linux
@pytest.mark.requirement("FILE-4")
def test_an_audit_log_in_a_new_folder(root: Path, tmp_path: Path) -> None:
    log = tmp_path / "new" / "place" / "audit.jsonl"
    with RawClient(command(root, "--seal", "on", "--audit-log", str(log))) as client:
        assert not client.call("list_directory", {"path": "."}).is_error
    assert "list_directory" in log.read_text()


@linux
@pytest.mark.requirement("FILE-4")
def test_deleting_from_a_folder_that_python_reads_is_taken_back(root: Path) -> None:
    # The server's own environment often lies in the folder that it serves.
    inner = root / "lib"
    inner.mkdir()
    (inner / "f").write_text("f")
    with RawClient(command(root, "--seal", "on"), env={"PYTHONPATH": str(inner)}) as client:
        assert not client.call("delete_path", {"path": str(inner / "f")}).is_error
        assert not client.call("undo").is_error
        assert not client.call("move_file", {"source": "a.txt", "destination": "lib/a.txt"}).is_error
    assert sorted(one.name for one in inner.iterdir() if one.is_file()) == ["a.txt", "f"]


@linux
@pytest.mark.requirement("FILE-4", "FILE-62")
def test_a_listener_in_the_seal_is_told_and_does_not_hold_up_the_end(root: Path) -> None:
    uri = (root / "a.txt").as_uri()
    with RawClient(command(root, "--seal", "on")) as client:
        client.send("subscriptions/listen", {"notifications": {"resourceSubscriptions": [uri]}})

        def told(seen: list[dict[str, object]]) -> bool:
            return any(one.get("method") == "notifications/resources/updated" for one in seen)

        for number in range(20):
            (root / "a.txt").write_text("x" * number)
            if client.listen(1, told):
                break
        assert told(client.notifications), client.stderr()
        ended = client.close()
    assert ended == 0
