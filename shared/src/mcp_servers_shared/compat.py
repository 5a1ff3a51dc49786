"""Every private or provisional SDK name this project uses, and nothing else.

`tests/shared/test_compat.py` fails when one of them moves, so that a new SDK is read here first.
"""

from collections.abc import Awaitable, Callable
from typing import Any, cast

from mcp.server import ServerRequestContext
from mcp.server.context import CallNext, HandlerResult, ServerMiddleware
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase
from mcp.server.request_state import RequestStateBoundary
from mcp.server.session import ServerSession
from mcp.shared._context_streams import (  # pyright: ignore[reportPrivateUsage]
    ContextReceiveStream,
    ContextSendStream,
    create_context_streams,
)
from mcp.shared.message import SessionMessage
from mcp_types import SERVER_INFO_META_KEY
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

__all__ = [
    "ArgModelBase",
    "CallNext",
    "ContextReceiveStream",
    "ContextSendStream",
    "HandlerResult",
    "ServerMiddleware",
    "ServerRequestContext",
    "SessionMessage",
    "Tool",
    "add_request_handler",
    "around_request_state",
    "asked_roots",
    "connection_of",
    "create_context_streams",
    "is_modern",
    "result_envelope",
    "serve_streams",
]


def is_modern(protocol_version: str) -> bool:
    """Whether this is a version without a handshake (2026-07-28 on)."""
    return protocol_version in MODERN_PROTOCOL_VERSIONS


def around_request_state(server: MCPServer[Any], *stages: ServerMiddleware[Any]) -> None:
    """Put `stages` around the SDK's check of requestState, so that they see what it refuses."""
    chain = server.middleware
    place = next(index for index, stage in enumerate(chain) if isinstance(stage, RequestStateBoundary))
    chain[place:place] = stages


def result_envelope(server: MCPServer[Any], protocol_version: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a result made by middleware lacks: its top-level fields and its `_meta`."""
    if not is_modern(protocol_version):
        return {}, {}
    stamp = server._lowlevel_server.server_info_stamp  # pyright: ignore[reportPrivateUsage]
    return {"resultType": "complete"}, {SERVER_INFO_META_KEY: stamp}


async def serve_streams(
    server: MCPServer[Any], read: ContextReceiveStream[Any], write: ContextSendStream[SessionMessage]
) -> None:
    """Serve one connection over streams of our own."""
    lowlevel = server._lowlevel_server  # pyright: ignore[reportPrivateUsage]
    await lowlevel.run(read, write, lowlevel.create_initialization_options())


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
