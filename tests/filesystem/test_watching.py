"""Who listens to a file is told when it changes, whoever changes it; nobody hears of what is closed to them."""

from pathlib import Path

import anyio
import pytest
from file_sessions import play, settings
from mcp import Client
from mcp.client.subscriptions import ResourceUpdated, Subscription
from mcp.shared.exceptions import MCPError

_PATIENCE = 20


@pytest.fixture
def root(tmp_path: Path) -> Path:
    place = tmp_path / "root"
    (place / "sub").mkdir(parents=True)
    (place / "a.txt").write_text("one")
    (place / ".env").write_text("SECRET=1")
    return place


async def told(subscription: Subscription) -> str:
    with anyio.fail_after(_PATIENCE):
        async for event in subscription:
            assert isinstance(event, ResourceUpdated)
            return str(event.uri)
    raise AssertionError("the stream ended")


@pytest.mark.requirement("FILE-62")
def test_changes_from_here_and_elsewhere(root: Path) -> None:
    existing, later = (root / "a.txt").as_uri(), (root / "later.txt").as_uri()

    async def scene(client: Client) -> None:
        async with client.listen(resource_subscriptions=[existing, later]) as subscription:
            await client.call_tool("write_file", {"path": str(root / "a.txt"), "content": "two"})
            assert await told(subscription) == existing
            (root / "later.txt").write_text("now it is there")
            assert await told(subscription) == later
            (root / "later.txt").unlink()
            assert await told(subscription) == later

    play(scene, settings(root))


@pytest.mark.requirement("FILE-62")
def test_a_directory_tells_of_its_names(root: Path) -> None:
    async def scene(client: Client) -> None:
        async with client.listen(resource_subscriptions=[(root / "sub").as_uri()]) as subscription:
            (root / "sub" / "new").touch()
            assert await told(subscription) == (root / "sub").as_uri()

    play(scene, settings(root))


@pytest.mark.requirement("FILE-62", "FILE-9")
@pytest.mark.parametrize("path", ["/etc/passwd", "{root}/.env", "{root}/../x"])
def test_nobody_listens_to_what_is_closed(root: Path, path: str) -> None:
    async def scene(client: Client) -> None:
        with pytest.raises(MCPError, match="Access denied"):
            async with client.listen(resource_subscriptions=["file://" + path.replace("{root}", str(root))]):
                raise AssertionError("it listens")

    play(scene, settings(root))


@pytest.mark.requirement("FILE-62")
def test_a_file_that_becomes_a_link_to_outside_looks_gone(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("1")

    async def scene(client: Client) -> None:
        async with client.listen(resource_subscriptions=[(root / "a.txt").as_uri()]) as subscription:
            (root / "a.txt").unlink()
            (root / "a.txt").symlink_to(outside)
            assert await told(subscription)
            outside.write_text("22")
            with anyio.move_on_after(1.5) as waited:
                async for _ in subscription:
                    raise AssertionError("told of a change outside")
            assert waited.cancelled_caught

    play(scene, settings(root))


@pytest.mark.requirement("FILE-65")
def test_nobody_listens_to_more_than_can_be_watched(root: Path) -> None:
    uris = [(root / f"f{index}").as_uri() for index in range(1_001)]

    async def scene(client: Client) -> None:
        with pytest.raises(MCPError, match="1,000"):
            async with client.listen(resource_subscriptions=uris):
                raise AssertionError("it listens")
        async with client.listen(resource_subscriptions=uris[:1_000]) as subscription:
            (root / "f7").touch()
            assert await told(subscription) == uris[7]

    play(scene, settings(root))
