"""Subscribers are told what another process changed, in both journal modes, and nothing is looked at for nobody."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.client.subscriptions import ListenNotSupportedError, ResourceUpdated, Subscription
from sessions import data_of, made, play, settings

from mcp_servers_sqlite import changes
from mcp_servers_sqlite.changes import WatchedBus, watch
from mcp_servers_sqlite.databases import DatabaseFile
from mcp_servers_sqlite.limits import Limits
from mcp_servers_sqlite.pool import WorkerPool

HANG = 20
SHOP = "CREATE TABLE orders(id INTEGER PRIMARY KEY); CREATE TABLE customers(id); INSERT INTO orders VALUES(1);"
OTHER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
print("ready", flush=True)
for line in sys.stdin:
    connection.execute(line)
    print("done", flush=True)
"""


class OtherProcess:
    """A process with a connection of its own that stays open, as another program's does."""

    def __init__(self, database: Path) -> None:
        command = [sys.executable, "-c", OTHER, str(database)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._said() == "ready"

    def runs(self, sql: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(sql + "\n")
        self._process.stdin.flush()
        assert self._said() == "done"

    def close(self) -> None:
        self._process.communicate(timeout=HANG)

    def _said(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@pytest.fixture(params=["delete", "wal"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return made(tmp_path / "shop.db", f"PRAGMA journal_mode={request.param}; {SHOP}")


@pytest.fixture
def other(shop: Path) -> Iterator[OtherProcess]:
    process = OtherProcess(shop)
    yield process
    process.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "INTERVAL_SECONDS", 0.02)


async def told(subscription: Subscription, wanted: set[str]) -> set[str]:
    """URIs that came, until all those wanted did."""
    came: set[str] = set()
    with anyio.fail_after(HANG):
        async for event in subscription:
            assert isinstance(event, ResourceUpdated)
            came.add(event.uri)
            if wanted <= came:
                return came
    raise AssertionError(f"the stream ended after {came}")


def test_data_of_another_process(shop: Path, other: OtherProcess) -> None:
    async def scene(client: Client) -> None:
        async with client.listen(resource_subscriptions=["data://version", "schema://tables"]) as subscription:
            before = (await client.read_resource("data://version")).contents
            first_look = {"schema://tables"}
            # A change during the server's first look counts as one of everything.
            other.runs("INSERT INTO orders VALUES(10)")
            await told(subscription, {"data://version"})
            for number in range(3):
                other.runs(f"INSERT INTO orders VALUES({number + 20})")
                assert await told(subscription, {"data://version"}) <= {"data://version", *first_look}
                first_look.clear()
            assert (await client.read_resource("data://version")).contents != before

    play(scene, settings(shop))


def test_a_change_right_after_subscribing_is_not_missed(shop: Path, other: OtherProcess) -> None:
    """The server's own first look takes a while: its worker process has to start."""

    async def scene(client: Client) -> None:
        async with client.listen(resource_subscriptions=["data://version"]) as subscription:
            other.runs("INSERT INTO orders VALUES(10)")
            await told(subscription, {"data://version"})

    for _ in range(3):
        play(scene, settings(shop))
        other.runs("DELETE FROM orders WHERE id = 10")


def test_schema_of_another_process(shop: Path, other: OtherProcess) -> None:
    uris = ["schema://tables", "schema://diagram", "schema://tables/orders", "data://version"]

    async def scene(client: Client) -> None:
        async with client.listen(resource_subscriptions=uris) as subscription:
            for sql in ("ALTER TABLE orders ADD COLUMN cents", "CREATE INDEX by_cents ON orders(cents)"):
                other.runs(sql)
                await told(subscription, set(uris))
        async with client.listen(resource_subscriptions=["schema://tables/orders"]) as subscription:
            other.runs("DROP TABLE orders")
            await told(subscription, {"schema://tables/orders"})

    play(scene, settings(shop))


def test_a_name_with_odd_characters(shop: Path, other: OtherProcess) -> None:
    uri = "schema://tables/with%20space"

    async def scene(client: Client) -> None:
        async with client.listen(resource_subscriptions=[uri]) as subscription:
            other.runs('CREATE TABLE "with space"(a)')
            await told(subscription, {uri})
            assert (await client.read_resource(uri)).contents

    play(scene, settings(shop))


def test_what_we_write_ourselves_and_the_memo(shop: Path) -> None:
    async def scene(client: Client) -> None:
        async with client.listen(resource_subscriptions=["data://version", "memo://insights"]) as subscription:
            preview = await client.call_tool("execute_sql", asked := {"sql": "DELETE FROM orders"})
            confirm_id = data_of(preview)["confirm_id"]
            assert not (await client.call_tool("execute_sql", {**asked, "confirm_id": confirm_id})).is_error
            await told(subscription, {"data://version"})
            await client.call_tool("append_insight", {"insight": "empty now"})
            await told(subscription, {"memo://insights"})

    play(scene, settings(shop, allow_writes=True))


def test_one_that_is_made_later_and_one_that_is_broken(tmp_path: Path) -> None:
    shop = tmp_path / "shop.db"
    shop.write_bytes(b"no database at all" * 100)

    async def scene(client: Client) -> None:
        async with client.listen(resource_subscriptions=["data://version", "schema://tables/orders"]) as subscription:
            shop.unlink()
            made(shop, SHOP)
            await told(subscription, {"data://version", "schema://tables/orders"})

    play(scene, settings(shop))


def test_an_older_client_has_no_subscriptions(shop: Path) -> None:
    async def scene(client: Client) -> None:
        async with client.listen(resource_subscriptions=["data://version"]):
            raise AssertionError("listening works in this era now: test it")

    with pytest.raises(ListenNotSupportedError):
        play(scene, settings(shop), "legacy")


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0.01)


class CountingPool(WorkerPool):
    calls = 0

    async def run(self, operation: str, database: str, args: Any, *, deadline: float | None = None) -> dict[str, Any]:
        self.calls += 1
        return await super().run(operation, database, args, deadline=deadline)


def test_nothing_is_looked_at_while_nobody_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = DatabaseFile("shop", made(tmp_path / "shop.db", SHOP))
    looks = 0
    look = changes._file_marks  # pyright: ignore[reportPrivateUsage]

    def counted(file: DatabaseFile) -> tuple[object, ...]:
        nonlocal looks
        looks += 1
        return look(file)

    monkeypatch.setattr(changes, "_file_marks", counted)

    async def scene() -> None:
        pool, bus = CountingPool({"shop": database}, Limits()), WatchedBus()
        watching = asyncio.create_task(watch(bus, pool, {"shop": database}))
        await asyncio.sleep(0.2)
        assert (looks, pool.calls) == (0, 0)
        leave = bus.subscribe(lambda event: None)
        await until(lambda: looks >= 5)
        asked = pool.calls
        await until(lambda: looks >= 10)
        assert pool.calls == asked, "a worker was asked although no file changed"
        leave()
        await asyncio.sleep(0.1)
        before = looks
        await asyncio.sleep(0.2)
        assert looks == before
        watching.cancel()
        await pool.aclose()

    asyncio.run(asyncio.wait_for(scene(), HANG))
