"""Roots that an older client names: they narrow what it may touch to the part that was configured, never widen it."""

import logging
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any, cast
from weakref import WeakKeyDictionary

import anyio
from mcp.shared.exceptions import MCPError

from mcp_servers_filesystem.app import FilesystemApp
from mcp_servers_filesystem.space import Space
from mcp_servers_filesystem.uris import path_of
from mcp_servers_shared.compat import (
    CallNext,
    HandlerResult,
    ServerRequestContext,
    asked_roots,
    connection_of,
    is_modern,
)
from mcp_servers_shared.errors import ServerError
from mcp_servers_shared.guard.paths import Root

logger = logging.getLogger("mcp_servers.filesystem")

_CHANGED = "notifications/roots/list_changed"
_SECONDS = 5.0
_narrowed: ContextVar[Space | None] = ContextVar("mcp_servers_filesystem_narrowed", default=None)


def narrowed() -> Space | None:
    """What the client of this call narrowed the roots to; None for all of them."""
    return _narrowed.get()


class _Known:
    """What a client answered. One that says its roots changed gets a new one, so that no late answer counts."""

    def __init__(self) -> None:
        self.lock = anyio.Lock()
        self.asked = False
        self.space: Space | None = None


class ClientRootsMiddleware:
    """Asks a client for its roots at its first call, and again when it says that they changed."""

    def __init__(self) -> None:
        self._known: WeakKeyDictionary[Any, _Known] = WeakKeyDictionary()

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        client = connection_of(ctx.session)
        if ctx.method == _CHANGED:
            self._known.pop(client, None)
        if ctx.method not in ("tools/call", "resources/read", "completion/complete") or not _has_roots(ctx):
            return await call_next(ctx)
        known = self._known.setdefault(client, _Known())
        async with known.lock:
            if not known.asked:
                known.space = await self._asked(ctx)
                known.asked = True
        token = _narrowed.set(known.space)
        try:
            return await call_next(ctx)
        finally:
            _narrowed.reset(token)

    async def _asked(self, ctx: ServerRequestContext[Any, Any]) -> Space | None:
        space = cast(FilesystemApp, ctx.lifespan_context).everything
        try:
            uris = await asked_roots(ctx.session, _SECONDS)
        except (MCPError, ValueError) as error:
            logger.warning("the client did not say its roots (%s); all folders stay open to it", type(error).__name__)
            return None
        limits = await anyio.to_thread.run_sync(overlap, space, uris)
        if uris and not limits:
            logger.warning("none of the client's roots lies in the folders of this server; all of them stay open to it")
        return space.narrowed(limits) if limits else None


def _has_roots(ctx: ServerRequestContext[Any, Any]) -> bool:
    known = ctx.session.client_params
    return bool(known and known.capabilities.roots) and not is_modern(ctx.protocol_version or "")


def overlap(space: Space, uris: Sequence[str]) -> list[tuple[Root, tuple[bytes, ...]]]:
    """The places that both the server's roots and the client's hold. What is no directory is passed over."""
    found: list[tuple[Root, tuple[bytes, ...]]] = []
    for uri in uris:
        try:
            path = path_of(uri) if "://" in uri else uri
        except ServerError:
            continue
        if path.startswith("/"):
            found += [(root, ()) for root in space.roots if _beneath(root, path)]
        try:
            with space.directory(path) as directory:
                found.append((directory.real.root, directory.real.parts))
        except (ServerError, OSError):
            continue
    return list(dict.fromkeys(found))


def _beneath(root: Root, path: str) -> bool:
    """Whether a root of the server lies in a directory of the client's, as both are written."""
    above = tuple(part for part in path.encode(errors="replace").split(b"/") if part not in (b"", b"."))
    return b".." not in above and root.real_parts[: len(above)] == above
