"""Listing directories: ten thousand entries whole, the first page of a million."""

from benchmarks.common.processes import peak_rss
from benchmarks.common.results import Findings, mb, ms
from benchmarks.common.running import Server, started
from benchmarks.common.timing import take_turns
from benchmarks.filesystem.bench import OFFICIAL, OURS, WHOLE, Bench
from benchmarks.filesystem.calls import add_lines, timer

MOST_MS, MOST_MB = 50.0, 100.0
STARTS = 3


def ten_thousand(bench: Bench) -> Findings:
    """The whole of a directory of 10,000 files."""
    about = f"All 10,000 lines in one answer: ours with `limit=10000` and `{' '.join(WHOLE)}`. And our first page."
    findings = Findings("List 10,000 entries", about, f"to {OFFICIAL}")
    flat = {"path": str(bench.world.tree / "flat")}
    with started(bench.both(flags=WHOLE), findings) as running:
        clients = {name: client for name, (_, client) in running.items()}
        for tool, rounds in (("list_directory", 10), ("list_directory_with_sizes", 5)):
            timers = {
                name: timer(client, tool, flat | ({"limit": 10_000} if name == OURS else {}))
                for name, client in clients.items()
            }
            add_lines(findings, tool, take_turns(timers, rounds, warm=2), OURS, None)
    return findings


def million(bench: Bench) -> Findings:
    """The first page of a directory of a million files."""
    about = (
        f"`list_directory` of 1,000,000 files, the first call of a fresh process and its highest resident memory; then"
        f" the median of more calls. Ours answers its first page, median of {STARTS} processes; the official server"
        " everything, once."
    )
    findings = Findings("List 1,000,000 entries", about, "peak RSS")
    many = bench.world.many
    starts = [_first(bench.ours(many), {"path": str(many)}, more=15) for _ in range(STARTS)]
    first, peak, later, page = sorted(starts)[STARTS // 2]
    held = max(first, later) * 1000 <= MOST_MS and peak <= MOST_MB * 1e6
    bar = (f"<= {MOST_MS:g} ms, <= {MOST_MB:g} MB", held)
    findings.add(f"{OURS}, first page", f"{ms(first)} first call, {ms(later)} later, {page:,} entries", mb(peak), *bar)
    for server in bench.official(many):
        first, peak, _, page = _first(server, {"path": str(many)}, more=0)
        findings.add(server.name, f"{ms(first)} ({page:,} entries)", mb(peak))
    return findings


def _first(server: Server, arguments: dict[str, str], more: int) -> tuple[float, int, float, int]:
    with server.start() as client:
        client.call("list_allowed_directories", {}).text  # noqa: B018
        reply = client.call("list_directory", arguments)
        lines = sum(line.startswith("[FILE]") for line in reply.text.splitlines())
        later = sorted(client.call("list_directory", arguments).seconds for _ in range(more))
        return reply.seconds, peak_rss(client.pid), later[len(later) // 2] if later else 0.0, lines
