"""Tells subscribers when a schema or the data changed, also when another program changed it.

SQLite has no notifications between processes, so the files are looked at once a second while somebody listens: a few
stat calls, and the worker is asked only when a file moved.
"""

import logging
import os
from collections.abc import Callable, Mapping
from typing import Any

import anyio
from mcp.server.subscriptions import InMemorySubscriptionBus
from mcp.shared.subscriptions import ResourceUpdated, ServerEvent

from mcp_servers_shared.errors import ServerError
from mcp_servers_sqlite.databases import DatabaseFile
from mcp_servers_sqlite.pool import WorkerPool

logger = logging.getLogger("mcp_servers.sqlite")

INTERVAL_SECONDS = 1.0
_SIDE_FILES = ("", "-wal")


class WatchedBus(InMemorySubscriptionBus):
    """A bus that knows whether anybody listens."""

    def __init__(self) -> None:
        super().__init__()
        self.listeners = 0
        self.wanted = anyio.Event()

    def subscribe(self, listener: Callable[[ServerEvent], None]) -> Callable[[], None]:
        leave = super().subscribe(listener)
        self.listeners += 1
        self.wanted.set()
        gone = False

        def unsubscribe() -> None:
            nonlocal gone
            leave()
            if not gone:
                gone = True
                self.listeners -= 1

        return unsubscribe


async def watch(bus: WatchedBus, pool: WorkerPool, databases: Mapping[str, DatabaseFile]) -> None:
    """Publish changes until cancelled."""
    while True:
        bus.wanted = anyio.Event()
        if not bus.listeners:
            await bus.wanted.wait()
        seen: dict[str, tuple[object, dict[str, Any]]] = {}
        for name, file in databases.items():
            seen[name] = (_file_marks(file), await _version(pool, name))
        while bus.listeners:
            await anyio.sleep(INTERVAL_SECONDS)
            for name, file in databases.items():
                marks = _file_marks(file)
                if marks != seen[name][0]:
                    now = await _version(pool, name)
                    await _publish(bus, pool, name, seen[name][1], now)
                    seen[name] = (marks, now)


async def _publish(
    bus: WatchedBus, pool: WorkerPool, database: str, before: dict[str, Any], now: dict[str, Any]
) -> None:
    if before == now:
        return
    await bus.publish(ResourceUpdated(uri="data://version"))
    if before.get("schema") == now.get("schema"):
        return
    for uri in ("schema://tables", "schema://diagram"):
        await bus.publish(ResourceUpdated(uri=uri))
    try:
        names = await pool.run("complete", database, {"kind": "table", "prefix": "", "all": True})
    except ServerError:
        return
    for name in names["values"]:
        await bus.publish(ResourceUpdated(uri=f"schema://tables/{name}"))


async def _version(pool: WorkerPool, database: str) -> dict[str, Any]:
    try:
        reply = await pool.run("version", database, {})
    except ServerError as error:
        logger.info("change mark of %s: %s", database, error.code)
        return {"error": error.code}
    return {"schema": reply["schema"], "data": reply["data"]}


def _file_marks(file: DatabaseFile) -> tuple[object, ...]:
    marks: list[object] = []
    for ending in _SIDE_FILES:
        try:
            status = os.stat(f"{file.path}{ending}")
        except OSError:
            marks.append(None)
        else:
            marks.append((status.st_ino, status.st_size, status.st_mtime_ns))
    return tuple(marks)
