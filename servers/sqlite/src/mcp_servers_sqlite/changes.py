"""Tells subscribers when a schema or the data changed, also when another program changed it.

SQLite has no notifications between processes, so the files are looked at once a second while somebody listens: a few
stat calls, and the worker is asked only when a file moved.
"""

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import anyio
from mcp.server.subscriptions import InMemorySubscriptionBus
from mcp.shared.subscriptions import ResourceUpdated, ServerEvent

from mcp_servers_shared.errors import Busy, ServerError
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
        # Before anything else: what changes while the first states are read must not be missed.
        seen = {name: _Seen(_file_marks(file)) for name, file in databases.items()}
        for name in databases:
            seen[name].state = await _state(pool, name)
        while bus.listeners:
            for name, file in databases.items():
                await _look(bus, pool, name, file, seen[name])
            await anyio.sleep(INTERVAL_SECONDS)


@dataclass
class _State:
    """Marks of the schema and the data, and the names of the tables; an error's code in their place."""

    marks: dict[str, Any]
    tables: frozenset[str] = frozenset[str]()


@dataclass
class _Seen:
    """What a database looked like, from outside and from inside."""

    files: tuple[object, ...]
    state: _State | None = None
    first: bool = True


async def _look(bus: WatchedBus, pool: WorkerPool, database: str, file: DatabaseFile, seen: _Seen) -> None:
    files = _file_marks(file)
    if files == seen.files:
        seen.first = False
        return
    now = await _state(pool, database, seen.state)
    if now is None:
        return
    # The first state may be younger than the first marks, and then it has what changed already: all may have changed.
    if now != seen.state or seen.first:
        await _publish(bus, None if seen.first else seen.state, now)
    seen.files, seen.state, seen.first = files, now, False


async def _publish(bus: WatchedBus, before: _State | None, now: _State) -> None:
    await bus.publish(ResourceUpdated(uri="data://version"))
    if before is not None and before.marks.get("schema") == now.marks.get("schema") and before.tables == now.tables:
        return
    for uri in ("schema://tables", "schema://diagram"):
        await bus.publish(ResourceUpdated(uri=uri))
    for name in sorted({*now.tables, *(before.tables if before else ())}):
        await bus.publish(ResourceUpdated(uri=f"schema://tables/{quote(name, safe='')}"))


async def _state(pool: WorkerPool, database: str, before: _State | None = None) -> _State | None:
    """The state now; None when the workers have no time, so that it is asked for again."""
    try:
        mark = await pool.run("version", database, {})
        if before is not None and before.marks.get("schema") == mark["schema"]:
            return _State({"schema": mark["schema"], "data": mark["data"]}, before.tables)
        names = await pool.run("complete", database, {"kind": "table", "prefix": "", "all": True})
    except Busy:
        return None
    except ServerError as error:
        logger.info("change mark of %s: %s", database, error.code)
        return _State({"error": error.code})
    return _State({"schema": mark["schema"], "data": mark["data"]}, frozenset(names["values"]))


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
