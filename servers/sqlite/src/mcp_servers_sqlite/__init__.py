"""MCP server for SQLite.

Light on purpose: worker processes import this package with the standard library only.
"""

__all__ = ["main"]


def main() -> None:
    """The command `mcp-servers-sqlite`."""
    from mcp_servers_shared.cli import serve
    from mcp_servers_sqlite.server import build, check
    from mcp_servers_sqlite.settings import SqliteSettings

    serve(SqliteSettings, build, check)
