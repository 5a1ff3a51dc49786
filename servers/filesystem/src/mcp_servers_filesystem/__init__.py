"""MCP server for files."""

__all__ = ["main"]


def main() -> None:
    """The command `mcp-servers-filesystem`."""
    from mcp_servers_filesystem.server import build, check, prepare
    from mcp_servers_filesystem.settings import FilesystemSettings
    from mcp_servers_shared.cli import serve

    serve(FilesystemSettings, build, check, prepare=prepare)
