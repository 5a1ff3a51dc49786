"""`python -m benchmarks.filesystem [SECTION ...]`: all sections write RESULTS.md, some only print."""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.common.report import measured, surroundings
from benchmarks.common.results import Findings
from benchmarks.filesystem.bench import ROOT, Bench
from benchmarks.filesystem.peers import Peers
from benchmarks.filesystem.sections import SECTIONS
from benchmarks.filesystem.world import World

RESULTS = Path(__file__).with_name("RESULTS.md")
COMMAND = "uv run python -m benchmarks.filesystem"
MOST_WAIT = 5.0
"""Seconds a section waits for other programs to pause: the whole run is to end within six minutes."""


def main() -> int:
    """Runs the sections; 0 even when a bar does not hold, because figures are reported, not asserted."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.filesystem", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"one or more of: {', '.join(SECTIONS)}")
    parser.add_argument("--no-wait", action="store_true", help="do not wait for other programs to pause")
    options = parser.parse_args()
    unknown = set(options.sections) - set(SECTIONS)
    if unknown:
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    peers = Peers(ROOT / ".cache" / "peers")
    peers.install()
    found: list[Findings] = []
    with tempfile.TemporaryDirectory(prefix="mcp-servers-benchmarks-") as state:
        folders = [Path(state) / name for name in ("state", "scratch")]
        for folder in folders:
            folder.mkdir()
        bench = Bench(peers, World(ROOT, ROOT / ".cache" / "benchmarks"), *folders)
        for name in options.sections or list(SECTIONS):
            work = partial(SECTIONS[name], bench)
            found.append(measured(name, work, COMMAND, 0 if options.no_wait else MOST_WAIT))
            print(found[-1].markdown(), flush=True)
    if not options.sections:
        page = [_header(peers), _bars(found), *(one.markdown() for one in found)]
        RESULTS.write_text("\n".join(page), encoding="utf-8")
        print(f"{_bars(found)}\nwritten: {RESULTS}")
    return 0


def _bars(found: Sequence[Findings]) -> str:
    """Every figure that has a bar, in one table."""
    bars = Findings("What must be reached", "Every bar; the sections below say how each was measured.", "ratio or size")
    for section in found:
        for line in section.lines:
            if line.bar:
                bars.add(f"{section.title}: {line.subject}", line.figure, line.ratio, line.bar, line.held)
    return bars.markdown()


def _header(peers: Peers) -> str:
    lines = [
        "# mcp-servers-filesystem beside the official server and ripgrep",
        "",
        f"Measured on {time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())} by `{COMMAND}`. All subjects run in the same"
        " run and take turns; a ratio is the median over the turns. Servers are asked over stdio by a raw JSON-RPC"
        " client with the same bytes, after `initialize`; ours with audit log and seal on, `--rate-limit off`. The tree"
        " is `tests/data/make_tree.py`'s, in the page cache.",
        "",
        *surroundings(ROOT, [], peers.installed()),
        *[f"- not measured: {name}: {reason}" for name, reason in peers.missing.items()],
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
