"""Lifespans: one for all connections that overlap, entered and left by one task, closed whatever happens."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio.lowlevel import checkpoint

from mcp_servers_shared.lifespans import SharedLifespan


class Recorded:
    """A lifespan that holds a task group, says what happens to it, and opens and closes when it is let."""

    def __init__(self, *, fails: bool = False) -> None:
        self.fails = fails
        self.events: list[str] = []
        self.open = 0
        self.may_open, self.may_close = anyio.Event(), anyio.Event()
        self.may_open.set()
        self.may_close.set()

    @asynccontextmanager
    async def __call__(self, server: str) -> AsyncGenerator[object]:
        async with anyio.create_task_group() as tasks:
            await self.may_open.wait()
            if self.fails:
                raise OSError("no such database")
            tasks.start_soon(anyio.sleep_forever)
            self.open += 1
            assert self.open == 1, "never two at once"
            self.events.append("opened")
            try:
                yield object()
            finally:
                self.events.append("closing")
                await self.may_close.wait()
                await checkpoint()
                self.open -= 1
                self.events.append("closed")
                tasks.cancel_scope.cancel()


class Connection:
    """Holds a lifespan until told to leave."""

    def __init__(self, shared: SharedLifespan[str]) -> None:
        self.shared = shared
        self.inside, self.leave, self.left = anyio.Event(), anyio.Event(), anyio.Event()
        self.state: object = None

    async def __call__(self) -> None:
        async with self.shared("server") as self.state:
            self.inside.set()
            await self.leave.wait()
        self.left.set()


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await checkpoint()


def test_overlapping_connections_share_one_lifespan_and_the_last_closes_it() -> None:
    async def scenario() -> None:
        lifespan = Recorded()
        lifespan.may_open = anyio.Event()
        shared = SharedLifespan(lifespan)
        first, second = Connection(shared), Connection(shared)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(first)
            tasks.start_soon(second)
            await turns()
            lifespan.may_open.set()
            await first.inside.wait()
            await second.inside.wait()
            assert first.state is second.state
            first.leave.set()
            await first.left.wait()
            assert lifespan.events == ["opened"], "the one that began may end first"
            second.leave.set()
        assert lifespan.events == ["opened", "closing", "closed"]
        async with shared("server") as again:
            assert again is not first.state
        assert lifespan.events == ["opened", "closing", "closed"] * 2

    asyncio.run(scenario())


def test_a_cancelled_connection_still_closes_the_lifespan() -> None:
    async def scenario() -> None:
        lifespan = Recorded()
        shared = SharedLifespan(lifespan)
        with anyio.CancelScope() as scope:
            async with shared("server"):
                scope.cancel()
                await anyio.sleep_forever()
        assert lifespan.events == ["opened", "closing", "closed"]

    asyncio.run(scenario())


def test_a_connection_during_the_close_waits_for_its_own() -> None:
    async def scenario() -> None:
        lifespan = Recorded()
        lifespan.may_close = anyio.Event()
        shared = SharedLifespan(lifespan)
        first, second = Connection(shared), Connection(shared)
        second.leave.set()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(first)
            await first.inside.wait()
            first.leave.set()
            await turns()
            assert lifespan.events == ["opened", "closing"]
            tasks.start_soon(second)
            await turns()
            assert not second.inside.is_set()
            lifespan.may_close.set()
        assert lifespan.events == ["opened", "closing", "closed"] * 2

    asyncio.run(scenario())


@pytest.mark.parametrize("users", [1, 3])
def test_a_lifespan_that_fails_fails_every_connection_and_may_be_tried_again(users: int) -> None:
    async def scenario() -> None:
        lifespan = Recorded(fails=True)
        shared = SharedLifespan(lifespan)
        results = await asyncio.gather(*(Connection(shared)() for _ in range(users)), return_exceptions=True)
        assert len(results) == users
        assert all(isinstance(one, ExceptionGroup) and "no such database" in repr(one.exceptions) for one in results)
        lifespan.fails = False
        async with shared("server"):
            assert lifespan.events == ["opened"]

    asyncio.run(scenario())


def test_a_connection_that_gives_up_while_it_opens_stops_the_opening() -> None:
    async def scenario() -> None:
        lifespan = Recorded()
        lifespan.may_open = anyio.Event()
        shared = SharedLifespan(lifespan)
        connection = Connection(shared)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(connection)
            await turns()
            tasks.cancel_scope.cancel()
        assert lifespan.events == []
        assert not connection.inside.is_set()

    asyncio.run(scenario())


def test_what_a_lifespan_raises_while_closing_is_not_hidden() -> None:
    @asynccontextmanager
    async def lifespan(server: str) -> AsyncGenerator[None]:
        yield
        raise OSError("could not save")

    async def scenario() -> None:
        with pytest.raises(OSError, match="could not save"):
            async with SharedLifespan(lifespan)("server"):
                pass

    asyncio.run(scenario())


def test_it_can_be_used_again_under_another_event_loop() -> None:
    lifespan = Recorded()
    shared = SharedLifespan(lifespan)

    async def once() -> None:
        async with shared("server"):
            pass

    for _ in range(2):
        asyncio.run(once())
    assert lifespan.events == ["opened", "closing", "closed"] * 2
