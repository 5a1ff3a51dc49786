"""The pipeline: its order, and that every message is recorded once, whatever becomes of it."""

from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from toy_server import SECRET, TOKEN
from toy_world import Mode, World, as_text, both_eras, details_of, everything_in, text_of

from mcp_servers_shared.errors import AuditUnavailable
from mcp_servers_shared.limits import Rate
from mcp_servers_shared.pipeline import (
    AuditMiddleware,
    AuthorizeMiddleware,
    ErrorsMiddleware,
    IdentifyMiddleware,
    RateLimitMiddleware,
    RecordedMiddleware,
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


class BrokenStore:
    """A shared store that is gone."""

    async def take(self, key: str, rate: Rate) -> float:
        raise ConnectionError(f"redis://:{SECRET}@cache:6379 does not answer")


def test_the_order_of_the_stages(world: World) -> None:
    names = [type(stage).__name__ for stage in world.server.middleware]
    expected = [
        IdentifyMiddleware, RecordedMiddleware, "RequestStateBoundary",
        AuthorizeMiddleware, RateLimitMiddleware, AuditMiddleware, ErrorsMiddleware,
    ]  # fmt: skip
    assert names == ["_WhenTraced", *(one if isinstance(one, str) else one.__name__ for one in expected)]


@both_eras
@pytest.mark.requirement("AUD-1")
def test_every_message_has_exactly_one_record(world: World, mode: Mode) -> None:
    async def scenario(client: Client) -> None:
        await client.list_tools()
        await client.call_tool("echo", {"text": "x"})
        await client.call_tool("echo", {"text": 1})
        await client.call_tool("fail", {"how": "refused"})
        await client.call_tool("fail", {"how": "crash"})
        await client.call_tool("put", {"name": "x"})
        await client.read_resource("toy://plain")
        await client.get_prompt("greet", {"name": "ann"})
        for attempt in (
            client.call_tool("ecko", {}),
            client.get_prompt("great", {}),
            client.get_prompt("greet", {}),
            client.read_resource("toy://nothing"),
            client.read_resource("toy://items/aple"),
            client.get_prompt("greet", {"nam": "x"}),
        ):
            with pytest.raises(MCPError):
                await attempt

    world.talk(mode, scenario)
    found = [(one["method"], one.get("target", ""), one["decision"], one.get("code", "")) for one in world.records("")]
    start = [("server/discover", "", "allowed", "")]
    if mode == "legacy":
        start = [("initialize", "", "allowed", ""), ("notifications/initialized", "", "allowed", "")]
    assert found == [
        *start,
        ("tools/list", "", "allowed", ""),
        ("tools/call", "echo", "allowed", ""),
        ("tools/call", "echo", "error", "invalid_arguments"),
        ("tools/call", "fail", "refused", "toy_refused"),
        ("tools/call", "fail", "error", "internal"),
        ("tools/call", "put", "refused", "writes_disabled"),
        ("resources/read", "toy://plain", "allowed", ""),
        ("prompts/get", "greet", "allowed", ""),
        ("tools/call", "ecko", "refused", "unknown_name"),
        ("prompts/get", "great", "refused", "unknown_name"),
        ("prompts/get", "greet", "refused", "unknown_name"),
        ("resources/read", "toy://nothing", "error", "-32602"),
        ("resources/read", "toy://items/aple", "error", "not_found"),
        ("prompts/get", "greet", "refused", "unknown_name"),
    ]
    assert len({one["call"] for one in world.records("")}) == len(found)


@both_eras
@pytest.mark.requirement("AUD-1")
def test_a_record_says_who_what_and_how_it_ended(world: World, mode: Mode) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"

    async def scenario(client: Client) -> None:
        meta: Any = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
        await client.call_tool("echo", {"text": "hi", "times": 3}, meta=meta)
        await client.call_tool("fail", {"how": "refused"})

    world.talk(mode, scenario)
    said, refused = world.records()
    assert said["principal"].startswith("local:")
    assert said["client"].startswith("mcp ")
    assert said["transport"] == "stdio"
    assert said["arguments"] == {"text": "hi", "times": 3}
    assert said["rows"] == 3, "facts that a tool noted"
    assert said["trace_id"] == trace
    assert said["duration_ms"] > 0
    assert (said["phase"], said["kind"], said["server"]) == ("call", "read", "toy")
    assert (refused["rule"], refused["code"]) == ("TOY-7", "toy_refused")


@both_eras
@pytest.mark.requirement("AUD-1")
def test_the_evidence_of_an_error_is_recorded(world: World, mode: Mode) -> None:
    world.call(mode, "fail", {"how": "not_found"})
    world.call(mode, "fail", {"how": "crash"})
    found, crashed = world.records()
    assert found["evidence"] == {"near": ["apple"]}
    assert len(crashed["evidence"]["incident"]) == 8, "leads from the log to the record and back"


@both_eras
@pytest.mark.requirement("AUD-1")
def test_a_write_is_recorded_before_its_effect_and_completed_after(tmp_path: Path, mode: Mode) -> None:
    world = World(tmp_path, allow_writes=True)
    seen: list[list[dict[str, Any]]] = []

    class Watched(list[str]):
        def append(self, effect: str) -> None:
            seen.append(world.records())
            super().append(effect)

    world.app.effects = Watched()
    world.call(mode, "put", {"name": "apple"})
    world.call(mode, "put", {"name": "crash"})
    (begin,) = seen[0]
    assert (begin["phase"], begin["target"], begin["arguments"]) == ("begin", "put", {"name": "apple"})
    assert "decision" not in begin, "nobody knows yet"
    phases = [(one["phase"], one["call"], one.get("decision")) for one in world.records()]
    first, second = begin["call"], phases[2][1]
    assert phases == [
        ("begin", first, None), ("end", first, "allowed"), ("begin", second, None), ("end", second, "error")
    ]  # fmt: skip


@both_eras
@pytest.mark.requirement("AUD-1")
def test_a_call_that_is_given_up_is_recorded_too(world: World, mode: Mode) -> None:
    async def scenario(client: Client) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.call_tool, "wait", {})
            await world.app.reached.wait()
            tasks.cancel_scope.cancel()
        await client.call_tool("echo", {"text": "next"})

    world.talk(mode, scenario)
    assert [(one["target"], one["decision"]) for one in world.records()] == [("wait", "cancelled"), ("echo", "allowed")]


@both_eras
@pytest.mark.requirement("AUD-1", "STATE-1")
def test_a_forged_request_state_is_refused_and_recorded(world: World, mode: Mode) -> None:
    async def scenario(client: Client) -> None:
        await client.session.call_tool("echo", {"text": "x"}, request_state="forged", input_responses={})

    assert world.refused(mode, scenario).code == -32602
    (record,) = world.records()
    assert (record["target"], record["decision"], record["code"]) == ("echo", "error", "invalid_request_state")


@both_eras
@pytest.mark.requirement("ERR-1", "AUD-1")
def test_a_stage_that_breaks_is_answered_and_recorded_like_a_tool(
    tmp_path: Path, mode: Mode, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(tmp_path, store=BrokenStore())
    result = world.call(mode, "echo", {"text": "x"})
    assert details_of(result)["code"] == "internal"
    assert "redis" not in as_text(result)
    assert "redis" in caplog.text
    assert "redis" not in str(world.refused(mode, lambda client: client.list_prompts()))
    assert [one["decision"] for one in world.records("prompts/list")] == ["error"]
    assert [one["code"] for one in world.records()] == ["internal"]


@both_eras
@pytest.mark.requirement("AUD-1")
def test_without_a_writable_log_reads_go_on_and_writes_do_not(
    tmp_path: Path, mode: Mode, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(tmp_path, allow_writes=True, audit_log=str(tmp_path))  # a folder

    async def scenario(client: Client) -> None:
        assert text_of(await client.call_tool("echo", {"text": "still here"})) == "still here"
        refused = await client.call_tool("put", {"name": "apple"})
        assert details_of(refused)["code"] == "audit_unavailable"
        assert "audit" in text_of(refused)
        assert text_of(await client.call_tool("echo", {"text": "still here"})) == "still here"

    world.talk(mode, scenario)
    assert world.app.effects == []
    assert caplog.text.count("Reads go on unrecorded, writes are refused.") == 1


@both_eras
@pytest.mark.requirement("AUD-1")
def test_a_log_that_recovers_is_used_again(world: World, mode: Mode, monkeypatch: pytest.MonkeyPatch) -> None:
    from mcp_servers_shared.audit import AuditLog

    def full(self: AuditLog, record: Any) -> None:
        raise AuditUnavailable("the disk is full")

    async def scenario(client: Client) -> None:
        await client.call_tool("echo", {"text": "1"})
        with monkeypatch.context() as patch:
            patch.setattr(AuditLog, "append", full)
            await client.call_tool("echo", {"text": "2"})
        await client.call_tool("echo", {"text": "3"})

    world.talk(mode, scenario)
    assert [one["arguments"]["text"] for one in world.records()] == ["1", "3"]


@both_eras
def test_auditing_can_be_off(tmp_path: Path, mode: Mode) -> None:
    world = World(tmp_path, allow_writes=True, audit_log="off")
    assert text_of(world.call(mode, "put", {"name": "x"})) == "stored x"
    assert world.app.effects == ["put x"]
    assert everything_in(tmp_path) == ""


@both_eras
@pytest.mark.requirement("TOK-1", "ERR-1")
def test_no_secret_in_any_answer_record_or_log_line(tmp_path: Path, mode: Mode, private_state: Path) -> None:
    world = World(tmp_path, allow_writes=True)
    errors: list[str] = []
    results: list[str] = []

    async def scenario(client: Client) -> None:
        for how in ("leaky", "crash", "mcp", SECRET):
            errors.append(as_text(await client.call_tool("fail", {"how": how})))
        errors.append(as_text(await client.call_tool("fail", {"how": "x", SECRET: TOKEN})))
        results.append(as_text(await client.call_tool("put", {"name": f"password={SECRET} {TOKEN}"})))
        results.append(as_text(await client.call_tool("echo", {"text": SECRET, "tags": [SECRET]})))
        for attempt in (
            client.read_resource("toy://items/crash"),
            client.read_resource(f"toy://items/{SECRET}"),
            client.get_prompt("greet", {"name": "crash"}),
            client.get_prompt("greet", {"name": "x", "style": SECRET}),
            client.call_tool(SECRET, {}),
            client.get_prompt(TOKEN, {}),
        ):
            with pytest.raises(MCPError) as caught:
                await attempt
            errors.append(repr(caught.value.error))

    world.talk(mode, scenario)
    files = everything_in(tmp_path) + everything_in(private_state)
    assert len(world.records("")) >= 14
    for secret in (SECRET, TOKEN):
        assert secret not in files
        assert not [one for one in errors if secret in one]
    assert not [one for one in results if SECRET in one], "a server's own secret, also in what it read"
    assert "[redacted:" in files
