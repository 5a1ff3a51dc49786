"""Writes through the pool: stopped gently, killed if they must be, and rolled back before anybody looks again."""

import asyncio
import os
import shutil
import signal
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest
from pool_world import PATIENT, cpu_seconds, is_alive, lying, pool_on, run, until

from mcp_servers_shared.errors import LimitExceeded, Unavailable
from mcp_servers_sqlite.limits import Limits
from mcp_servers_sqlite.pool import WorkerPool

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

SLOW = "UPDATE t SET pad = (SELECT count(*) FROM t a, t b, t c WHERE a.id + b.id + c.id > t.id)"
# Far more pages than the cache holds, so that SQLite writes to the file before the commit.
SPILLING = "UPDATE t SET pad = pad || 'x'"
SMALL_CACHE = Limits(deadline=60.0, cache_kib=64)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    connection = sqlite3.connect(tmp_path / "t.db")
    connection.executescript(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, pad);"
        "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n LIMIT 20000)"
        "    SELECT i, hex(zeroblob(200)) FROM n;"
    )
    connection.close()
    return tmp_path / "t.db"


def content(path: Path) -> tuple[int, int]:
    connection = sqlite3.connect(path)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return connection.execute("SELECT count(*), max(length(pad)) FROM t").fetchone()
    finally:
        connection.close()


def is_hot(journal: Path) -> bool:
    """Whether the journal must be rolled back: its header is written, so the database may be half changed."""
    return journal.exists() and journal.read_bytes()[:1] not in (b"", b"\0")


async def started(pool: WorkerPool, sql: str) -> tuple[asyncio.Task[dict[str, Any]], list[int]]:
    """The preview of `sql`, once it has run for a while, and the process that runs it."""
    await pool.run("preview", "db", {"sql": "DELETE FROM t WHERE id = 1"})
    (pid,) = pool.pids
    used = cpu_seconds(pid)
    task = asyncio.create_task(pool.run("preview", "db", {"sql": sql}))
    await until(lambda: cpu_seconds(pid) > used + 0.2)
    return task, [pid]


def journal(path: Path) -> Path:
    return path.with_name(path.name + "-journal")


@pytest.mark.requirement("SQL-3")
def test_a_cancelled_write_stops_by_itself_and_its_worker_lives(path: Path) -> None:
    async def test() -> None:
        async with pool_on(path, allow_writes=True) as pool:
            task, pids = await started(pool, SLOW)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            # The writer has one place: this call waits until the cancelled one has rolled back.
            shown = await pool.run("preview", "db", {"sql": "DELETE FROM t WHERE id < 4"})
            assert shown["affected_rows"] == 3
            assert pool.pids == pids

    run(test)
    assert content(path) == (20_000, 400)


@pytest.mark.requirement("SQL-3")
def test_a_write_has_a_deadline_too(path: Path) -> None:
    async def test() -> None:
        async with pool_on(path, Limits(deadline=0.3), allow_writes=True) as pool:
            with pytest.raises(LimitExceeded) as caught:
                await pool.run("preview", "db", {"sql": SLOW})
            assert caught.value.code == "deadline"
            assert (await pool.run("query", "db", {"sql": "SELECT count(*) FROM t"}, deadline=30))["rows"] == [[20_000]]

    run(test)
    assert content(path) == (20_000, 400)


@pytest.mark.requirement("SQL-3")
def test_a_killed_write_is_rolled_back_before_the_next_read(path: Path) -> None:
    async def test() -> None:
        async with pool_on(path, SMALL_CACHE, allow_writes=True) as pool:
            await pool.run("preview", "db", {"sql": "DELETE FROM t WHERE id = 1"})
            (writer,) = pool.pids
            task = asyncio.create_task(pool.run("preview", "db", {"sql": SPILLING}))
            await until(lambda: is_hot(journal(path)))
            os.kill(writer, signal.SIGKILL)
            with pytest.raises(Unavailable, match="crashed"):
                await task
            assert is_hot(journal(path)), "there is nothing to roll back"
            rows = (await pool.run("query", "db", {"sql": "SELECT count(*), max(length(pad)) FROM t"}))["rows"]
            assert rows == [[20_000, 400]]
            assert not journal(path).exists()

    run(test)
    assert content(path) == (20_000, 400)


def test_a_journal_that_a_reader_may_not_roll_back_is_explained(path: Path, tmp_path: Path) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA cache_size=10")
    connection.execute("BEGIN")
    connection.execute(SPILLING)
    crashed = tmp_path / "crashed.db"
    shutil.copyfile(path, crashed)
    shutil.copyfile(journal(path), journal(crashed))
    connection.close()

    async def test() -> None:
        async with pool_on(crashed) as pool:
            with pytest.raises(Unavailable) as caught:
                await pool.run("query", "db", {"sql": "SELECT count(*) FROM t"})
            assert caught.value.code == "needs_recovery"
            assert "may write" in caught.value.hint

    run(test)


@pytest.mark.requirement("SQL-3")
def test_a_write_that_ignores_the_interrupt_is_killed_and_the_database_settled_first(
    path: Path, tmp_path: Path
) -> None:
    log = tmp_path / "asked.txt"
    script = f"""
import signal
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
while True:
    request = read()
    with open({str(log)!r}, 'a') as file:
        file.write(request['operation'] + ' ')
    if request['operation'] == 'preview':
        time.sleep(60)
    send(frame({{'id': request['id'], 'ok': {{}}}}))
"""

    async def test() -> None:
        limits = Limits(deadline=60.0, kill_after=0.2)
        async with pool_on(path, limits, allow_writes=True, command=lying(script)) as pool:
            task = asyncio.create_task(pool.run("preview", "db", {"sql": SLOW}))
            await until(lambda: log.exists() and "preview" in log.read_text(encoding="ascii"))
            (stubborn,) = pool.pids
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await until(lambda: not is_alive(stubborn))
            await pool.run("query", "db", {"sql": "SELECT 1"})

    run(test)
    assert log.read_text(encoding="ascii").split() == ["preview", "recover", "query"]


def test_reads_go_on_while_a_write_runs(path: Path) -> None:
    async def test() -> None:
        async with pool_on(path, PATIENT, allow_writes=True) as pool:
            task, _ = await started(pool, SLOW)
            rows = (await pool.run("query", "db", {"sql": "SELECT count(*) FROM t"}))["rows"]
            assert rows == [[20_000]]
            assert not task.done()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    run(test)
