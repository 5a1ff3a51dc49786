"""What every section works with: the databases, the peers, a state folder of our own."""

import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benchmarks.common.client import child_env
from benchmarks.common.results import Findings
from benchmarks.common.tokenizer import count_tokens
from benchmarks.sqlite.peers import Peers
from benchmarks.sqlite.subjects import OURS, Subject, ours

ROOT = Path(__file__).parents[2]
ROWS_FLAGS = ["--max-result-chars", "1000000"]


@dataclass
class Bench:
    """One run. `state` is a folder that is thrown away afterwards."""

    peers: Peers
    state: Path

    @cached_property
    def big(self) -> Path:
        """The shop with a million orders."""
        return self._made("big")

    @cached_property
    def wide(self) -> Path:
        """The database with 500 tables."""
        return self._made("wide")

    def ours(self, *flags: str, name: str = OURS, database: Path | None = None) -> Subject:
        """Our server on the big database."""
        return ours(database or self.big, self.state, *flags, name=name)

    def raw(self) -> sqlite3.Connection:
        """Python's own sqlite3 on the big database, read-only and otherwise as it comes."""
        return sqlite3.connect(f"{self.big.as_uri()}?mode=ro", uri=True, isolation_level=None)

    def tokens(self, texts: Mapping[str, str], findings: Findings) -> dict[str, int]:
        """Tokens of each text; nothing, and a note, where they cannot be counted."""
        reason = self.peers.missing.get("tokenizer")
        try:
            if reason is None:
                return count_tokens(self.peers.node("dbhub"), self.peers.folder / "tokenizer", texts)
        except (OSError, subprocess.SubprocessError) as error:
            reason = str(error)[:200]
        findings.notes.append(f"tokens could not be counted: {reason}")
        return {}

    def _made(self, kind: str) -> Path:
        path = ROOT / "benchmarks" / ".data" / f"{kind}.db"
        if not path.exists():
            print(f"making {path.name} ...", flush=True)
            path.parent.mkdir(exist_ok=True)
            draft = path.with_suffix(".draft.db")
            command = [sys.executable, str(ROOT / "tests" / "data" / "make_db.py"), kind, str(draft)]
            subprocess.run(command, check=True, env=child_env(), stdout=subprocess.DEVNULL)
            draft.rename(path)
        return path
