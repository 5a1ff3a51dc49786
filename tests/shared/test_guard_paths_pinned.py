"""pin_file: one file that the operator named. Its place is settled once, its kind looked at before each use."""

import fcntl
import os
import pickle
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from paths_world import refusal

from mcp_servers_shared.errors import NotFound
from mcp_servers_shared.guard import _openat2
from mcp_servers_shared.guard.paths import PinnedFile, pin_file


@pytest.fixture(params=["openat2", "walk"])
def each_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "walk":
        monkeypatch.setattr(_openat2, "available", lambda _: False)
    return request.param


@pytest.fixture
def shop(tmp_path: Path, each_way: str) -> Path:
    path = tmp_path / "data" / "shop.db"
    path.parent.mkdir()
    path.write_bytes(b"x" * 123)
    return path


@pytest.mark.requirement("PATH-4")
def test_what_is_said_about_a_file(shop: Path) -> None:
    found = shop.stat()
    pinned = pin_file(shop)
    assert pinned == PinnedFile(str(shop), str(shop), True, True, True, 123, found.st_dev, found.st_ino)
    assert pinned.reopen_check() == pinned
    assert pickle.loads(pickle.dumps(pinned)) == pinned  # noqa: S301 - our own bytes: pins travel to workers
    shop.write_bytes(b"x" * 200)
    assert pinned.reopen_check().size == 200


@pytest.mark.requirement("PATH-4")
def test_spellings_and_links_are_settled_at_the_start(
    shop: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "l.db").symlink_to("data/shop.db")
    (tmp_path / "dir").symlink_to("data")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("l.db", "dir/shop.db", "./data/../l.db", "~/l.db", str(tmp_path / "dir" / "shop.db")):
        pinned = pin_file(name)
        assert (pinned.name, pinned.path) == (name, str(shop))
    first = pin_file("l.db")
    (tmp_path / "l.db").unlink()
    (tmp_path / "l.db").symlink_to("/etc/passwd")
    monkeypatch.chdir("/")
    assert first.reopen_check() == first


@pytest.mark.requirement("PATH-4")
def test_nothing_is_ever_created(shop: Path, tmp_path: Path) -> None:
    new = shop.parent / "new.db"
    (tmp_path / "dangling").symlink_to(new)
    for path in (new, tmp_path / "dangling", tmp_path / "none" / "x.db"):
        with pytest.raises(NotFound) as caught:
            pin_file(path)
        assert caught.value.code == "not_found"
        assert repr(str(path)) in caught.value.message
    absent = pin_file(tmp_path / "dangling", must_exist=False)
    assert (absent.path, absent.regular, absent.readable, absent.size) == (str(new), False, False, 0)
    with pytest.raises(NotFound):
        absent.reopen_check()
    with pytest.raises(NotFound):
        pin_file(tmp_path / "none" / "x.db", must_exist=False)
    assert os.listdir(shop.parent) == ["shop.db"]
    new.write_bytes(b"")
    assert absent.reopen_check().regular


@pytest.mark.requirement("PATH-2", "PATH-4")
@pytest.mark.timeout(30)
@pytest.mark.parametrize("must_exist", [True, False])
def test_what_is_no_regular_file_is_refused_without_waiting(shop: Path, must_exist: bool) -> None:
    os.mkfifo(shop.parent / "fifo")
    (shop.parent / "to_fifo").symlink_to("fifo")
    for path in (shop.parent, shop.parent / "fifo", shop.parent / "to_fifo", "/dev/zero", "/", "/proc/version"):
        error = refusal(lambda path=path: pin_file(path, must_exist=must_exist))
        assert error.code == "not_regular"
        assert repr(str(path)) in error.message
    (shop.parent / "loop").symlink_to("loop")
    assert refusal(lambda: pin_file(shop.parent / "loop", must_exist=must_exist)).code == "not_regular"
    for path in ("", "a\0b", "\ud800"):
        assert refusal(lambda path=path: pin_file(path, must_exist=must_exist)).code == "invalid_path"


def replace_by_link(shop: Path) -> None:
    shop.rename(shop.with_name("old"))
    shop.symlink_to("old")


def replace_parent_by_link(shop: Path) -> None:
    shop.parent.rename(shop.parent.with_name("old"))
    shop.parent.symlink_to("old")


def replace_ancestor_by_link(shop: Path) -> None:
    ancestor = shop.parent.parent
    ancestor.rename(f"{ancestor}-old")
    ancestor.symlink_to(f"{ancestor}-old")


def replace_by_fifo(shop: Path) -> None:
    shop.unlink()
    os.mkfifo(shop)


def replace_by_directory(shop: Path) -> None:
    shop.unlink()
    shop.mkdir()


@pytest.mark.requirement("PATH-4")
@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "change",
    [
        replace_by_link,
        replace_parent_by_link,
        replace_ancestor_by_link,
        replace_by_fifo,
        replace_by_directory,
        Path.unlink,
    ],
)
def test_a_file_that_became_something_else_is_seen(shop: Path, change: object) -> None:
    pinned = pin_file(shop)
    assert callable(change)
    change(shop)
    with pytest.raises(Exception, match=r"shop\.db") as caught:
        pinned.reopen_check()
    assert getattr(caught.value, "code", None) in ("not_regular", "link_loop", "not_directory", "not_found")


@pytest.mark.requirement("PATH-4")
def test_a_replaced_file_shows_another_identity(shop: Path) -> None:
    pinned = pin_file(shop)
    other = shop.with_name("restored")
    other.write_bytes(b"y")
    other.replace(shop)
    assert (pinned.reopen_check().device, pinned.reopen_check().inode) != (pinned.device, pinned.inode)


LOCK_PROBE = "import fcntl,sys; fcntl.lockf(open(sys.argv[1], 'r+'), fcntl.LOCK_EX | fcntl.LOCK_NB)"


@pytest.mark.requirement("PATH-5")
def test_looking_keeps_the_locks_of_this_process(shop: Path) -> None:
    pinned = pin_file(shop)
    with shop.open("r+b") as held:
        fcntl.lockf(held, fcntl.LOCK_EX)
        pin_file(shop)
        pinned.reopen_check()
        probe = subprocess.run([sys.executable, "-I", "-c", LOCK_PROBE, str(shop)], capture_output=True, check=False)
    assert b"BlockingIOError" in probe.stderr


@pytest.mark.requirement("PATH-5")
def test_looking_does_not_disturb_an_open_database(tmp_path: Path, each_way: str) -> None:
    path = tmp_path / "live.db"
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("CREATE TABLE t(x)")
    writer.execute("BEGIN EXCLUSIVE")
    pin_file(path).reopen_check()
    code = "import sqlite3,sys; sqlite3.connect(sys.argv[1], timeout=0).execute('SELECT count(*) FROM t').fetchall()"
    probe = subprocess.run([sys.executable, "-I", "-c", code, str(path)], capture_output=True, check=False)
    writer.close()
    assert b"database is locked" in probe.stderr


@pytest.mark.requirement("PATH-4")
def test_permissions_are_those_of_the_effective_user(shop: Path, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("giving up root for a moment needs root")
    for folder in (tmp_path, *tmp_path.parents[:2], shop.parent):
        os.chmod(folder, 0o755)
    os.chmod(shop, 0o444)
    os.seteuid(65534)
    try:
        pinned = pin_file(shop)
        os.seteuid(0)
        os.chmod(shop, 0o200)
        os.seteuid(65534)
        closed = refusal(lambda: pin_file(shop))
        os.seteuid(0)
        os.chmod(shop.parent, 0o600)
        os.seteuid(65534)
        shut = refusal(pinned.reopen_check)
    finally:
        os.seteuid(0)
    assert (pinned.readable, pinned.writable) == (True, False)
    assert (closed.code, shut.code) == ("unreadable", "unreadable")
