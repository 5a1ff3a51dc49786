"""A built server: what it lists, what it refuses, how it fails, and what it leaves on the machine."""

import asyncio
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.types import PromptReference
from toy_server import SECRET, TOOLS, ToySettings, build, echo
from toy_world import Mode, World, as_text, both_eras, details_of, text_of

from mcp_servers_shared.app import Blueprint, audit_log, audit_path, build_server
from mcp_servers_shared.state import StateFolder

READS = ["echo", "echo_in_thread", "big", "fail", "wait", "stray_output"]
WRITES = ["put", "erase"]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@both_eras
@pytest.mark.requirement("SCOPE-1")
def test_tools_that_write_are_absent_without_the_flag_and_refused_when_called(tmp_path: Path, mode: Mode) -> None:
    world = World(tmp_path)

    async def scenario(client: Client) -> None:
        assert [one.name for one in (await client.list_tools()).tools] == READS
        for name in WRITES:
            result = await client.call_tool(name, {"name": "apple"})
            assert details_of(result)["code"] == "writes_disabled"
            assert "--allow-writes" in text_of(result)

    world.talk(mode, scenario)
    assert world.app.effects == []
    assert [(one["decision"], one["rule"], one["kind"]) for one in world.records()] == [
        ("refused", "SCOPE-1", "write")
    ] * 2


@both_eras
@pytest.mark.requirement("SCOPE-1")
def test_with_the_flag_they_are_listed_and_work(tmp_path: Path, mode: Mode) -> None:
    world = World(tmp_path, allow_writes=True)

    async def scenario(client: Client) -> None:
        tools = (await client.list_tools()).tools
        assert [one.name for one in tools] == [*READS, *WRITES]
        hints = {one.name: one.annotations for one in tools}
        assert all(hints[name].read_only_hint is (name in READS) for name in hints)  # type: ignore[union-attr]
        assert text_of(await client.call_tool("put", {"name": "apple"})) == "stored apple"

    world.talk(mode, scenario)
    assert world.app.effects == ["put apple"]


@both_eras
def test_an_alias_works_unlisted(world: World, mode: Mode) -> None:
    assert text_of(world.call(mode, "repeat", {"text": "hi"})) == "hi"
    assert world.records()[0]["target"] == "repeat"
    assert "repeat" not in READS


@both_eras
@pytest.mark.requirement("AUTH-2")
@pytest.mark.parametrize(
    ("scenario", "message"),
    [
        (lambda client: client.call_tool("ecko", {}), "Unknown tool: ecko. Did you mean echo?"),
        (lambda client: client.call_tool("", {}), "Unknown tool: ."),
        (lambda client: client.call_tool("Zz" * 1_000_000, {}), f"Unknown tool: {'Zz' * 60}."),
        (lambda client: client.get_prompt("great", {}), "Unknown prompt: great. Did you mean greet?"),
        (lambda client: client.get_prompt("greet", {}), "Prompt greet needs the argument name"),
        (
            lambda client: client.get_prompt("greet", {"name": "x", "stile": "y"}),
            "Unknown argument of the prompt greet: stile. Did you mean style?",
        ),
        (
            lambda client: client.get_prompt("greet", {"name": "x", "style": SECRET}),
            "[invalid_arguments] 'style': Input should be 'plain' or 'loud'. prompts/list says what the prompt takes.",
        ),
        (lambda client: client.read_resource("toy://nothing"), "Unknown resource: toy://nothing"),
        (
            lambda client: client.read_resource("toy://items/aple"),
            "[not_found] there is no item called 'aple'. Did you mean apple?",
        ),
    ],
    ids=["tool", "empty", "long", "prompt", "missing", "argument", "value", "resource", "item"],
)  # fmt: skip
def test_what_does_not_exist_is_a_protocol_error_that_teaches(
    world: World, mode: Mode, scenario: Any, message: str
) -> None:
    error = world.refused(mode, scenario)
    assert error.code == -32602
    assert error.message == message


@both_eras
@pytest.mark.requirement("ERR-1")
def test_a_domain_error_is_a_result_with_code_message_hint_and_meta(world: World, mode: Mode) -> None:
    result = world.call(mode, "fail", {"how": "not_found"})
    assert text_of(result) == "[not_found] there is no item called 'aple'. Did you mean apple?"
    assert details_of(result) == {"code": "not_found", "hint": "Did you mean apple?", "near": ["apple"]}
    assert result.meta is not None
    assert ("io.modelcontextprotocol/serverInfo" in result.meta) == (mode == "auto")


@both_eras
@pytest.mark.requirement("ERR-1")
def test_a_crash_shows_an_incident_and_logs_the_traceback(
    world: World, mode: Mode, caplog: pytest.LogCaptureFixture
) -> None:
    result = world.call(mode, "fail", {"how": "crash"})
    incident = details_of(result)["incident"]
    assert incident in text_of(result)
    for internal in ("crashed at", "/srv/private", "RuntimeError", "toy_server.py", SECRET):
        assert internal not in as_text(result)
    (logged,) = [one for one in caplog.records if incident in one.getMessage()]
    assert logged.exc_info is not None
    assert "crashed at /srv/private" in str(logged.exc_info[1])


@both_eras
@pytest.mark.requirement("ERR-1")
@pytest.mark.parametrize(
    "scenario",
    [
        lambda client: client.read_resource("toy://items/crash"),
        lambda client: client.get_prompt("greet", {"name": "crash"}),
        lambda client: client.complete(PromptReference(name="greet"), {"name": "name", "value": "crash"}),
    ],
    ids=["resource", "prompt", "completion"],
)  # fmt: skip
def test_a_crash_elsewhere_is_a_protocol_error_with_an_incident(
    world: World, mode: Mode, scenario: Any, caplog: pytest.LogCaptureFixture
) -> None:
    error = world.refused(mode, scenario)
    assert error.code == -32603
    assert error.data["code"] == "internal"
    assert error.data["incident"] in error.message
    assert error.data["incident"] in caplog.text
    assert "crashed with" not in str(error.error)
    assert "crashed with" in caplog.text


@both_eras
@pytest.mark.requirement("OUT-1")
def test_an_error_text_of_any_length_is_short(world: World, mode: Mode) -> None:
    result = world.call(mode, "fail", {"how": "long"})
    assert len(as_text(result)) < 20_000
    assert "more characters)" in text_of(result)


@both_eras
def test_arguments_are_strict_on_both_eras(world: World, mode: Mode) -> None:
    assert text_of(world.call(mode, "echo", {"text": "x", "tags": '["a", "b"]'})) == "x #a #b"
    result = world.call(mode, "echo", {"txt": "x"})
    assert details_of(result)["code"] == "invalid_arguments"
    assert "did you mean 'text'?" in text_of(result)


@both_eras
def test_a_sync_tool_knows_its_call(world: World, mode: Mode) -> None:
    assert text_of(world.call(mode, "echo_in_thread", {"text": "x"})) == "x for echo_in_thread"


@both_eras
def test_a_call_does_not_wait_for_another(world: World, mode: Mode) -> None:
    async def scenario(client: Client) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.call_tool, "wait", {})
            await world.app.reached.wait()
            assert text_of(await client.call_tool("echo", {"text": "meanwhile"})) == "meanwhile"
            world.app.go_on.set()

    world.talk(mode, scenario)
    assert [one["target"] for one in world.records()] == ["echo", "wait"]


def test_two_tools_of_one_name_are_a_mistake() -> None:
    blueprint = Blueprint("toy", "Toy", "", tools=[echo, echo])
    with pytest.raises(ValueError, match="two tools of toy are called echo"):
        build_server(blueprint, ToySettings())


def test_an_alias_of_nothing_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        build_server(Blueprint("toy", "Toy", "", tools=TOOLS, aliases={"a": "nothing"}), ToySettings())


def test_building_and_serving_leave_nothing_until_there_is_something_to_record(
    private_state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = private_state / "not yet"
    monkeypatch.setenv("MCP_SERVERS_STATE_DIR", str(state))
    server = build(ToySettings(allow_writes=True))
    assert not state.exists()

    async def scenario() -> None:
        async with Client(server, mode="legacy"):
            assert (state / "audit" / "toy.jsonl").exists()

    asyncio.run(scenario())


def test_where_the_audit_log_goes(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    assert audit_path("toy", ToySettings(), state) == tmp_path / "audit" / "toy.jsonl"
    assert audit_path("toy", ToySettings(audit_log="~/a.jsonl"), state) == Path.home() / "a.jsonl"
    assert audit_log("toy", ToySettings(audit_log="OFF")) is None


def test_importing_and_building_do_not_print_and_log_plain_lines_on_stderr() -> None:
    """In a process of its own: here pytest owns the root logger."""
    script = (
        "import logging; from toy_server import *; build(ToySettings(log_level='INFO'));"
        "root = logging.getLogger(); assert len(root.handlers) == 1, root.handlers;"
        "assert root.level == logging.INFO;"
        "build(ToySettings()); assert len(root.handlers) == 1; assert root.level == logging.WARNING;"
        f"logging.getLogger('x').warning('a %s and %s', {SECRET!r}, 'https://ann:hunter2@host/')"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parent,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ran.stdout == ""
    (line,) = ran.stderr.splitlines()
    assert "WARNING x: a [redacted:secret] and https://ann:[redacted:password]@host/" in line


def test_a_root_logger_of_the_host_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    before = list(logging.getLogger().handlers)
    build(ToySettings())
    assert logging.getLogger().handlers == before
