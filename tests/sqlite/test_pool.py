"""The pool: who waits, who is stopped, and that one bad statement costs nobody else anything."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from pool_world import C_LOOP, ENDLESS, PATIENT, cpu_seconds, is_alive, lying, pool_on, run, until
from sample_databases import database

from mcp_servers_shared.errors import Busy, InvalidInput, LimitExceeded, NotFound, Unavailable, WritesDisabled
from mcp_servers_sqlite.databases import DatabaseFile
from mcp_servers_sqlite.engine.settings import ALL_LAYERS
from mcp_servers_sqlite.limits import Limits
from mcp_servers_sqlite.pool import WorkerPool

ODD = database("odd")
ONE = {"sql": "SELECT 1"}


def test_workers_start_at_the_first_call_and_are_kept() -> None:
    async def test() -> None:
        async with pool_on(ODD) as pool:
            assert pool.pids == []
            for _ in range(3):
                assert (await pool.run("query", "db", ONE))["rows"] == [[1]]
            assert len(pool.pids) == 1
            await asyncio.gather(*[pool.run("query", "db", ONE) for _ in range(8)])
            assert len(pool.pids) == 2

    run(test)


def test_unknown_databases_and_operations_are_refused_before_any_process_starts() -> None:
    async def test() -> None:
        async with pool_on(ODD) as pool:
            with pytest.raises(NotFound, match="no database called 'x'"):
                await pool.run("query", "x", ONE)
            with pytest.raises(InvalidInput, match="no operation"):
                await pool.run("shell", "db", {})
            assert pool.pids == []

    run(test)


@pytest.mark.requirement("SQL-1")
def test_a_pool_that_reads_starts_no_process_that_could_write() -> None:
    async def test() -> None:
        async with pool_on(ODD) as pool:
            with pytest.raises(WritesDisabled):
                await pool.run("apply", "db", {"sql": "DELETE FROM users"})
            assert pool.pids == []

    run(test)


@pytest.mark.requirement("SQL-3")
def test_a_full_queue_says_when_to_come_back() -> None:
    async def test() -> None:
        async with pool_on(ODD, size=1, queue=2) as pool:
            await pool.run("query", "db", ONE)
            running = asyncio.create_task(pool.run("query", "db", {"sql": ENDLESS}))
            await asyncio.sleep(0)
            waiting = [asyncio.create_task(pool.run("query", "db", ONE)) for _ in range(2)]
            await asyncio.sleep(0)
            with pytest.raises(Busy) as caught:
                await pool.run("query", "db", ONE)
            assert "Try again in" in caught.value.hint
            assert caught.value.evidence["retry_after_s"] > 0
            running.cancel()
            assert [(await task)["rows"] for task in waiting] == [[[1]], [[1]]]

    run(test)


def test_a_call_that_leaves_the_queue_gives_its_place_to_the_next() -> None:
    async def test() -> None:
        async with pool_on(ODD, size=1) as pool:
            running = asyncio.create_task(pool.run("query", "db", {"sql": ENDLESS}))
            await asyncio.sleep(0)
            leaving = asyncio.create_task(pool.run("query", "db", ONE))
            staying = asyncio.create_task(pool.run("query", "db", ONE))
            await asyncio.sleep(0)
            leaving.cancel()
            running.cancel()
            assert (await staying)["rows"] == [[1]]

    run(test)


@pytest.mark.requirement("SQL-3")
@pytest.mark.parametrize(
    "sql", [ENDLESS, C_LOOP, "SELECT printf('%.*c', 2000000000, 'x')"], ids=["loop", "instr", "printf"]
)
def test_the_deadline_ends_a_statement_even_inside_one_c_call(sql: str) -> None:
    async def test() -> None:
        async with pool_on(ODD, Limits(deadline=0.3)) as pool:
            with pytest.raises(LimitExceeded) as caught:
                await pool.run("query", "db", {"sql": sql})
            assert caught.value.code in ("deadline", "too_big")
            assert (await pool.run("query", "db", ONE, deadline=30))["rows"] == [[1]]

    run(test)


@pytest.mark.requirement("SQL-3")
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("sql", [ENDLESS, C_LOOP], ids=["loop", "instr"])
def test_cancelling_a_read_ends_its_process(sql: str) -> None:
    async def test() -> None:
        async with pool_on(ODD, size=1) as pool:
            await pool.run("query", "db", ONE)
            (pid,) = pool.pids
            used = cpu_seconds(pid)
            task = asyncio.create_task(pool.run("query", "db", {"sql": sql}))
            await until(lambda: cpu_seconds(pid) > used + 0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await until(lambda: not is_alive(pid))
            assert (await pool.run("query", "db", ONE))["rows"] == [[1]]

    run(test)


@pytest.mark.requirement("SQL-3")
def test_a_crash_is_reported_and_the_next_call_works(tmp_path: Path) -> None:
    """The known SELECT that calls an address of the caller's choice, with the layers taken away that stop it."""
    path = tmp_path / "crash.db"
    connection = sqlite3.connect(path)
    if "ENABLE_FTS3_TOKENIZER" not in [row[0] for row in connection.execute("PRAGMA compile_options")]:
        pytest.skip("this SQLite has no fts3_tokenizer to crash it with")
    connection.executescript("CREATE VIRTUAL TABLE f USING fts4(a); INSERT INTO f VALUES('x')")
    connection.close()
    # The table is first opened by the nested pragma, after the tokenizer was pointed at nothing.
    sql = "SELECT fts3_tokenizer('simple', x'4141414141414141'), (SELECT count(*) FROM pragma_table_info('f'))"

    async def test() -> None:
        async with pool_on(path, layers=ALL_LAYERS - {"authorizer", "defensive"}) as pool:
            await pool.run("query", "db", ONE)
            with pytest.raises(Unavailable) as caught:
                await pool.run("query", "db", {"sql": sql})
            assert caught.value.code == "worker_crashed"
            assert "SIGSEGV" in caught.value.message
            assert (await pool.run("query", "db", ONE))["rows"] == [[1]]
        async with pool_on(path) as pool:
            with pytest.raises(Exception, match="fts3_tokenizer"):
                await pool.run("query", "db", {"sql": sql})

    run(test)


@pytest.mark.requirement("SQL-3")
def test_a_worker_killed_from_outside_is_replaced() -> None:
    async def test() -> None:
        async with pool_on(ODD, size=1) as pool:
            await pool.run("query", "db", ONE)
            (pid,) = pool.pids
            task = asyncio.create_task(pool.run("query", "db", {"sql": ENDLESS}))
            await asyncio.sleep(0)
            os.kill(pid, signal.SIGKILL)
            with pytest.raises(Unavailable, match=r"crashed \(SIGKILL\)"):
                await task
            assert (await pool.run("query", "db", ONE))["rows"] == [[1]]
            assert pid not in pool.pids

    run(test)


@pytest.mark.requirement("SQL-3")
@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("read(); send(b'\\x00\\x00\\x00\\x05hello')", "worker_garbage"),
        ("read(); send(frame({'id': 99, 'ok': {}}))", "worker_garbage"),
        ("read(); send(frame([]))", "worker_garbage"),
        ("read(); send(frame({'id': 1}))", "worker_garbage"),
        ("read(); send(frame({'id': 1, 'ok': [1]}))", "worker_garbage"),
        (
            "read(); send(frame({'id': 1, 'error': {'type': 'SystemExit', 'message': 'x', 'code': 'x'}}))",
            "worker_garbage",
        ),
        ("read(); send(frame({'id': 1, 'error': {'type': 'Busy'}}))", "worker_garbage"),
        ("read(); send(frame({'id': 1, 'ok': {}, 'parts': [['rows', 99, 1]]}, b'[]'))", "worker_garbage"),
        ("read(); send(frame({'id': 1, 'ok': {}, 'parts': [['text', 4, 1]]}, b'\"a\\n\"'))", "worker_garbage"),
        ("read(); send(b'[' * 100000)", "too_large"),
        ("read(); send(b'\\xff\\xff\\xff\\xff')", "too_large"),
        ("read(); send(frame({'id': 1, 'ok': {'x': 'y' * 200000}}))", "too_large"),
        ("read(); sys.exit(3)", "worker_crashed"),
        ("send(frame({'id': 0, 'ok': {'unasked': 1}})); read(); time.sleep(60)", "worker_garbage"),
        ("read(); os.close(1); time.sleep(60)", "deadline"),
    ],
)
def test_a_lying_worker_harms_nobody(script: str, code: str) -> None:
    async def test() -> None:
        limits = Limits(deadline=0.5, reply_bytes=100_000)
        async with pool_on(ODD, limits, size=1, command=lying(script)) as pool:
            for _ in range(2):
                with pytest.raises((Unavailable, LimitExceeded)) as caught:
                    await pool.run("query", "db", ONE)
                assert caught.value.code == code

    run(test)


def test_a_worker_that_cannot_start_is_an_error_and_not_a_hang(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        for command in (["/no/such/python"], [sys.executable, "-c", "raise SystemExit('broken installation')"]):
            async with pool_on(ODD, command=command) as pool:
                with pytest.raises(Unavailable) as caught:
                    await pool.run("query", "db", ONE)
                assert caught.value.code == "worker_start"

    run(test)
    assert "broken installation" in caplog.text


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_closing_ends_running_calls_and_leaves_nothing() -> None:
    async def test() -> None:
        pool = WorkerPool({"db": DatabaseFile("db", ODD)}, PATIENT, size=2)
        tasks = [asyncio.create_task(pool.run("query", "db", {"sql": C_LOOP})) for _ in range(4)]
        await until(lambda: len(pool.pids) == 2)
        pids = pool.pids
        await pool.aclose()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(result, Unavailable)
            assert result.code in ("closing", "worker_start")
        assert not [pid for pid in pids if is_alive(pid)]
        with pytest.raises(Unavailable):
            await pool.run("query", "db", ONE)

    run(test)


def check_confinement(process: Path) -> None:
    assert (process / "environ").read_bytes() in (b"", b"SQLITE_TMPDIR=/dev/shm\0")
    assert (process / "cwd").readlink() == Path("/")
    limits = (process / "limits").read_text(encoding="ascii")
    assert f"Max address space         {PATIENT.address_space_bytes}" in limits
    assert f"Max file size             {PATIENT.file_bytes}" in limits
    assert "Max open files            10" in limits
    assert "pydantic" not in (process / "maps").read_text(encoding="utf-8")


@pytest.mark.requirement("ENV-1")
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_worker_has_no_environment_and_little_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "canary")

    async def test() -> None:
        async with pool_on(ODD, size=1) as pool:
            await pool.run("query", "db", ONE)
            (pid,) = pool.pids
            check_confinement(Path("/proc") / str(pid))

    run(test)


@pytest.mark.skipif(sys.platform != "linux", reason="needs PR_SET_PDEATHSIG")
def test_workers_die_with_a_server_that_is_killed(tmp_path: Path) -> None:
    script = f"""
import asyncio, sys
sys.path[:0] = {sys.path!r}
from pool_world import *
async def main():
    pool = WorkerPool({{"db": DatabaseFile("db", Path({str(ODD)!r}))}}, PATIENT, size=1)
    await pool.run("query", "db", {{"sql": "SELECT 1"}})
    asyncio.create_task(pool.run("query", "db", {{"sql": C_LOOP}}))
    await asyncio.sleep(0.2)
    print(*pool.pids, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""
    server = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    (pid,) = [int(one) for one in server.stdout.readline().split()]
    assert is_alive(pid)
    server.kill()
    server.wait()
    server.stdout.close()
    asyncio.run(until(lambda: not is_alive(pid)))
