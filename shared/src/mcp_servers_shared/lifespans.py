"""One lifespan for all connections that overlap. The SDK enters it anew for every SSE connection."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Generic, TypeVar

import anyio

ServerT = TypeVar("ServerT")


class SharedLifespan(Generic[ServerT]):
    """Runs `lifespan` in a task of its own while anybody uses it.

    The connection that ends last is not the one that began, and a lifespan that holds a task group must be left by the
    task that entered it, whatever happens to the connections.
    """

    def __init__(self, lifespan: Callable[[ServerT], AbstractAsyncContextManager[Any]]) -> None:
        self._lifespan = lifespan
        self._users = 0
        self._running: _Run | None = None
        self._last: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def __call__(self, server: ServerT) -> AsyncGenerator[Any]:
        """What the lifespan yields, as long as this connection lives."""
        run = self._running = self._running or _Run(self._lifespan(server), self._last)
        self._last = run.task
        self._users += 1
        try:
            yield await asyncio.shield(run.state)
        finally:
            self._users -= 1
            if self._users == 0:
                self._running = None
                # Also when the connection is being cancelled: what was opened must be closed.
                with anyio.CancelScope(shield=True):
                    await run.end()


class _Run:
    """One time through a lifespan, which begins once the time before is over."""

    def __init__(self, lifespan: AbstractAsyncContextManager[Any], before: asyncio.Task[None] | None) -> None:
        self.state: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.task = asyncio.create_task(self._run(lifespan, before))
        self._left = asyncio.Event()

    async def _run(self, lifespan: AbstractAsyncContextManager[Any], before: asyncio.Task[None] | None) -> None:
        try:
            if before is not None and not before.done():
                await asyncio.wait([before])
            async with lifespan as state:
                self.state.set_result(state)
                await self._left.wait()
        except BaseException as error:
            if self.state.done():
                raise
            self.state.set_exception(error)
            self.state.exception()  # Read, or asyncio complains where everybody has left.

    async def end(self) -> None:
        """Close it. Raises what it raises while closing."""
        self._left.set()
        if not self.state.done():
            self.task.cancel()
        await self.task
