"""What it costs to open a file nine folders down so that nothing can lead outside."""

import os
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks import guard_open
from benchmarks.common.results import Findings, times
from benchmarks.filesystem.bench import Bench

from mcp_servers_filesystem.deny import Deny
from mcp_servers_filesystem.space import Space
from mcp_servers_shared.guard.paths import Root, Roots

MOST_US = 25.0
DOOR = "the server's door: guard, deny rules, kind, real path"


def run(bench: Bench) -> Findings:
    """Microseconds to open and close."""
    about = (
        f"Microseconds to open and close one file at depth {guard_open.DEPTH}, median (best) of {guard_open.ROUNDS}"
        f" rounds of {guard_open.OPENS:,}, in this process (`benchmarks/guard_open.py`)."
    )
    findings = Findings("Open through the guard", about, "to realpath and open")
    costs = guard_open.costs() | {DOOR: _door()}
    for name, (median, best) in costs.items():
        bar = (f"<= {MOST_US:g} us", median <= MOST_US) if name == guard_open.GUARDED else ("", None)
        findings.add(name, f"{median:.1f} us ({best:.1f})", times(median / costs[guard_open.REALPATH][0]), *bar)
    return findings


def _door() -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as top:
        folder = Path(top, *(f"folder{number}" for number in range(guard_open.DEPTH)))
        folder.mkdir(parents=True)
        path = folder / "file.txt"
        path.write_text("x", encoding="ascii")
        rounds: list[float] = []
        with Roots([Root(top)]) as roots:
            space = Space(roots, Deny(()))
            for _ in range(guard_open.ROUNDS):
                begun = time.perf_counter()
                for _ in range(guard_open.OPENS):
                    os.close(space.file(str(path)).fd)
                rounds.append((time.perf_counter() - begun) / guard_open.OPENS * 1e6)
        return statistics.median(rounds), min(rounds)
