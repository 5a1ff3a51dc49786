"""What every section works with: the folders, the peers, a state folder of our own."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.common.results import Findings
from benchmarks.common.running import Server
from benchmarks.common.tokenizer import count_tokens
from benchmarks.filesystem.peers import OFFICIAL, Peers
from benchmarks.filesystem.world import World

ROOT = Path(__file__).parents[2]
OURS = "mcp-servers-filesystem"
WHOLE = ("--max-result-chars", "10000000")
"""So that our server sends as much as the official one, which has no budget."""


@dataclass
class Bench:
    """One run. `state` and `scratch` are folders that are thrown away afterwards."""

    peers: Peers
    world: World
    state: Path
    scratch: Path

    def ours(self, *roots: Path, flags: tuple[str, ...] = (), name: str = OURS) -> Server:
        """Our server on `roots`, its audit log and its seal on, its state in a folder of its own.

        It is asked with the protocol that the official one speaks, so that both answer the same bytes.
        """
        places = [str(root) for root in roots or (self.world.tree,)]
        command = [sys.executable, "-m", "mcp_servers_filesystem", *places, "--rate-limit", "off", *flags]
        return Server(name, command, env={"MCP_SERVERS_STATE_DIR": str(self.state)})

    def official(self, *roots: Path) -> list[Server]:
        """The official server on `roots`, if it is there."""
        return self.peers.official(*(roots or (self.world.tree,)))

    def both(self, *roots: Path, flags: tuple[str, ...] = ()) -> list[Server]:
        """Ours and the official one."""
        return [self.ours(*roots, flags=flags), *self.official(*roots)]

    def tokens(self, texts: Mapping[str, str], findings: Findings) -> dict[str, int]:
        """Tokens of each text; nothing, and a note, where they cannot be counted."""
        reason = self.peers.missing.get("tokenizer")
        try:
            if reason is None:
                return count_tokens(self.peers.node("server-filesystem"), self.peers.folder / "tokenizer", texts)
        except (OSError, subprocess.SubprocessError) as error:
            reason = str(error)[:200]
        findings.notes.append(f"tokens could not be counted: {reason}")
        return {}


__all__ = ["OFFICIAL", "OURS", "ROOT", "WHOLE", "Bench"]
