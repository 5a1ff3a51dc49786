"""Every private or provisional SDK name this project uses, and nothing else.

`tests/shared/test_compat.py` fails when one of them moves, so that a new SDK is read here first.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self, cast

from mcp.server import ServerRequestContext, runner
from mcp.server._otel import OpenTelemetryMiddleware  # pyright: ignore[reportPrivateUsage]
from mcp.server.context import CallNext, HandlerResult, ServerMiddleware
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase
from mcp.server.request_state import RequestStateBoundary
from mcp.server.session import ServerSession
from mcp.shared._stream_protocols import ReadStream, WriteStream  # pyright: ignore[reportPrivateUsage]
from mcp.shared.message import SessionMessage
from mcp_types import SERVER_INFO_META_KEY, JSONRPCRequest
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from opentelemetry import trace

__all__ = [
    "ArgModelBase",
    "CallNext",
    "HandlerResult",
    "ServerMiddleware",
    "ServerRequestContext",
    "SessionMessage",
    "Stream",
    "Tool",
    "add_request_handler",
    "around_request_state",
    "asked_roots",
    "connection_of",
    "is_modern",
    "result_envelope",
    "serve_streams",
    "without_idle_telemetry",
]


def is_modern(protocol_version: str) -> bool:
    """Whether this is a version without a handshake (2026-07-28 on)."""
    return protocol_version in MODERN_PROTOCOL_VERSIONS


def around_request_state(server: MCPServer[Any], *stages: ServerMiddleware[Any]) -> None:
    """Put `stages` around the SDK's check of requestState, so that they see what it refuses."""
    chain = server.middleware
    place = next(index for index, stage in enumerate(chain) if isinstance(stage, RequestStateBoundary))
    chain[place:place] = stages


def without_idle_telemetry(server: MCPServer[Any]) -> None:
    """Spare every message the spans that nobody collects: until a tracer provider is set, they record nothing."""
    chain = server.middleware
    chain[:] = [_WhenTraced(stage) if isinstance(stage, OpenTelemetryMiddleware) else stage for stage in chain]


class _WhenTraced:
    def __init__(self, stage: ServerMiddleware[Any]) -> None:
        self._stage = stage

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
            return await call_next(ctx)
        return await self._stage(ctx, call_next)


def result_envelope(server: MCPServer[Any], protocol_version: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a result made by middleware lacks: its top-level fields and its `_meta`."""
    if not is_modern(protocol_version):
        return {}, {}
    stamp = server._lowlevel_server.server_info_stamp  # pyright: ignore[reportPrivateUsage]
    return {"resultType": "complete"}, {SERVER_INFO_META_KEY: stamp}


class Stream:
    """One end of a connection as the SDK takes it: closed when the block around it ends."""

    async def aclose(self) -> None:
        """End it."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        await self.aclose()


async def serve_streams(
    server: MCPServer[Any], read: ReadStream[SessionMessage | Exception], write: WriteStream[SessionMessage]
) -> None:
    """Serve one connection over streams of our own, as the SDK's `Server.run` does, without its relay: that hands every
    message on through a task and a stream, in order to see the first one.
    """
    low = server._lowlevel_server  # pyright: ignore[reportPrivateUsage]
    async with low.lifespan(low) as state:
        try:
            opening = _Opening(read)
            if await opening.is_modern():
                await runner._serve_modern_stream(  # pyright: ignore[reportPrivateUsage]
                    low, opening, write, lifespan_state=state, raise_exceptions=False
                )
            else:
                await runner._serve_legacy_stream(  # pyright: ignore[reportPrivateUsage]
                    low,
                    opening,
                    write,
                    lifespan_state=state,
                    session_id=None,
                    init_options=low.create_initialization_options(),
                    raise_exceptions=False,
                )
        finally:
            await write.aclose()


class _Opening(Stream):
    """A stream whose first request can be looked at before it is taken."""

    def __init__(self, stream: ReadStream[SessionMessage | Exception]) -> None:
        self._stream = stream
        self._seen: deque[SessionMessage | Exception] = deque()

    async def is_modern(self) -> bool:
        """Whether the first request carries the envelope of 2026-07-28, which decides for the whole connection."""
        async for item in self._stream:
            message = item.message if isinstance(item, SessionMessage) else None
            if isinstance(message, JSONRPCRequest):
                self._seen.append(item)
                enveloped = runner._has_modern_envelope(message.params)  # pyright: ignore[reportPrivateUsage]
                return message.method != "initialize" and enveloped
            if len(self._seen) < runner._PRE_REQUEST_REPLAY_LIMIT:  # pyright: ignore[reportPrivateUsage]
                self._seen.append(item)
        return False

    async def receive(self) -> SessionMessage | Exception:
        return self._seen.popleft() if self._seen else await self._stream.receive()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        return self._seen.popleft() if self._seen else await self._stream.__anext__()

    async def aclose(self) -> None:
        await self._stream.aclose()


def add_request_handler(
    server: MCPServer[Any],
    method: str,
    params: type[Any],
    handler: Callable[[ServerRequestContext[Any, Any], Any], Awaitable[Any]],
) -> None:
    """Answer a method that `MCPServer` has no decorator for."""
    server._lowlevel_server.add_request_handler(method, params, handler)  # pyright: ignore[reportPrivateUsage]


def connection_of(session: ServerSession) -> Any:
    """What stays the same through all requests of a client; the session itself is made anew for each."""
    return session._connection  # pyright: ignore[reportPrivateUsage]


async def asked_roots(session: ServerSession, seconds: float) -> list[str]:
    """The URIs of the roots of an older client, as it wrote them: not all hosts send what the SDK takes for one.

    Raises MCPError where it cannot be asked or does not answer in time, ValueError for an answer of another form.
    """
    outbound = connection_of(session).outbound
    answer: Any = await outbound.send_raw_request("roots/list", None, {"timeout": seconds})
    roots: Any = cast("dict[str, Any]", answer).get("roots") if isinstance(answer, dict) else None
    if not isinstance(roots, list):
        raise ValueError("no list of roots")
    entries = [cast("dict[str, Any]", one) for one in cast("list[Any]", roots) if isinstance(one, dict)]
    return [str(one["uri"]) for one in entries if "uri" in one]
