"""How bytes reach a server: stdio, Streamable HTTP, SSE."""

from mcp_servers_shared.transports.http import serve_http
from mcp_servers_shared.transports.stdio import serve_stdio

__all__ = ["serve_http", "serve_stdio"]
