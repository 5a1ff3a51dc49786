"""From the start of the process to its first answers, and what it holds then."""

import time

from benchmarks.common.processes import memory
from benchmarks.common.results import Findings, mb, ms, times
from benchmarks.common.running import Server
from benchmarks.common.timing import Samples
from benchmarks.filesystem.bench import Bench
from benchmarks.filesystem.peers import OFFICIAL

ROUNDS = 5


def run(bench: Bench) -> Findings:
    """Start to the answer of server/discover or initialize, and to the first read's."""
    about = f"Median of {ROUNDS} starts in turns, byte code already compiled. For information: there is no bar."
    findings = Findings("Start", about, f"first answer, to {OFFICIAL}")
    servers = bench.both()
    path = str(bench.world.sized / "1k.txt")
    first = {server.name: Samples() for server in servers}
    read = {server.name: Samples() for server in servers}
    held: dict[str, int] = {}
    for number in range(ROUNDS + 1):
        for server in servers:
            ready, answered, held[server.name] = _start(server, path)
            if number:
                first[server.name].rounds.append([ready])
                read[server.name].rounds.append([answered])
    for name, one in first.items():
        figure = f"{ms(one.p50)} to the first answer, {ms(read[name].p50)} to the first read's, {mb(held[name])} RSS"
        findings.add(name, figure, times(one.ratio(first[OFFICIAL])) if OFFICIAL in first else "")
    return findings


def _start(server: Server, path: str) -> tuple[float, float, int]:
    client = server.start()
    with client:
        ready = time.perf_counter() - client.started
        client.call("read_text_file", {"path": path}).text  # noqa: B018
        return ready, time.perf_counter() - client.started, memory(client.pid).rss
