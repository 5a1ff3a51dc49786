"""Outermost: who calls, and what for. Makes the `Call` that every later stage reads."""

import getpass
import string
from collections.abc import Callable, Mapping
from typing import Any, cast

from mcp.server.auth.middleware.auth_context import get_access_token

from mcp_servers_shared.call import Call, Kind, Principal, answering
from mcp_servers_shared.compat import CallNext, HandlerResult, ServerRequestContext

_TARGET_KEYS = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
_HEX = frozenset(string.hexdigits)


class IdentifyMiddleware:
    """Gives every message a `Call`.

    Args:
        kind_of: says of a tool's name whether it writes.
        transport: how this process is served, for the record.
    """

    def __init__(self, kind_of: Callable[[str], Kind], transport: str = "stdio") -> None:
        self._kind_of = kind_of
        self._transport = transport
        self._local_user = _local_user()

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        with answering(self._call(ctx)):
            return await call_next(ctx)

    def _call(self, ctx: ServerRequestContext[Any, Any]) -> Call:
        params: Mapping[str, Any] = ctx.params or {}
        target = str(params.get(_TARGET_KEYS.get(ctx.method, ""), ""))
        arguments: Any = params.get("arguments")
        return Call(
            method=ctx.method,
            target=target,
            kind=self._kind_of(target) if ctx.method == "tools/call" else "read",
            principal=Principal(name=self._principal_name(ctx), client=_client(ctx)),
            transport=self._transport,
            arguments=cast("Mapping[str, Any]", arguments) if isinstance(arguments, Mapping) else {},
            trace_id=_trace_id(params),
            lifespan=ctx.lifespan_context,
        )

    def _principal_name(self, ctx: ServerRequestContext[Any, Any]) -> str:
        token = get_access_token()
        if token is not None:
            return f"token:{token.client_id}:{token.subject or ''}"
        return f"local:{self._local_user}" if ctx.request is None else "loopback"


def _local_user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"


def _client(ctx: ServerRequestContext[Any, Any]) -> str:
    known = ctx.session.client_params
    return f"{known.client_info.name} {known.client_info.version}"[:120] if known and known.client_info else ""


def _trace_id(params: Mapping[str, Any]) -> str:
    """The W3C trace id that the host sent along, if any."""
    meta: Any = params.get("_meta")
    parent: Any = cast("Mapping[str, Any]", meta).get("traceparent") if isinstance(meta, Mapping) else None
    parts = parent.split("-", 4) if isinstance(parent, str) else []
    return parts[1] if len(parts) == 4 and len(parts[1]) == 32 and _HEX.issuperset(parts[1]) else ""
