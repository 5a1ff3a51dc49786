"""The mcp-servers-bundle command: a demo on sample data, and reading and checking audit logs."""

__all__ = ["main"]


def main() -> None:
    """The command `mcp-servers-bundle`."""
    from mcp_servers_bundle.cli import run

    raise SystemExit(run())
