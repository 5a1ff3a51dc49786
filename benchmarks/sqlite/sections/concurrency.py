"""Thirty-two queries at once, with one worker and with two."""

import time

from benchmarks.sqlite import queries
from benchmarks.sqlite.bench import ROWS_FLAGS, Bench
from benchmarks.sqlite.results import Findings, ms, times
from benchmarks.sqlite.running import Running, running
from benchmarks.sqlite.timing import take_turns

AT_ONCE = 32
ONE, TWO = "ours --workers 1", "ours --workers 2"
MOST_OF_ONE = 0.6
LOADS = {
    "narrow 1,000 rows": queries.NARROW,
    "1,000 rows of 8 columns": queries.FULL,
    "1,000 rows of an aggregate": queries.BUSIEST,
    "1,000 rows found by a scan": queries.SCANNED,
}


def run(bench: Bench) -> Findings:
    """The time from the first request to the last answer."""
    about = (
        f"{AT_ONCE} requests written at once, time to the last answer, median of 9 (p95), of 3 for the last two."
        f" `--rate-limit off {' '.join(ROWS_FLAGS)}`. Client, server and workers share the machine's cores."
    )
    findings = Findings(f"{AT_ONCE} concurrent queries of 1,000 rows", about, "to one worker")
    subjects = [bench.ours(*ROWS_FLAGS, "--workers", count, name=name) for name, count in ((ONE, "1"), (TWO, "2"))]
    with running([*subjects, *bench.peers.subjects(bench.big)], findings) as servers:
        for index, (label, sql) in enumerate(LOADS.items()):
            chosen = servers if index == 0 else {name: servers[name] for name in (ONE, TWO)}
            rounds = 9 if index < 2 else 3
            samples = take_turns({name: _Burst(server, sql) for name, server in chosen.items()}, rounds)
            for name, one in samples.items():
                ratio = one.ratio(samples[ONE])
                bar = (f"<= {MOST_OF_ONE:g}x", ratio <= MOST_OF_ONE) if name == TWO and index == 0 else ("", None)
                findings.add(f"{name}, {label}", f"{ms(one.p50)} ({ms(one.p95)})", times(ratio), *bar)
    return findings


class _Burst:
    def __init__(self, server: Running, sql: str) -> None:
        self._server = server
        self._params = {"name": server.subject.tool, "arguments": server.subject.arguments(sql, 1000)}

    def __call__(self) -> float:
        client = self._server.client
        started = time.perf_counter()
        sent = [client.send("tools/call", self._params) for _ in range(AT_ONCE)]
        replies = client.receive_all(sent)
        for reply in replies:
            reply.text  # noqa: B018
        last = max(begun + reply.seconds for (_, begun), reply in zip(sent, replies, strict=True))
        return last - started
