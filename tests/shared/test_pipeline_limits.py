"""Rate limits on their way through the server: exact, told to the model, and not to be walked around."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.types import ElicitResult, InputRequiredResult, ProgressNotification
from toy_world import Mode, World, both_eras, details_of, text_of

from mcp_servers_shared.errors import InvalidInput
from mcp_servers_shared.limits import MemoryRateStore


@both_eras
@pytest.mark.requirement("RATE-1")
def test_too_many_calls_are_refused_with_when_to_come_back(tmp_path: Path, mode: Mode) -> None:
    world = World(tmp_path, rate_limit="echo=30/minute:3", store=MemoryRateStore(lambda: 100.0))

    async def scenario(client: Client) -> list[Any]:
        return [await client.call_tool("echo", {"text": "x"}) for _ in range(5)]

    results = world.talk(mode, scenario)
    assert [result.is_error for result in results] == [False, False, False, True, True]
    details = details_of(results[-1])
    assert (details["code"], details["retry_after_s"]) == ("rate_limited", 2.0)
    assert "at most 3 at once and 30 a minute for echo" in text_of(results[-1])
    assert "Try again in 2 s." in text_of(results[-1])
    assert [one.get("rule") for one in world.records()] == [None, None, None, "RATE-1", "RATE-1"]
    assert [one["decision"] for one in world.records()] == ["allowed"] * 3 + ["refused"] * 2


@both_eras
@pytest.mark.requirement("RATE-1")
def test_of_1000_concurrent_calls_exactly_the_burst_is_served(tmp_path: Path, mode: Mode) -> None:
    world = World(tmp_path, rate_limit="echo=60/minute:100", store=MemoryRateStore(lambda: 100.0), audit_log="off")

    async def scenario(client: Client) -> int:
        results = await asyncio.gather(*(client.call_tool("echo", {"text": "x"}) for _ in range(1_000)))
        return sum(not result.is_error for result in results)

    assert world.talk(mode, scenario) == 100


@both_eras
@pytest.mark.requirement("RATE-1")
def test_other_methods_are_limited_with_a_protocol_error(tmp_path: Path, mode: Mode) -> None:
    world = World(tmp_path, rate_limit="read=60/hour:2", store=MemoryRateStore(lambda: 100.0))

    async def scenario(client: Client) -> MCPError:
        await client.read_resource("toy://plain")
        await client.read_resource("toy://plain")
        with pytest.raises(MCPError) as caught:
            await client.read_resource("toy://plain")
        return caught.value

    error = world.talk(mode, scenario)
    assert error.code == 429
    assert error.data["retry_after_s"] == 60.0


@pytest.mark.requirement("RATE-1")
def test_kinds_and_tools_have_their_own_buckets(tmp_path: Path) -> None:
    # The client lists the tools before its first call, which takes one read.
    rates = "read=60/hour:2,write=60/hour:1,big=60/hour:2"
    world = World(tmp_path, rate_limit=rates, allow_writes=True, store=MemoryRateStore(lambda: 100.0))

    async def scenario(client: Client) -> list[bool]:
        names = ["echo", "echo", "put", "put", "big", "big", "big"]
        given: dict[str, dict[str, Any]] = {"echo": {"text": "x"}, "put": {"name": "x"}, "big": {"characters": 1}}
        return [not (await client.call_tool(name, given[name])).is_error for name in names]

    assert world.talk("auto", scenario) == [True, False, True, False, True, True, False]
    assert world.app.effects == ["put x"]


@both_eras
@pytest.mark.requirement("RATE-1")
def test_notifications_and_the_handshake_are_not_counted(tmp_path: Path, mode: Mode) -> None:
    world = World(tmp_path, rate_limit="read=1/hour:1", store=MemoryRateStore(lambda: 100.0))

    async def scenario(client: Client) -> None:
        for _ in range(3):
            await client.session.send_notification(ProgressNotification(params={"progressToken": 1, "progress": 1}))
        await client.read_resource("toy://plain")

    world.talk(mode, scenario)
    assert world.records("resources/read")[0]["decision"] == "allowed"


@pytest.mark.requirement("RATE-1", "CONF-1")
def test_the_rounds_of_a_confirmation_count_once_and_a_replay_counts_again(tmp_path: Path) -> None:
    world = World(tmp_path, rate_limit="erase=1/hour:2", allow_writes=True, store=MemoryRateStore(lambda: 100.0))

    async def yes(context: Any, params: Any) -> ElicitResult:
        return ElicitResult(action="accept", content={"confirm": True})

    async def scenario(client: Client) -> list[str]:
        call = client.session.call_tool
        asked = await call("erase", {"name": "apple"}, allow_input_required=True)
        assert isinstance(asked, InputRequiredResult)
        answers = {"confirm": ElicitResult(action="accept", content={"confirm": True})}
        again = {"request_state": asked.request_state, "input_responses": answers, "allow_input_required": True}
        found: list[str] = []
        for _ in range(4):
            result = await call("erase", {"name": "apple"}, **again)
            found.append(details_of(result)["code"] if result.is_error else text_of(result))
        return found

    found = world.talk("auto", scenario, elicitation_callback=yes)
    assert found == ["erased apple", "bad_confirm_id", "rate_limited", "rate_limited"]
    assert world.app.effects == ["erase apple"]


@pytest.mark.requirement("RATE-1")
def test_a_limit_for_a_tool_that_does_not_exist_is_an_error_at_start(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="'eraze', which is no tool") as caught:
        World(tmp_path, rate_limit="read=1/minute,eraze=1/minute")
    assert "erase" in caught.value.hint
    World(tmp_path, rate_limit="erase=1/minute")  # known, though this mode does not serve it
