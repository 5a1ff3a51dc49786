"""The servers that are measured: how each is started, and how each is asked for rows."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common.client import RawClient, Reply
from benchmarks.common.running import Server

OURS = "mcp-servers-sqlite"
NOOP = "SDK tool that does nothing"
ANCHOR = "mcp-server-sqlite"


@dataclass(frozen=True)
class Subject(Server):
    """A server of databases. `limit` names the argument for the most rows, where there is one."""

    tool: str = "execute_sql"
    argument: str = "sql"
    limit: str = ""

    def arguments(self, sql: str, rows: int | None = None) -> dict[str, Any]:
        """Arguments of the query tool."""
        return {self.argument: sql} | ({self.limit: rows} if self.limit and rows else {})

    def ask(self, client: RawClient, sql: str, rows: int | None = None) -> Reply:
        """Runs a query."""
        return client.call(self.tool, self.arguments(sql, rows))

    def timer(self, client: RawClient, sql: str, rows: int | None = None) -> Callable[[], float]:
        """Something that runs the query once and tells its seconds, after one run whose result is looked at."""
        self.ask(client, sql, rows).text  # noqa: B018
        return lambda: self.ask(client, sql, rows).seconds


def ours(database: Path, state: Path, *flags: str, name: str = OURS) -> Subject:
    """Our server with `flags`, its audit log on, its state in `state`."""
    command = [sys.executable, "-m", "mcp_servers_sqlite", "--db", str(database), "--rate-limit", "off", *flags]
    env = {"MCP_SERVERS_STATE_DIR": str(state)}
    return Subject(name, command, "modern", tool="query_database", limit="limit", env=env)


def noop() -> Subject:
    """The SDK's own server on its own stdio, with one tool."""
    script = Path(__file__).with_name("noop_server.py")
    return Subject(NOOP, [sys.executable, str(script)], "modern", tool="nothing")
