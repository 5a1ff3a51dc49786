"""Canaries: each private or provisional SDK name that compat.py uses, so that a new SDK is read there first."""

import asyncio
import inspect
from contextlib import nullcontext
from importlib.metadata import version
from typing import Any

import anyio
import mcp_types
import pytest
from mcp import Client
from mcp.server import runner
from mcp.server.mcpserver import MCPServer
from mcp.server.request_state import RequestStateBoundary
from mcp.types import EmptyResult, RequestParams
from opentelemetry import trace

from mcp_servers_shared import compat

MODERN, LEGACY = "2026-07-28", ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]


def server(**options: Any) -> MCPServer[Any]:
    return MCPServer("canary", title="Canary", version="1.2.3", **options)


def test_the_sdk_is_the_one_this_was_written_for() -> None:
    major, minor = map(int, version("mcp").split(".")[:2])
    assert (major, minor) >= (2, 3)
    assert major == 2


def test_the_eras() -> None:
    assert compat.is_modern(MODERN)
    assert not any(compat.is_modern(one) for one in LEGACY)
    assert mcp_types.SERVER_INFO_META_KEY == "io.modelcontextprotocol/serverInfo"


def test_the_low_level_server_has_what_we_call() -> None:
    low: Any = server()._lowlevel_server
    assert list(inspect.signature(low.add_request_handler).parameters)[:3] == ["method", "params_type", "handler"]
    assert low.create_initialization_options().server_name == "canary"
    assert low.server_info_stamp == {"name": "canary", "title": "Canary", "version": "1.2.3"}


def test_the_loops_of_both_eras_take_what_we_give_them() -> None:
    given = ["server", "read_stream", "write_stream", "lifespan_state", "raise_exceptions"]
    assert list(inspect.signature(runner._serve_modern_stream).parameters) == given
    legacy = [*given[:-1], "session_id", "init_options", "raise_exceptions"]
    assert list(inspect.signature(runner._serve_legacy_stream).parameters) == legacy
    source = inspect.getsource(runner.serve_dual_era_loop)
    assert 'opening.method != "initialize" and _has_modern_envelope(opening.params)' in source, "see compat._Opening"
    assert list(inspect.signature(low_level().run).parameters)[:3] == [
        "read_stream", "write_stream", "initialization_options"
    ]  # fmt: skip


PING = mcp_types.JSONRPCRequest(jsonrpc="2.0", id=1, method="ping")
MODERN_META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
}


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("ping", None),
        (
            "initialize",
            {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "a", "version": "1"}},
        ),
        ("initialize", {"_meta": MODERN_META}),
        ("server/discover", {"_meta": MODERN_META}),
        ("tools/list", {"_meta": {"io.modelcontextprotocol/protocolVersion": MODERN}}),
        ("tools/list", {}),
    ],
)
def test_the_first_request_decides_the_era_as_it_does_in_the_sdk(method: str, params: Any) -> None:
    """Served by the SDK's own `run` and by ours, a connection that begins so is answered alike."""
    messages = [
        mcp_types.JSONRPCNotification(jsonrpc="2.0", method="notifications/initialized"),
        mcp_types.JSONRPCRequest(jsonrpc="2.0", id=1, method=method, params=params),
        mcp_types.JSONRPCRequest(jsonrpc="2.0", id=2, method="tools/list", params={"_meta": MODERN_META}),
        mcp_types.JSONRPCRequest(jsonrpc="2.0", id=3, method="tools/list"),
    ]

    async def theirs(one: MCPServer[Any], read: Any, write: Any) -> None:
        low: Any = one._lowlevel_server
        await low.run(read, write, low.create_initialization_options())

    assert asyncio.run(answers(compat.serve_streams, messages)) == asyncio.run(answers(theirs, messages))


async def answers(serve: Any, messages: list[Any], served: Any = None) -> list[dict[str, Any]]:
    """What is answered to these messages, each sent when the one before was answered."""
    to_server, from_client = anyio.create_memory_object_stream[Any](0)
    from_server, to_client = anyio.create_memory_object_stream[Any](0)
    found: list[dict[str, Any]] = []
    async with anyio.create_task_group() as tasks, to_client:
        tasks.start_soon(serve, served or server(), from_client, from_server)
        async with to_server:
            for message in messages:
                await to_server.send(compat.SessionMessage(message))
                if isinstance(message, mcp_types.JSONRPCRequest):
                    answer = await to_client.receive()
                    found.append(answer.message.model_dump(by_alias=True, exclude_unset=True))
        assert [one async for one in to_client] == []
    return found


def low_level() -> Any:
    return server()._lowlevel_server


def test_a_tool_and_its_metadata_have_what_strict_tools_use() -> None:
    def function(text: str, count: int = 1) -> str:
        return text * count

    made = compat.Tool.from_function(function, structured_output=False)
    assert set(compat.Tool.model_fields) == {
        "fn", "name", "title", "description", "parameters", "fn_metadata", "is_async", "context_kwarg",
        "resolved_params", "resolver_plans", "annotations", "icons", "meta",
    }, "StrictTool.make copies these: look at what is new"  # fmt: skip
    assert issubclass(made.fn_metadata.arg_model, compat.ArgModelBase)
    checked = made.fn_metadata.arg_model.model_validate({"text": "a"})
    assert checked.model_dump_one_level() == {"text": "a", "count": 1}
    assert made.fn_metadata.pre_parse_json({"count": "[1]", "other": "[1]"}) == {"count": [1], "other": "[1]"}
    assert list(inspect.signature(made.fn_metadata.call_fn).parameters) == [
        "fn", "fn_is_async", "arguments", "arguments_to_pass_directly"
    ]  # fmt: skip
    assert callable(made.fn_metadata.convert_result)
    assert list(inspect.signature(compat.Tool.run).parameters) == ["self", "arguments", "context", "convert_result"]


def test_the_sdks_own_stages_come_in_the_order_we_count_on() -> None:
    async def stage(ctx: Any, call_next: Any) -> Any:
        return await call_next(ctx)

    async def outer(ctx: Any, call_next: Any) -> Any:
        return await call_next(ctx)

    canary = server(middleware=[stage])
    names = [type(one).__name__ for one in canary.middleware]
    assert names == ["OpenTelemetryMiddleware", "RequestStateBoundary", "function"]
    compat.around_request_state(canary, outer)
    assert canary.middleware[1] is outer
    assert isinstance(canary.middleware[2], RequestStateBoundary)
    assert canary.middleware[3] is stage


def test_spans_are_made_only_where_somebody_collects_them(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    class Telling(trace.NoOpTracer):
        def start_as_current_span(self, name: str, *args: Any, **kwargs: Any) -> Any:
            made.append(name)
            return super().start_as_current_span(name, *args, **kwargs)

    canary = server()
    compat.without_idle_telemetry(canary)
    assert [type(one).__name__ for one in canary.middleware] == ["_WhenTraced", "RequestStateBoundary"]
    monkeypatch.setattr("mcp.shared._otel._tracer", Telling())
    # Not what the SDK's client does on its own side.
    monkeypatch.setattr(
        "mcp.shared.jsonrpc_dispatcher.otel_span", lambda *args, **kwargs: nullcontext(trace.INVALID_SPAN)
    )

    async def scenario() -> list[str]:
        await answers(compat.serve_streams, [PING], canary)
        return list(made)

    assert asyncio.run(scenario()) == []
    monkeypatch.setattr(trace, "get_tracer_provider", trace.NoOpTracerProvider)
    assert asyncio.run(scenario()) == ["ping"]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_our_envelope_is_the_one_the_sdk_makes(mode: Any) -> None:
    """A result made by middleware looks on the wire like one that a tool made."""
    seen: list[tuple[dict[str, Any], dict[str, Any]]] = []

    async def stage(ctx: Any, call_next: Any) -> Any:
        result = await call_next(ctx)
        if ctx.method == "tools/call":
            fields, meta = compat.result_envelope(canary, ctx.protocol_version)
            ours = {"content": result["content"], "isError": False, **fields} | ({"_meta": meta} if meta else {})
            seen.append((result, ours))
        return result

    canary = server(middleware=[stage])

    @canary.tool(structured_output=False)
    def hello() -> str:
        return "hi"

    async def scenario() -> None:
        async with Client(canary, mode=mode) as client:
            await client.call_tool("hello", {})

    asyncio.run(scenario())
    ((theirs, ours),) = seen
    assert ours == theirs
    assert ("resultType" in theirs) == (mode == "auto")


def test_a_method_can_be_added() -> None:
    async def answer(ctx: Any, params: RequestParams) -> EmptyResult:
        return EmptyResult()

    canary = server()
    compat.add_request_handler(canary, "toy/method", RequestParams, answer)
    assert canary._lowlevel_server.get_request_handler("toy/method") is not None


def test_a_connection_is_served_over_streams_of_our_own() -> None:
    assert asyncio.run(answers(compat.serve_streams, [PING])) == [{"jsonrpc": "2.0", "id": 1, "result": {}}]


def test_every_name_in_all_is_there_and_nothing_else_is_used() -> None:
    assert all(hasattr(compat, name) for name in compat.__all__)


def test_a_session_knows_its_connection_and_how_to_ask() -> None:
    seen: list[Any] = []

    async def note(ctx: Any, call_next: Any) -> Any:
        seen.append(compat.connection_of(ctx.session))
        return await call_next(ctx)

    async def scenario() -> None:
        noting = server(middleware=[note])
        async with Client(noting, mode="legacy") as client:
            await client.list_tools()
            await client.list_tools()

    asyncio.run(scenario())
    assert len(seen) >= 2
    assert all(one is seen[0] for one in seen)
    assert list(inspect.signature(seen[0].outbound.send_raw_request).parameters)[:3] == ["method", "params", "opts"]
