"""Pools for tests: on small databases, with workers that lie, and a count of the processes that stay behind."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mcp_servers_sqlite.databases import DatabaseFile
from mcp_servers_sqlite.limits import Limits
from mcp_servers_sqlite.pool import WorkerPool

ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT count(*) FROM c"
# One C call that no progress handler interrupts; minutes on any machine.
C_LOOP = "SELECT instr(hex(zeroblob(1500000)), hex(zeroblob(750000)) || '1')"
PATIENT = Limits(deadline=60.0)


@asynccontextmanager
async def pool_on(path: Path, limits: Limits = PATIENT, **extra: Any) -> AsyncIterator[WorkerPool]:
    """A pool with one database called `db`; afterwards no worker may be alive."""
    pool = WorkerPool({"db": DatabaseFile("db", path)}, limits, **extra)
    try:
        yield pool
    finally:
        seen = pool.pids
        await pool.aclose()
        assert pool.pids == []
        assert not [pid for pid in seen if is_alive(pid)]


def run(test: Callable[[], Awaitable[None]]) -> None:
    """Runs an async test to its end."""

    async def bounded() -> None:
        async with asyncio.timeout(120):
            await test()

    asyncio.run(bounded())


def is_alive(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Waits for something another process does."""
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it never happened"
        await asyncio.sleep(0.005)


def lying(script: str) -> list[str]:
    """A worker that runs `script` with `read()`, `send(bytes)` and `frame(dict)` at hand."""
    helpers = """
import json, struct, sys, time, os
def read():
    size = struct.unpack('>I', sys.stdin.buffer.read(4))[0]
    body = sys.stdin.buffer.read(size)
    return json.loads(body[4 : 4 + struct.unpack('>I', body[:4])[0]])
def send(data):
    sys.stdout.buffer.write(data); sys.stdout.buffer.flush()
def frame(message, parts=b''):
    head = json.dumps(message).encode()
    return struct.pack('>II', 4 + len(head) + len(parts), len(head)) + head + parts
read()
send(frame({'id': 0, 'ok': {}}))
"""
    return [sys.executable, "-I", "-S", "-c", helpers + script]
