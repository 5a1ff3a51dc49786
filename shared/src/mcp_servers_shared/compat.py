"""Every private or provisional SDK name this project uses, and nothing else.

`tests/shared/test_compat.py` fails when one of them moves, so that a new SDK is read here first.
"""

import warnings
from collections.abc import Awaitable, Callable
from typing import Any

from mcp import MCPDeprecationWarning
from mcp.server import ServerRequestContext
from mcp.server.context import CallNext, HandlerResult, ServerMiddleware
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase
from mcp.server.request_state import RequestStateBoundary
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


async def asked_roots(session: Any) -> list[str]:
    """The URIs of the roots of an older client. Deprecated in 2026-07-28, where no client is asked any more.

    Raises MCPError where the client does not answer as it should.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MCPDeprecationWarning)
        pending = session.list_roots()
    return [str(root.uri) for root in (await pending).roots]
