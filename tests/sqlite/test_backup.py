"""A backup is whole, checked and private, or there is none."""

import contextlib
import os
import sqlite3
import stat
import sys
from pathlib import Path

import pytest
from write_world import dump, files, make, previewed, python, rows, told, writing

from mcp_servers_shared.errors import InvalidInput, LimitExceeded, Unavailable
from mcp_servers_sqlite.engine import backup as module
from mcp_servers_sqlite.engine.backup import backup

BANK = """
CREATE TABLE accounts(id INTEGER PRIMARY KEY, cents INTEGER NOT NULL, pad);
INSERT INTO accounts WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n LIMIT 20000)
    SELECT i, 100, hex(zeroblob(200)) FROM n;
"""
# Moves money from one account to another until it is killed; the sum never changes.
MOVER = """
import random, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
connection.execute("PRAGMA synchronous=OFF")
print("started", flush=True)
while True:
    one, two = random.randint(1, 20000), random.randint(1, 20000)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("UPDATE accounts SET cents = cents - 1 WHERE id = ?", (one,))
    connection.execute("UPDATE accounts SET cents = cents + 1 WHERE id = ?", (two,))
    connection.execute("COMMIT")
"""
# A limit on the size of files stands for a full disk.
SMALL_DISK = """
import json, resource, sys
from write_world import writing
from pathlib import Path
from mcp_servers_shared.errors import ServerError
from mcp_servers_sqlite.engine.backup import backup
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
with writing(Path(sys.argv[1])) as connection:
    try:
        backup(connection, {"target": sys.argv[2]})
        print("made")
    except ServerError as error:
        print(error.code)
"""


@pytest.fixture(params=["delete", "wal"])
def bank(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    return make(tmp_path / "bank.db", BANK, wal=request.param == "wal")


def copied(path: Path, target: Path, seconds: float = 60.0) -> dict[str, object]:
    with writing(path, seconds) as connection:
        return backup(connection, {"target": str(target)})


@pytest.mark.requirement("BACKUP-1")
def test_a_backup_holds_everything(bank: Path, tmp_path: Path) -> None:
    before = dump(bank)
    folder = tmp_path / "backups"
    folder.mkdir()
    made = copied(bank, folder / "copy.db")
    assert made["bytes"] == (folder / "copy.db").stat().st_size > 1_000_000
    assert files(folder) == {"copy.db"}
    if os.name == "posix":
        assert stat.S_IMODE((folder / "copy.db").stat().st_mode) == 0o600
    assert dump(folder / "copy.db") == before
    assert dump(bank) == before


@pytest.mark.requirement("BACKUP-1")
def test_a_backup_while_another_program_writes(bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAGES_AT_ONCE", 20)
    with python(MOVER, str(bank)) as mover:
        assert told(mover) == "started"
        for number in range(3):
            copied(bank, tmp_path / f"copy{number}.db")
            assert rows(tmp_path / f"copy{number}.db", "SELECT count(*), sum(cents) FROM accounts") == [
                (20_000, 2_000_000)
            ]
        assert mover.poll() is None, "the writer went on"


@pytest.mark.requirement("BACKUP-1")
@pytest.mark.parametrize("kind", ["file", "folder", "link", "empty"])
def test_nothing_is_overwritten(bank: Path, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "taken"
    if kind == "folder":
        target.mkdir()
    elif kind == "link":
        target.symlink_to(tmp_path / "elsewhere")
    else:
        target.write_text("mine" if kind == "file" else "")
    there = files(tmp_path)
    monkeypatch.setattr(module, "_copy", lambda *_: pytest.fail("it was refused before anything was copied"))
    with pytest.raises(InvalidInput) as refused:
        copied(bank, target)
    assert refused.value.code == "backup_exists"
    assert files(tmp_path) == there
    assert kind != "file" or target.read_text() == "mine"


@pytest.mark.requirement("BACKUP-1")
def test_a_file_that_appears_meanwhile_is_kept(bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "copy.db"
    flush = module._flush  # pyright: ignore[reportPrivateUsage]

    def late(draft: str) -> None:
        flush(draft)
        target.write_text("mine")

    monkeypatch.setattr(module, "_flush", late)
    with pytest.raises(InvalidInput, match="exists"):
        copied(bank, target)
    assert target.read_text() == "mine"
    assert not list(tmp_path.glob("*.partial"))


@pytest.mark.requirement("BACKUP-1")
def test_without_hard_links_it_still_overwrites_nothing(
    bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", no_links)
    copied(bank, tmp_path / "copy.db")
    assert dump(tmp_path / "copy.db") == dump(bank)
    with pytest.raises(InvalidInput):
        copied(bank, tmp_path / "copy.db")


@pytest.mark.requirement("BACKUP-1")
@pytest.mark.parametrize("target", ["copy.db", "", "./copy.db", "/no/such/folder/copy.db"])
def test_only_an_absolute_path_in_a_folder_that_exists(bank: Path, target: str) -> None:
    with writing(bank) as connection, pytest.raises(InvalidInput):
        backup(connection, {"target": target})


@pytest.mark.requirement("BACKUP-1")
@pytest.mark.skipif(sys.platform == "win32", reason="limits of file size are POSIX")
def test_a_full_disk_leaves_nothing(bank: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    before = dump(bank)
    with python(SMALL_DISK, str(bank), str(folder / "copy.db")) as child:
        assert told(child) == "backup_failed"
    assert files(folder) == set()
    assert dump(bank) == before


@pytest.mark.requirement("BACKUP-1")
def test_a_deadline_leaves_nothing(bank: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    with writing(bank) as connection:
        connection.deadline.interrupted = True
        connection.set_progress_handler(None, 0)
        with pytest.raises(LimitExceeded):
            backup(connection, {"target": str(folder / "copy.db")})
    assert files(folder) == set()
    assert previewed(bank, "DELETE FROM accounts")["affected_rows"] == 20_000


@pytest.mark.requirement("BACKUP-1")
def test_a_damaged_database_is_not_passed_off_as_a_backup(tmp_path: Path) -> None:
    path = make(tmp_path / "bank.db", BANK)
    with path.open("r+b") as file:
        file.seek(200 * 4096)
        file.write(b"\xff" * 4096 * 3)
    with pytest.raises((Unavailable, sqlite3.DatabaseError)):
        copied(path, tmp_path / "copy.db")
    assert files(tmp_path) == {"bank.db"}


@pytest.mark.requirement("BACKUP-1")
def test_killed_in_the_middle_no_file_bears_the_name(bank: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    code = (
        "import sys; from pathlib import Path; from write_world import writing\n"
        "from mcp_servers_sqlite.engine import backup as module\n"
        "module._check = lambda *_: (print('copied', flush=True), sys.stdin.read())\n"
        "with writing(Path(sys.argv[1])) as connection: module.backup(connection, {'target': sys.argv[2]})"
    )
    with python(code, str(bank), str(target)) as child:
        assert told(child) == "copied"
        child.kill()
        child.wait()
    assert not target.exists()
    with contextlib.closing(sqlite3.connect(bank)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
