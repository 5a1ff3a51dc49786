"""The state folder: private, made only when needed, one secret for all processes."""

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mcp_servers_shared.state import STATE_DIR_VARIABLE, StateFolder, default_state_path

posix_only = pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")

RACER = """
import sys, time
from pathlib import Path
from mcp_servers_shared.state import StateFolder
state = StateFolder(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
print(state.secret("race.key").hex(), flush=True)
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    return StateFolder(tmp_path / "made" / "on" / "use")


def test_nothing_is_made_before_it_is_used(state: StateFolder) -> None:
    assert not state.path.parent.parent.exists()


@posix_only
@pytest.mark.requirement("STATE-2")
def test_every_folder_from_the_state_folder_down_is_private(state: StateFolder) -> None:
    before = os.umask(0o022)
    try:
        leaf = state.folder("sqlite", "backups", "old")
    finally:
        os.umask(before)
    assert leaf.is_dir()
    for path in (state.path, state.path / "sqlite", state.path / "sqlite" / "backups", leaf):
        assert mode(path) == 0o700, path
    assert state.folder("sqlite", "backups", "old") == leaf, "a folder that is there is fine"


@posix_only
@pytest.mark.requirement("STATE-2")
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_secrets_are_private_whatever_the_umask(state: StateFolder, umask: int) -> None:
    before = os.umask(umask)
    try:
        secret = state.secret("audit.key")
    finally:
        os.umask(before)
    assert len(secret) == 32
    assert mode(state.path) == mode(state.path / "keys") == 0o700
    (key,) = (state.path / "keys").iterdir()
    assert key.name == "audit.key"
    assert mode(key) == 0o600


@pytest.mark.requirement("STATE-2")
def test_a_secret_stays_the_same_and_names_have_their_own(state: StateFolder) -> None:
    first = state.secret("a.key")
    assert StateFolder(state.path).secret("a.key") == first
    assert state.secret("b.key") != first
    assert first not in (bytes(32), b"\xff" * 32)


@pytest.mark.requirement("STATE-2")
def test_processes_that_race_get_the_same_secret(tmp_path: Path) -> None:
    for round_number in range(3):
        path = tmp_path / f"round {round_number}"
        racers = [
            subprocess.Popen(
                [sys.executable, "-c", RACER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            for _ in range(4)
        ]
        for racer in racers:
            assert racer.stdout is not None
            assert racer.stdout.readline() == "ready\n"
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write("go\n")
            racer.stdin.flush()
        secrets = {racer.communicate(timeout=60)[0] for racer in racers}
        assert len(secrets) == 1
        assert len(secrets.pop().strip()) == 64
        assert [one.name for one in (path / "keys").iterdir()] == ["race.key"], "no drafts stay behind"


@pytest.mark.requirement("STATE-2")
def test_threads_that_race_get_the_same_secret(state: StateFolder) -> None:
    together, found = threading.Barrier(16), set[bytes]()

    def ask() -> None:
        together.wait()
        found.add(state.secret("race.key"))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 1


@pytest.mark.requirement("STATE-2")
@pytest.mark.parametrize("content", [b"", b"short", bytes(31), bytes(33)])
def test_a_damaged_secret_is_an_error_and_not_a_weak_key(state: StateFolder, content: bytes) -> None:
    (state.folder("keys") / "a.key").write_bytes(content)
    with pytest.raises(OSError, match=r"a\.key holds \d+ bytes instead of 32"):
        state.secret("a.key")


def test_a_full_disk_leaves_no_draft_behind(state: StateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        state.secret("a.key")
    monkeypatch.undo()
    assert not list((state.path / "keys").iterdir())
    assert len(state.secret("a.key")) == 32


def test_a_file_in_the_way_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("not a folder")
    with pytest.raises(OSError):
        StateFolder(tmp_path / "state").folder("keys")
    with pytest.raises(OSError):
        StateFolder(tmp_path / "state").secret("a.key")


def test_where_the_folder_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(STATE_DIR_VARIABLE, str(tmp_path / "here"))
    assert default_state_path() == StateFolder().path == tmp_path / "here"
    monkeypatch.setenv(STATE_DIR_VARIABLE, "~/there")
    assert default_state_path() == Path.home() / "there"
    monkeypatch.delenv(STATE_DIR_VARIABLE)
    assert default_state_path().name == "mcp-servers"
