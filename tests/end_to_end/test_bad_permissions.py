"""What the server may not touch: files it may not read, folders it may not write in.

Root may do everything, so root's tests take that power away from the server with `setpriv`.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from raw_client import RawClient, child_environment, sqlite_command

SETPRIV = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
LEFT_BY_A_WRITER = """
import os, sqlite3, sys
c = sqlite3.connect(sys.argv[1])
c.execute("PRAGMA journal_mode=WAL")
c.execute("CREATE TABLE t(id INTEGER PRIMARY KEY)")
c.executemany("INSERT INTO t VALUES(?)", [(i,) for i in range(101)])
c.commit()
os._exit(0)
"""


def is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="POSIX permissions"),
    pytest.mark.skipif(is_root() and not shutil.which("setpriv"), reason="root without setpriv may do everything"),
]


def limited(command: list[str]) -> list[str]:
    return [*SETPRIV, *command] if is_root() else command


def wal_database(path: Path, *, closed: bool) -> Path:
    """In WAL mode with 101 rows; not `closed`: all of them still in the -wal file, the writer is gone."""
    subprocess.run([sys.executable, "-c", LEFT_BY_A_WRITER, str(path)], check=True, timeout=60)
    if closed:
        sqlite3.connect(path).executescript("PRAGMA wal_checkpoint(TRUNCATE)").connection.close()
        assert not path.with_name(f"{path.name}-wal").exists()
    return path


def test_one_that_may_not_be_read_says_so(tmp_path: Path) -> None:
    secret = tmp_path / "secret.db"
    sqlite3.connect(secret).executescript("CREATE TABLE t(a)").connection.close()
    secret.chmod(0)
    ended = subprocess.run(
        limited(sqlite_command(db=str(secret))),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        env=child_environment(),
    )
    assert ended.returncode == 2
    assert "denies access" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("closed", "index"),
    [(True, False), (False, True), (False, False)],
    ids=["closed", "left-open", "left-without-shm"],
)
def test_a_wal_database_in_a_folder_that_cannot_be_written(tmp_path: Path, closed: bool, index: bool) -> None:
    """Read right, or refused, and never with committed rows missing."""
    folder = tmp_path / "data"
    folder.mkdir()
    database = wal_database(folder / "shop.db", closed=closed)
    if not index:
        (folder / "shop.db-shm").unlink(missing_ok=True)
    before = sorted(os.listdir(folder))
    folder.chmod(0o555)
    try:
        with RawClient(limited(sqlite_command(db=str(database)))) as client:
            reply = client.query("SELECT count(*) FROM t")
            if closed or index:
                assert reply.data["rows"] == [[101]], reply.text
                assert ("frozen file" in reply.text) == closed
            else:
                assert reply.is_error, "an answer without the rows in the -wal file"
                assert reply.code in ("needs_recovery", "cannot_open", "read_only_folder")
        assert sorted(os.listdir(folder)) == before
    finally:
        folder.chmod(0o755)


def test_a_state_folder_that_cannot_be_written_stops_writes_not_reads(tmp_path: Path) -> None:
    database = wal_database(tmp_path / "shop.db", closed=True)
    state = tmp_path / "state"
    state.mkdir(mode=0o500)
    command = limited(sqlite_command("--allow-writes", db=str(database)))
    with RawClient(command, env={"MCP_SERVERS_STATE_DIR": str(state)}) as client:
        page = client.query("SELECT id FROM t ORDER BY id", limit=5)
        assert page.data["rows"][0] == [0], page.text
        following = client.query("SELECT id FROM t ORDER BY id", limit=5, cursor=page.data["next_cursor"])
        assert following.data["rows"][0] == [5], "pages go on without a lasting key"
        assert client.call("execute_sql", {"sql": "DELETE FROM t"}).code == "audit_unavailable"
        assert client.query("SELECT count(*) FROM t").data["rows"] == [[101]]
        memo = client.request("resources/read", {"uri": "memo://insights"})
        assert memo.result["contents"][0]["text"] == "No insights yet."
