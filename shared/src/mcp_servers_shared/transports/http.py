"""Streamable HTTP and SSE on loopback, with Host and Origin allowlists always on.

Anything but loopback is refused until identity is in place: an open port without a login would hand every tool to the
network.
"""

import contextlib
import ipaddress
import signal
import socket
import sys
from collections.abc import Generator
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings

from mcp_servers_shared.errors import Refused, Unavailable

_LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
_BACKLOG = 2_048
_PATHS = {"http": "/mcp", "sse": "/sse"}


def require_loopback(host: str) -> None:
    """Raise Refused (AUTH-1) unless `host` can only be reached from this machine."""
    if host != "localhost" and not _is_loopback(host.strip("[]")):
        raise Refused(
            f"--host {host} can be reached from other machines, and this version has no login",
            rule="AUTH-1",
            hint="Use --host 127.0.0.1, or put a gateway that authenticates in front of it on this machine.",
        )


def loopback_security() -> TransportSecuritySettings:
    """Only Hosts and Origins of this machine, on any port."""
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=[f"{name}{port}" for name in _LOOPBACK_NAMES for port in (":*", "")],
        allowed_origins=[f"http://{name}{port}" for name in _LOOPBACK_NAMES for port in (":*", "")],
    )


def asgi_app(server: MCPServer[Any], transport: str, host: str) -> Any:
    """The ASGI app: `/mcp` for Streamable HTTP, `/sse` and `/messages/` for SSE."""
    security = loopback_security()
    make = server.sse_app if transport == "sse" else server.streamable_http_app
    return _Guarded(make(transport_security=security, host=host), security)


async def serve_http(server: MCPServer[Any], *, transport: str, host: str, port: int, log_level: str) -> None:
    """Serve until SIGINT or SIGTERM, and say on stderr where.

    Raises Refused for a host that is not loopback, Unavailable for an address that is taken or a lifespan that fails.
    """
    import uvicorn

    require_loopback(host)
    listener = _listener(host.strip("[]"), port)
    address = f"http://{host}:{listener.getsockname()[1]}{_PATHS[transport]}"
    config = uvicorn.Config(
        asgi_app(server, transport, host),
        log_config=None,
        log_level=log_level.lower(),
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    uvicorn_server = uvicorn.Server(config)
    sys.stderr.write(f"{server.name}: {address}\n")
    sys.stderr.flush()
    with contextlib.closing(listener), _signals_end(uvicorn_server):
        await uvicorn_server.serve(sockets=[listener])
    if not uvicorn_server.started:
        raise Unavailable("the server could not start", hint="The log above says why.")


class _Guarded:
    """Checks Host and Origin before anything else, on every path."""

    def __init__(self, app: Any, security: TransportSecuritySettings) -> None:
        self._app = app
        self._security = TransportSecurityMiddleware(security)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            from starlette.requests import Request

            refusal = await self._security.validate_request(Request(scope, receive), is_post=False)
            if refusal is not None:
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _listener(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # What a name means is up to the machine's settings.
        require_loopback(str(address[0]))
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise Unavailable(f"--host {host}: {error.strerror}") from error
    try:
        if sys.platform != "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise Unavailable(
            f"cannot listen on {host}, port {port}: {error.strerror}",
            hint="Another port by --port, or any free one by --port 0.",
        ) from error
    return listener


@contextlib.contextmanager
def _signals_end(uvicorn_server: Any) -> Generator[None, None, None]:
    """uvicorn ends in order at SIGINT and SIGTERM, and raises them once more when it is done: they stop here."""

    def end(number: int, frame: Any) -> None:
        uvicorn_server.should_exit = True

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, end) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
