"""MCP server for files."""

__all__ = ["main"]


def main() -> None:
    """The command `mcp-servers-filesystem`."""
    from mcp_servers_filesystem.allocator import keep_memory
    from mcp_servers_filesystem.sealing import seal_process
    from mcp_servers_filesystem.server import build, check
    from mcp_servers_filesystem.settings import FilesystemSettings
    from mcp_servers_shared.cli import serve

    keep_memory()
    serve(FilesystemSettings, build, check, prepare=seal_process)
