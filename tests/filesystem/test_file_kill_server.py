"""The whole server killed at a random instant of several writes: the next one starts on whole files and no rubbish."""

import os
import random
import sys
import time
from pathlib import Path

import pytest
from file_world import left_behind
from raw_client import RawClient

ROUNDS = 8
SIZE = 4_000_000
# Under an ordinary user's rlimits and on a busy machine a write takes between 5 and 100 ms.
MOST_SECONDS = 0.12


def server(root: Path, state: Path) -> RawClient:
    command = [sys.executable, "-m", "mcp_servers_filesystem", str(root), "--allow-writes", "--rate-limit", "off"]
    return RawClient(command, env={"MCP_SERVERS_STATE_DIR": str(state)})


def generations(root: Path) -> dict[str, str]:
    """The one letter that each file holds, over and over; fails for a torn file."""
    found: dict[str, str] = {}
    for path in root.iterdir():
        if path.is_file():
            letters = set(path.read_text())
            assert len(letters) == 1, f"{path.name} is torn: {letters}"
            assert path.stat().st_size in (SIZE, 1_000), f"{path.name} is cut short"
            found[path.name] = letters.pop()
    return found


@pytest.mark.requirement("FILE-32", "FILE-33", "FILE-42")
@pytest.mark.parametrize("seed", [2])
def test_killed_at_a_random_instant(seed: int, tmp_path: Path) -> None:
    choose = random.Random(seed)
    root, state = tmp_path / "root", tmp_path / "state"
    root.mkdir()
    (root / "old.txt").write_text("a" * SIZE)
    for name in ("one", "two", "three"):
        (root / f"{name}.txt").write_text("a" * 1_000)
    generation = "a"
    for number in range(ROUNDS):
        following = chr(ord(generation) + 1)
        with server(root, state) as client:
            assert not left_behind(root)
            held = generations(root)
            assert len({held[f"{name}.txt"] for name in ("one", "two", "three")}) == 1
            now = held["one.txt"]
            edits = [{"oldText": now * 1_000, "newText": following * 1_000}]
            files = [{"path": f"{root}/{name}.txt", "edits": edits} for name in ("one", "two", "three")]
            client.start("write_file", {"path": f"{root}/new{number}.txt", "content": following * SIZE})
            client.start("edit_files", {"files": files})
            client.start("write_file", {"path": f"{root}/old.txt", "content": following * SIZE})
            time.sleep(choose.random() * MOST_SECONDS)
            client.process.kill()
            client.process.wait(10)
        generation = following
    with server(root, state) as client:
        assert not left_behind(root)
        generations(root)
        # What was undone or never done is not in the list as standing; what is there can be taken back.
        while client.call("undo", {}).code == "":
            pass
        assert not left_behind(root)
        assert set(generations(root).values()) == {"a"}
        assert sorted(os.listdir(root)) == [".mcp-trash", "old.txt", "one.txt", "three.txt", "two.txt"]
