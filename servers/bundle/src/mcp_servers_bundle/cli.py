"""Subcommands of mcp-servers-bundle."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mcp_servers_shared import __version__


def run(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; its exit code."""
    arguments = _parser().parse_args(argv)
    if arguments.command == "demo":
        from mcp_servers_bundle.demo import show

        return show(keep=arguments.keep)
    from mcp_servers_bundle import audit

    if arguments.audit_command == "verify":
        return audit.verify_command(arguments.path)
    return audit.tail_command(arguments.path, arguments.lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mcp-servers-bundle", description=__doc__)
    parser.add_argument("--version", action="version", version=f"mcp-servers-bundle {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="make sample data and show a real session with the servers on it")
    demo.add_argument("--keep", type=Path, metavar="FOLDER", help="leave the sample data and the audit log there")
    audit = commands.add_parser("audit", help="read and check audit logs")
    kinds = audit.add_subparsers(dest="audit_command", required=True)
    verify = kinds.add_parser("verify", help="find every change made to a log; exit 0 when there is none, else 1")
    verify.add_argument("path", type=Path)
    tail = kinds.add_parser("tail", help="show the newest records")
    tail.add_argument("path", type=Path)
    tail.add_argument("-n", "--lines", type=int, default=20)
    return parser


if __name__ == "__main__":
    sys.exit(run())
