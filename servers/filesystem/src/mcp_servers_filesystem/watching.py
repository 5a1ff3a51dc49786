"""Tells subscribers when a file or directory changed, whoever changed it. Nothing is watched for nobody."""

import asyncio
import logging
import os
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any, cast

import anyio
from mcp.server.subscriptions import SubscriptionBus
from mcp.shared.subscriptions import ResourceUpdated

from mcp_servers_filesystem.app import FilesystemApp
from mcp_servers_filesystem.deadlines import Deadline
from mcp_servers_filesystem.etags import etag_of
from mcp_servers_filesystem.space import Space
from mcp_servers_filesystem.uris import directory_of, path_of
from mcp_servers_shared.compat import CallNext, HandlerResult, ServerRequestContext
from mcp_servers_shared.errors import Busy, ServerError
from mcp_servers_shared.tooling import Failure

logger = logging.getLogger("mcp_servers.filesystem")
_LISTENING = "subscriptions/listen"
_MOST_WATCHED = 1_000
# Also without a sign from the system, as on network mounts, it is looked again every five seconds.
_HOW: dict[str, Any] = {
    "watch_filter": None,
    "recursive": False,
    "debounce": 200,
    "step": 20,
    "rust_timeout": 5_000,
    "yield_on_timeout": True,
}


class Watched:
    """Which URIs somebody listens to, each seen through the door when it was asked for."""

    def __init__(self) -> None:
        self._listeners: Counter[str] = Counter()
        self.marks: dict[str, str] = {}
        self.changed = asyncio.Event()

    def require_room(self, uris: Sequence[str]) -> None:
        """Raises Busy where these would be too many."""
        if len(self.marks.keys() | set(uris)) > _MOST_WATCHED:
            raise Busy(
                f"no more than {_MOST_WATCHED:,} files and directories can be listened to at once",
                hint="Listen to the directories instead of the files in them.",
            )

    @contextmanager
    def listening(self, marks: Mapping[str, str]) -> Generator[None]:
        """While a client listens to these URIs, which look so now."""
        for uri, mark in marks.items():
            self._listeners[uri] += 1
            self.marks.setdefault(uri, mark)
        self.changed.set()
        try:
            yield
        finally:
            for uri in marks:
                self._listeners[uri] -= 1
                if not self._listeners[uri]:
                    del self._listeners[uri]
                    del self.marks[uri]
            self.changed.set()


class WatchMiddleware:
    """Notes what a client listens to. Refuses URIs that the caller may not touch."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        if ctx.method != _LISTENING:
            return await call_next(ctx)
        app = cast(FilesystemApp, ctx.lifespan_context)
        uris = [uri for uri in _wanted(ctx.params) if uri.lower().startswith("file:")]
        try:
            self._watched.require_room(uris)
            marks = await app.run(required_marks, app.space, uris)
        except ServerError as error:
            raise Failure(error) from error
        with self._watched.listening(marks):
            return await call_next(ctx)


def _wanted(params: Mapping[str, Any] | None) -> list[str]:
    wanted: Any = (params or {}).get("notifications")
    uris: Any = cast("dict[str, Any]", wanted).get("resourceSubscriptions") if isinstance(wanted, dict) else None
    return [str(one) for one in cast("list[Any]", uris)] if isinstance(uris, list) else []


def required_marks(deadline: Deadline, space: Space, uris: Sequence[str]) -> dict[str, str]:
    """What stands at each URI, as a mark; empty for nothing. Raises ServerError for what may not be touched."""
    for uri in uris:
        deadline.check()
        path = path_of(uri)
        space.deny.check(space.locate(path).parts, path)
    return marks_of(space, uris)


def marks_of(space: Space, uris: Sequence[str]) -> dict[str, str]:
    """The same, with nothing for all that cannot be seen just now."""
    return {uri: mark_of(space, uri) for uri in uris}


def mark_of(space: Space, uri: str) -> str:
    """What stands at a URI; empty for nothing, or what cannot be seen just now."""
    with suppress(ServerError, OSError), space.either(path_of(uri)) as found:
        return etag_of(found.stat)
    return ""


async def watch(app: FilesystemApp, watched: Watched, bus: SubscriptionBus) -> None:
    """Publishes changes until cancelled."""
    while True:
        watched.changed.clear()
        if not watched.marks:
            await watched.changed.wait()
            continue
        try:
            await _watch_these(app, watched, bus)
        except Exception:
            logger.exception("watching failed; looking again in a second")
            await anyio.sleep(1)


async def _watch_these(app: FilesystemApp, watched: Watched, bus: SubscriptionBus) -> None:
    """Until somebody comes or leaves."""
    awatch: Any = import_module("watchfiles").awatch

    space = app.everything
    folders = await anyio.to_thread.run_sync(lambda: {_folder(space, uri) for uri in watched.marks} - {""})
    await _publish(app, watched, bus)
    if not folders:
        with suppress(TimeoutError):
            await asyncio.wait_for(watched.changed.wait(), 1)
        return
    stop = anyio.Event()

    async def stop_on_change() -> None:
        await watched.changed.wait()
        stop.set()

    waiting = asyncio.create_task(stop_on_change())
    try:
        async for _ in awatch(*folders, stop_event=stop, **_HOW):
            await _publish(app, watched, bus)
    finally:
        waiting.cancel()


async def _publish(app: FilesystemApp, watched: Watched, bus: SubscriptionBus) -> None:
    """Those that look different now. What a client may see was settled when it began to listen."""
    before = dict(watched.marks)
    after = await anyio.to_thread.run_sync(marks_of, app.everything, list(before))
    for uri, now in after.items():
        if now != before[uri] and uri in watched.marks:
            watched.marks[uri] = now
            await bus.publish(ResourceUpdated(uri=uri))


def _folder(space: Space, uri: str) -> str:
    """The directory to watch for a URI: itself or its parent, in the real spelling; empty where it is not there."""
    path = path_of(uri)
    for place in (path, directory_of(path)):
        with suppress(ServerError, OSError), space.directory(place) as found:
            return os.fsdecode(found.full)
    return ""
