"""Many things at once, against a real process: slow queries, cancellations, full queues, writers, lost clients."""

import os
import signal
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from raw_client import Era, RawClient, alive, descendants, sqlite_command, state

FOREVER = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT count(*) FROM c"
# Minutes on any machine.
IN_ONE_C_CALL = "SELECT instr(hex(zeroblob(1500000)), hex(zeroblob(750000)) || '1')"
HANG = 20.0
RESPONSIVE = 0.25
ERAS: tuple[Era, Era] = ("modern", "legacy")

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are read from /proc")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for databases and the state of the servers that several tests share."""
    path = tmp_path_factory.mktemp("concurrency")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MCP_SERVERS_STATE_DIR", str(path / "state"))
        yield path


@pytest.fixture(scope="module", params=ERAS)
def crowded(request: pytest.FixtureRequest, folder: Path) -> Iterator[RawClient]:
    """A server with one worker and room for one call that waits."""
    database = shop(folder / f"crowded-{request.param}.db")
    with server(database, "--timeout", "60", "--workers", "1", "--queue", "1", era=request.param) as client:
        yield client


@pytest.fixture(scope="module", params=ERAS)
def roomy(request: pytest.FixtureRequest, folder: Path) -> Iterator[RawClient]:
    """A server with two workers and a long queue."""
    database = shop(folder / f"roomy-{request.param}.db")
    with server(database, "--timeout", "60", "--queue", "1000", era=request.param) as client:
        yield client


@pytest.fixture(scope="module", params=["delete", "wal"])
def written(request: pytest.FixtureRequest, folder: Path) -> Iterator[tuple[RawClient, Path]]:
    """A server and its database, in rollback mode and in WAL mode."""
    database = shop(folder / f"{request.param}.db", request.param)
    with server(database) as client:
        yield client, database


def shop(path: Path, journal: str = "delete") -> Path:
    """A table of 5,000 rows."""
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA journal_mode={journal}")
    connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)")
    connection.executemany("INSERT INTO t(v) VALUES(?)", [(f"v{i}",) for i in range(1, 5001)])
    connection.commit()
    connection.close()
    return path


def server(database: Path, *flags: str, era: Era = "modern") -> RawClient:
    return RawClient(sqlite_command("--rate-limit", "off", *flags, db=str(database)), era=era)


def until(condition: Callable[[], bool], what: str) -> None:
    ends = time.monotonic() + HANG
    while not condition():
        assert time.monotonic() < ends, f"still not: {what}"
        time.sleep(0.01)


def running(client: RawClient) -> list[int]:
    """Workers that compute right now."""
    return [pid for pid in descendants(client.pid) if state(pid) == "R"]


def begin(client: RawClient, sql: str) -> int:
    """Starts a query and waits until a worker computes it."""
    identity, _ = client.start("query_database", {"sql": sql})
    until(lambda: bool(running(client)), "the query runs")
    return identity


SLOW = pytest.mark.parametrize("sql", [FOREVER, IN_ONE_C_CALL], ids=["steps", "one-c-call"])


@SLOW
def test_others_are_answered_while_a_query_runs(roomy: RawClient, sql: str) -> None:
    slow = begin(roomy, sql)
    cheap = "ping" if roomy.era == "legacy" else "server/discover"
    taken = [roomy.request(one, timeout=HANG).seconds for _ in range(15) for one in (cheap, "tools/list")]
    taken += [roomy.query("SELECT 1", timeout=HANG).seconds for _ in range(5)]
    assert not roomy.has(slow), "the slow query was not slow"
    roomy.cancel(slow)
    assert statistics.median(taken) < RESPONSIVE
    assert sorted(taken)[-3] < RESPONSIVE, "more than two answers waited"


@pytest.mark.requirement("SQL-3")
@SLOW
def test_a_cancelled_statement_stops(crowded: RawClient, sql: str) -> None:
    slow = begin(crowded, sql)
    crowded.cancel(slow)
    after = crowded.query("SELECT count(*) FROM t", timeout=HANG)
    assert after.data["rows"] == [[5000]], after.text
    until(lambda: not running(crowded), "no worker computes any more")
    assert not crowded.has(slow), "a cancelled call was answered"


def test_a_full_queue_says_busy_and_when_to_come_back(crowded: RawClient) -> None:
    slow = begin(crowded, FOREVER)
    waiting, sent = crowded.start("query_database", {"sql": "SELECT 1"})
    refused = crowded.query("SELECT 9", timeout=HANG)
    assert refused.code == "busy"
    assert "Try again in" in refused.text
    assert not crowded.request("tools/list", timeout=HANG).is_error
    crowded.cancel(slow)
    assert crowded.receive(waiting, sent, HANG).data["rows"] == [[1]]
    assert crowded.query("SELECT 9", timeout=HANG).data["rows"] == [[9]]


def test_a_waiting_call_that_is_cancelled_leaves_the_queue(crowded: RawClient) -> None:
    slow = begin(crowded, FOREVER)
    waiting, _ = crowded.start("query_database", {"sql": "SELECT 1"})
    assert crowded.query("SELECT 2").code == "busy"
    crowded.cancel(waiting)
    again, sent = crowded.start("query_database", {"sql": "SELECT 3"})
    assert not crowded.request("tools/list", timeout=HANG).is_error
    crowded.cancel(slow)
    reply = crowded.receive(again, sent, HANG)
    assert reply.code == ""
    assert reply.data["rows"] == [[3]]


def test_32_at_once_are_all_answered_right(roomy: RawClient) -> None:
    sql = "SELECT id, v FROM t WHERE id % 32 = ? ORDER BY id"
    sent = [roomy.start("query_database", {"sql": sql, "params": [number]}) for number in range(32)]
    for number, (identity, when) in enumerate(sent):
        reply = roomy.receive(identity, when, HANG)
        assert not reply.is_error, reply.text
        assert reply.data["rows"] == [[i, f"v{i}"] for i in range(1, 5001) if i % 32 == number][:50]


def test_a_client_that_does_not_read_is_waited_for(roomy: RawClient) -> None:
    sent = [roomy.start("query_database", {"sql": "SELECT * FROM t", "limit": 1000}) for _ in range(150)]
    time.sleep(0.3)
    assert all(not roomy.receive(identity, when, HANG).is_error for identity, when in sent)


WRITER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=float(sys.argv[3]), isolation_level=None)
connection.execute("PRAGMA synchronous=OFF")
for number in range(int(sys.argv[2])):
    connection.execute("INSERT INTO t(v) VALUES('written')")
print("written")
"""


def writer(database: Path, rows: int, timeout: float) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", WRITER, str(database), str(rows), str(timeout)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("tool", ["query_database", "read_query", "profile_table", "list_tables", "describe_table"])
def test_no_cursor_stays_open_in_the_way_of_a_writer(written: tuple[RawClient, Path], tool: str) -> None:
    client, database = written
    arguments: dict[str, dict[str, Any]] = {
        "query_database": {"sql": "SELECT * FROM t", "limit": 1},
        "read_query": {"query": "SELECT * FROM t"},
        "profile_table": {"table_name": "t"},
        "list_tables": {},
        "describe_table": {"table_name": "t", "sample_rows": 2},
    }
    assert not client.call(tool, arguments[tool]).is_error
    said, complained = writer(database, 1, timeout=0).communicate(timeout=HANG)
    assert said.strip() == "written", complained


def test_a_writer_elsewhere_breaks_no_read_and_is_not_broken(written: tuple[RawClient, Path]) -> None:
    client, database = written
    before = client.query("SELECT count(*) FROM t").data["rows"][0][0]
    other = writer(database, 400, timeout=HANG)
    counts: list[int] = []
    while other.poll() is None:
        reply = client.query("SELECT count(*), max(id) FROM t", timeout=HANG)
        assert not reply.is_error, reply.text
        (count, highest), *_ = reply.data["rows"]
        assert count == highest, "a read saw half of a change"
        counts.append(count)
    said, complained = other.communicate(timeout=HANG)
    assert said.strip() == "written", complained
    assert counts == sorted(counts)
    assert client.query("SELECT count(*) FROM t").data["rows"] == [[before + 400]]


@pytest.mark.parametrize("ending", ["the pipe closes", "SIGTERM", "SIGINT", "SIGKILL"])
def test_nobody_is_left_when_it_ends_in_the_middle_of_queries(tmp_path: Path, ending: str) -> None:
    with server(shop(tmp_path / "shop.db"), "--timeout", "60") as client:
        for sql in (FOREVER, IN_ONE_C_CALL, FOREVER):
            client.start("query_database", {"sql": sql})
        until(lambda: len(running(client)) == 2, "both workers compute")
        family = client.pids()
        assert len(family) >= 3
        if ending == "the pipe closes":
            assert client.process.stdin is not None
            client.process.stdin.close()
        else:
            os.kill(client.pid, getattr(signal, ending))
        code = client.process.wait(HANG)
        assert code == (-signal.SIGKILL if ending == "SIGKILL" else 0)
        until(lambda: not any(alive(pid) for pid in family), "all of them are gone")


def test_a_client_that_stops_reading_and_goes_leaves_nobody(tmp_path: Path) -> None:
    with server(shop(tmp_path / "shop.db"), "--queue", "1000") as client:
        for _ in range(60):
            client.start("query_database", {"sql": "SELECT * FROM t", "limit": 1000})
        until(lambda: len(descendants(client.pid)) >= 2, "workers are there")
        family = client.pids()
        assert client.process.stdin is not None
        assert client.process.stdout is not None
        client.process.stdout.close()
        client.process.stdin.close()
        client.process.wait(HANG)
        until(lambda: not any(alive(pid) for pid in family), "all of them are gone")
