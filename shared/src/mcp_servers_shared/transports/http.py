"""Streamable HTTP and SSE on loopback, with Host and Origin allowlists always on.

Anything but loopback is refused until identity is in place: an open port without a login would hand every tool to the
network.
"""

import ipaddress
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings

from mcp_servers_shared.errors import Refused

_LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


def require_loopback(host: str) -> None:
    """Raise Refused (AUTH-1) unless `host` can only be reached from this machine."""
    try:
        loopback = ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        loopback = host == "localhost"
    if not loopback:
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
    if transport == "sse":
        return server.sse_app(transport_security=security, host=host)
    return server.streamable_http_app(transport_security=security, host=host)


async def serve_http(server: MCPServer[Any], *, transport: str, host: str, port: int, log_level: str) -> None:
    """Serve until SIGINT or SIGTERM, which uvicorn turns into a clean end."""
    import uvicorn

    require_loopback(host)
    app = asgi_app(server, transport, host)
    config = uvicorn.Config(
        app, host=host.strip("[]"), port=port, log_level=log_level.lower(), timeout_graceful_shutdown=5
    )
    await uvicorn.Server(config).serve()
