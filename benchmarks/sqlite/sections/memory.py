"""What the processes hold, after ordinary queries and after heavy ones."""

from benchmarks.common.processes import descendants, memory, peak_rss
from benchmarks.common.results import Findings, mb
from benchmarks.sqlite import queries
from benchmarks.sqlite.bench import ROWS_FLAGS, Bench
from benchmarks.sqlite.running import Running, running
from benchmarks.sqlite.sections.concurrency import AT_ONCE
from benchmarks.sqlite.subjects import OURS, noop

MOST_BYTES = 110_000_000
HEAVY = (
    "SELECT * FROM orders ORDER BY note, created_at",
    "SELECT DISTINCT note FROM orders",
    *queries.ANALYTIC.values(),
)


def run(bench: Bench) -> Findings:
    """RSS and PSS of a server and its children."""
    about = (
        "Sum over the server and its workers, from /proc/PID/smaps_rollup. Ordinary: 60 calls (trivial, 50 rows, 1,000"
        f" rows, GROUP BY) and a burst of {AT_ONCE}, so that both workers have worked. Heavy: sorting and DISTINCT over"
        f" 1 M rows and the analytic queries, one after the other. Ours: `--rate-limit off {' '.join(ROWS_FLAGS)}`."
    )
    findings = Findings("Memory", about, "PSS")
    with running([noop(), bench.ours(*ROWS_FLAGS), *bench.peers.subjects(bench.big)], findings) as servers:
        for name, server in servers.items():
            _ordinary(server)
            _line(findings, server, "after ordinary queries", MOST_BYTES if name == OURS else None)
            if name == OURS:
                _each(findings, server)
                _heavy(server)
                _line(findings, server, "after heavy queries", None)
    return findings


def _ordinary(server: Running) -> None:
    for _ in range(15):
        for sql, limit in ((queries.TRIVIAL, None), (queries.FIFTY, 50), (queries.NARROW, 1000)):
            server.ask(sql, limit)
    server.ask(queries.GROUPED)
    params = {"name": server.subject.tool, "arguments": server.subject.arguments(queries.NARROW, 1000)}
    for one in [server.client.send("tools/call", params) for _ in range(AT_ONCE)]:
        server.client.receive(*one)


def _heavy(server: Running) -> None:
    for sql in HEAVY:
        server.ask(sql, 1000)


def _line(findings: Findings, server: Running, when: str, most: int | None) -> None:
    pids = [server.client.pid, *descendants(server.client.pid)]
    held = [memory(pid) for pid in pids]
    rss, pss = sum(one.rss for one in held), sum(one.pss for one in held)
    bar = ("", None) if most is None else (f"RSS <= {mb(most)}", rss <= most)
    peak = sum(peak_rss(pid) for pid in pids)
    label = f"{len(pids)} processes, RSS {mb(rss)} (peak {mb(peak)})"
    findings.add(f"{server.subject.name}, {when}", label, mb(pss), *bar)


def _each(findings: Findings, server: Running) -> None:
    for pid in [server.client.pid, *descendants(server.client.pid)]:
        role = "server" if pid == server.client.pid else "worker"
        one = memory(pid)
        findings.add(f"- {role} alone", f"RSS {mb(one.rss)}", mb(one.pss))
