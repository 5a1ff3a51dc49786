"""The attack corpus, faults: W1-W9. Other users' files, disks that are full or read-only, limits of the process, and
kill -9 in the middle of writing.
"""

import os
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from attack_world import Attacked, another_user, linux_only, mounted, root_only
from case_world import command
from raw_client import RawClient

pytestmark = linux_only


def leftovers(folder: Path) -> list[str]:
    """Temporary files that a write left behind."""
    return [name for _, _, names in os.walk(folder) for name in names if name.endswith(".mcp-tmp")]


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, RawClient]]:
    """A folder of another user, where some is not theirs, and a server that runs as them."""
    words = another_user()
    # Not beneath pytest's own folder, which only its user may enter.
    base = Path(tempfile.mkdtemp(prefix="mcp-servers-test-", dir="/tmp"))
    base.chmod(0o755)
    root, state = base / "A", base / "state"
    for folder in (root, state, root / "closed", root / "theirs"):
        folder.mkdir()
    for name, mode in (("own", 0o644), ("readonly", 0o444), ("foreign", 0o644), ("secret", 0o600), ("closed/f", 0o644)):
        (root / name).write_text(name)
        (root / name).chmod(mode)
    for path in (root, state, root / "own", root / "readonly"):
        os.chown(path, 65534, 65534)
    (root / "closed").chmod(0o700)
    (root / "theirs").chmod(0o755)
    try:
        with RawClient([*words, *command("ours", (root,))], env={"MCP_SERVERS_STATE_DIR": str(state)}) as client:
            yield root, client
    finally:
        shutil.rmtree(base)


@root_only
@pytest.mark.requirement("FILE-57")
def test_w1_w2_what_may_not_be_read_is_left_out_and_said(nobody: tuple[Path, RawClient]) -> None:
    root, client = nobody
    for tool, more in (("directory_tree", {}), ("search_files", {"pattern": "**"}), ("grep_files", {"pattern": "."})):
        reply = client.call(tool, {"path": str(root), **more})
        assert not reply.is_error, reply.text
        assert "closed" in reply.text
        assert "closed/f" not in reply.text
    assert not client.call("disk_usage", {"path": str(root)}).is_error
    for tool, more in (("read_text_file", {}), ("read_media_file", {}), ("get_file_info", {"hash": "md5"})):
        assert client.call(tool, {"path": str(root / "secret"), **more}).code == "unreadable", tool
        assert client.call(tool, {"path": str(root / "closed" / "f"), **more}).code == "unreadable", tool
    assert client.call("list_directory", {"path": str(root / "closed")}).code == "unreadable"
    copied = client.call("copy_path", {"source": "closed", "destination": "copy"})
    assert copied.is_error or not (root / "copy" / "f").exists()


@root_only
@pytest.mark.requirement("FILE-54")
def test_w3_the_files_own_permissions_are_honoured(nobody: tuple[Path, RawClient]) -> None:
    root, client = nobody
    for name in ("readonly", "foreign", "secret"):
        before = (root / name).stat()
        for tool, more in (
            ("write_file", {"content": "x"}), ("write_file", {"content": "x", "mode": "append"}),
            ("edit_file", {"edits": [{"oldText": "e", "newText": "x"}]}),
        ):  # fmt: skip
            reply = client.call(tool, {"path": name, **more})
            assert reply.code in ("unwritable", "unreadable", "ambiguous"), (name, tool, reply.text)
        assert (root / name).read_text() == name
        assert (root / name).stat().st_ino == before.st_ino
    for arguments in ({"path": "theirs/new", "content": "x"}, {"path": "closed/new", "content": "x"}):
        assert client.call("write_file", arguments).code in ("unwritable", "unreadable")
    assert client.call("create_directory", {"path": "theirs/new"}).code in ("unwritable", "unreadable")
    assert not client.call("write_file", {"path": "own", "content": "mine"}).is_error
    assert (root / "own").read_text() == "mine"
    assert not leftovers(root)


@root_only
@pytest.mark.requirement("FILE-54")
@pytest.mark.parametrize("mark", ["i", "a"])
def test_w4_immutable_and_append_only_files(attacked: Attacked, mark: str) -> None:
    path = attacked.a / "fixed"
    path.write_text("fixed")
    if not shutil.which("chattr") or subprocess.run(["chattr", f"+{mark}", path], check=False).returncode:
        pytest.skip("chattr does not work on this file system")
    try:
        for tool, more in (
            ("write_file", {"path": "fixed", "content": "x"}),
            ("edit_file", {"path": "fixed", "edits": [{"oldText": "fixed", "newText": "x"}]}),
            ("delete_path", {"path": "fixed"}),
            ("move_file", {"source": "fixed", "destination": "other"}),
            ("move_file", {"source": "inside.txt", "destination": "fixed", "overwrite": True}),
        ):
            reply = attacked.client().call(tool, more)
            assert reply.is_error, (tool, reply.text)
            assert reply.code != "internal", (tool, attacked.client().stderr()[-2000:])
        assert path.read_text() == "fixed"
        assert not leftovers(attacked.a)
        attacked.answers()
    finally:
        subprocess.run(["chattr", f"-{mark}", path], check=True)


@root_only
@pytest.mark.requirement("FILE-54")
def test_w5_a_read_only_file_system(attacked: Attacked) -> None:
    with mounted(attacked.a / "disk", "size=1m") as disk:
        (disk / "f").write_text("f")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        for tool, more in (
            ("write_file", {"path": "disk/f", "content": "x"}), ("write_file", {"path": "disk/new", "content": "x"}),
            ("create_directory", {"path": "disk/new"}), ("delete_path", {"path": "disk/f"}),
            ("move_file", {"source": "disk/f", "destination": "disk/g"}),
            ("move_file", {"source": "disk/f", "destination": "g"}),
            ("copy_path", {"source": "inside.txt", "destination": "disk/g"}),
        ):  # fmt: skip
            reply = attacked.client().call(tool, more)
            assert reply.is_error, (tool, reply.text)
            assert reply.code in ("read_only_filesystem", "unwritable", "cross_device"), (tool, reply.text)
        assert os.listdir(disk) == ["f"]
        assert not (attacked.a / "g").exists()
        attacked.answers()


@root_only
@pytest.mark.requirement("FILE-54")
def test_w6_a_full_disk(attacked: Attacked) -> None:
    with mounted(attacked.a / "disk", "size=1m") as disk:
        (disk / "f").write_text("old" * 100_000)
        client = attacked.client()
        for name, content in (("f", "new" * 330_000), ("new", "new" * 330_000)):
            reply = client.call("write_file", {"path": f"disk/{name}", "content": content})
            assert reply.code == "no_space", reply.text
            assert (disk / "f").read_text() == "old" * 100_000
            assert not (disk / "new").exists()
        edit = [{"oldText": "old", "newText": "new" * 9, "replaceAll": True}]
        assert client.call("edit_file", {"path": "disk/f", "edits": edit}).code == "no_space"
        (attacked.a / "big").write_text("x" * 2_000_000)
        assert client.call("copy_path", {"source": "big", "destination": "disk/big"}).code == "no_space"
        moved = client.call("move_file", {"source": "big", "destination": "disk/big"})
        assert moved.code == "no_space", moved.text
        assert (attacked.a / "big").stat().st_size == 2_000_000
        assert not leftovers(disk)
        assert (disk / "f").read_text() == "old" * 100_000
        assert not client.call("write_file", {"path": "disk/small", "content": "fits"}).is_error
    attacked.answers()


@pytest.mark.requirement("FILE-54")
def test_w7_w8_limits_of_the_process(attacked: Attacked) -> None:
    (attacked.a / "f").write_text("old")
    for number in range(60):
        (attacked.a / "deep" / "/".join("d" * (number + 1))).mkdir(parents=True, exist_ok=True)
    limited = ["bash", "-c", 'ulimit -f 256; ulimit -n 60; exec "$@"', "limited"]
    with attacked.served(wrap=limited) as client:
        for name in ("f", "new"):
            reply = client.call("write_file", {"path": name, "content": "x" * 1_000_000})
            assert reply.code == "no_space", reply.text
        assert (attacked.a / "f").read_text() == "old"
        assert not leftovers(attacked.a)
        waiting = [client.start("directory_tree", {"path": "deep"}) for _ in range(16)]
        for identity, sent in waiting:
            reply = client.receive(identity, sent)
            assert reply.code != "internal", client.stderr()[-2000:]
        assert client.call("read_text_file", {"path": "f"}).text == "old"
        assert not client.call("write_file", {"path": "f", "content": "small"}).is_error


@pytest.mark.requirement("FILE-54")
def test_w9_killed_while_writing(attacked: Attacked) -> None:
    """kill -9 at moments that nobody chose: each file is the old or the new one, and the next start clears up."""
    chance = random.Random(59)
    old, new = "old" * 1_000_000, "new" * 1_000_000
    for attempt in range(4):
        (attacked.a / "f").write_text(old)
        (attacked.a / "fresh").unlink(missing_ok=True)
        with attacked.served() as client:
            for name in ("f", "fresh", "f", "fresh"):
                client.start("write_file", {"path": name, "content": new})
            time.sleep(chance.uniform(0.0, 0.15))
            client.process.kill()
        assert (attacked.a / "f").read_text() in (old, new), attempt
        assert not (attacked.a / "fresh").exists() or (attacked.a / "fresh").read_text() == new
    with attacked.served() as client:
        assert client.call("read_text_file", {"path": "inside.txt"}).text == "inside"
        assert not leftovers(attacked.a)
        assert client.call("list_changes").text
