"""`python -m benchmarks.sqlite [SECTION ...]`: all sections write RESULTS.md, some only print."""

import argparse
import sqlite3
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from benchmarks.common.report import measured, surroundings
from benchmarks.sqlite.bench import ROOT, Bench
from benchmarks.sqlite.peers import Peers
from benchmarks.sqlite.sections import SECTIONS

RESULTS = Path(__file__).with_name("RESULTS.md")
COMMAND = "uv run python -m benchmarks.sqlite"


def main() -> int:
    """Runs the sections; 0 even when a bar does not hold, because figures are reported, not asserted."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sqlite", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"one or more of: {', '.join(SECTIONS)}")
    parser.add_argument("--no-wait", action="store_true", help="do not wait for other programs to pause")
    options = parser.parse_args()
    unknown = set(options.sections) - set(SECTIONS)
    if unknown:
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    chosen = options.sections or list(SECTIONS)
    peers = Peers(ROOT / ".cache" / "peers")
    peers.install()
    with tempfile.TemporaryDirectory(prefix="mcp-servers-benchmarks-") as state:
        bench = Bench(peers, Path(state))
        blocks = [_header(peers)]
        for name in chosen:
            work = partial(SECTIONS[name], bench)
            blocks.append(measured(name, work, COMMAND, 0 if options.no_wait else 40).markdown())
            print(blocks[-1], flush=True)
    if not options.sections:
        RESULTS.write_text("\n".join(blocks), encoding="utf-8")
        print(f"written: {RESULTS}")
    return 0


def _header(peers: Peers) -> str:
    lines = [
        "# mcp-servers-sqlite beside what people use now",
        "",
        f"Measured on {time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())} by `{COMMAND}`. All subjects run in the same"
        " run and take turns; a ratio is the median over the turns. Each is asked over stdio by a raw JSON-RPC client,"
        " ours and the SDK's with the 2026-07-28 protocol, the others after `initialize`.",
        "",
        *surroundings(ROOT, [f"SQLite {sqlite3.sqlite_version}"], peers.installed()),
        *[f"- not measured: {name}: {reason}" for name, reason in peers.missing.items()],
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
