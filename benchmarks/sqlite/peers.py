"""The servers people use now, pinned, in `.cache/peers/`."""

import platform
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.common.packages import NODE, Packages
from benchmarks.sqlite.subjects import ANCHOR, Subject

PYTHON_PEERS = {
    ANCHOR: ["mcp-server-sqlite==2025.4.25", "mcp<2"],
    "fastmcp-sqlite": ["fastmcp-sqlite==1.0.0"],
    "database-mcp-sqlite": ["database-mcp-sqlite==0.2.1"],
}
DBHUB = ["@bytebase/dbhub@1.4.0"]
TOKENIZER = ["gpt-tokenizer@4.0.0"]


@dataclass
class Peers(Packages):
    """Where the peers are, and why some are not."""

    def install(self) -> None:
        """Installs what is not there yet."""
        for name, packages in PYTHON_PEERS.items():
            self.have_python(name, packages)
        on_linux = sys.platform == "linux" and platform.machine() == "x86_64"
        self.have_node("dbhub", [*DBHUB, *(NODE if on_linux else [])])
        self.have_node("tokenizer", TOKENIZER)

    def subjects(self, database: Path) -> list[Subject]:
        """The peers that are there, serving `database`, with their own caps on rows, bytes and time raised."""
        path = str(database)
        raised = ["--max-rows", "100000", "--max-bytes", "10000000", "--opcode-limit", "2000000000"]
        node = [self.node("dbhub"), self.node_module("dbhub", "dbhub"), "--transport", "stdio"]
        all_of_them = [
            Subject(ANCHOR, [self.script(ANCHOR), "--db-path", path], tool="read_query", argument="query"),
            Subject("fastmcp-sqlite", [self.script("fastmcp-sqlite"), "--db", path, *raised], tool="query"),
            Subject(
                "database-mcp-sqlite",
                [self.script("database-mcp-sqlite"), "--dsn", path, "--query-timeout-ms", "30000"],
            ),
            Subject("dbhub", [*node, "--dsn", f"sqlite://{path}"]),
        ]
        return [one for one in all_of_them if one.name not in self.missing]

    def installed(self) -> list[str]:
        """What is installed, a line each."""
        return self.versions(sorted([*PYTHON_PEERS, "dbhub", "tokenizer"]))
