"""Whether a server still listens while a query runs, and how soon a cancelled query stops."""

import time
from typing import NamedTuple

from benchmarks.common.client import Era, RawClient
from benchmarks.common.processes import descendants, is_running
from benchmarks.common.results import Findings, ms
from benchmarks.common.timing import percentile
from benchmarks.sqlite import queries
from benchmarks.sqlite.bench import Bench
from benchmarks.sqlite.subjects import OURS, Subject

LONG_SECONDS = 6.0
MOST_PING, MOST_STOP = 0.050, 0.100
PINGS, CANCELS = 40, 12
FLAGS = ["--timeout", "10"]


class _Pings(NamedTuple):
    seconds: list[float]
    query: float
    outcome: str


def run(bench: Bench) -> Findings:
    """Pings during a long query, then cancellations."""
    steps = _steps(bench)
    about = (
        f"A query that counts to {steps:,} ({LONG_SECONDS:g} s in sqlite3 here). Half a second after it was sent, up to"
        f" {PINGS} pings one after another until it ends: the longest wait. The 2026-07-28 protocol has no ping, so"
        f" there `server/discover` is asked. Ours with `{' '.join(FLAGS)}`. Cancelled: half a second after the start of"
        f" such a query, {CANCELS} times, until no worker computes (seen in /proc) and until a query sent right after,"
        " with `--workers 1`, is answered."
    )
    findings = Findings("Listening and stopping", about, "p50")
    database = bench.big
    _ping_line(findings, bench.ours(*FLAGS, name=f"{OURS}, ping"), "legacy", steps, bar=True)
    _ping_line(findings, bench.ours(*FLAGS, name=f"{OURS}, server/discover"), "modern", steps, bar=True)
    for peer in bench.peers.subjects(database):
        _ping_line(findings, peer, peer.era, steps, bar=False)
    for era in ("modern", "legacy"):
        _cancel_lines(findings, bench.ours(*FLAGS, "--workers", "1", name=f"{OURS}, {era}"), era, steps)
    return findings


def _steps(bench: Bench) -> int:
    """How far sqlite3 counts here in the time we want."""
    raw = bench.raw()
    tries: list[float] = []
    for _ in range(5):
        started = time.perf_counter()
        raw.execute(queries.counting(1_000_000)).fetchall()
        tries.append(time.perf_counter() - started)
    raw.close()
    return round(LONG_SECONDS / min(tries) * 10) * 100_000


def _ping_line(findings: Findings, subject: Subject, era: Era, steps: int, *, bar: bool) -> None:
    try:
        found = _pings(subject, era, steps)
    except RuntimeError as error:
        findings.notes.append(f"{subject.name}: {error}")
        return
    worst = max(found.seconds)
    figure = f"longest of {len(found.seconds)}: {ms(worst)}; the query {found.outcome} after {found.query:.1f} s"
    held = (f"<= {ms(MOST_PING)}", worst <= MOST_PING) if bar else ("", None)
    findings.add(subject.name, figure, ms(percentile(found.seconds, 50)), *held)


def _pings(subject: Subject, era: Era, steps: int) -> _Pings:
    with subject.start(era) as client:
        subject.ask(client, queries.TRIVIAL)
        params = {"name": subject.tool, "arguments": subject.arguments(queries.counting(steps))}
        query = client.send("tools/call", params)
        time.sleep(0.5)
        waits: list[float] = []
        while len(waits) < PINGS and not client.has(query[0]):
            waits.append(client.request("ping" if era == "legacy" else "server/discover", {}, timeout=40).seconds)
            time.sleep(0.1)
        reply = client.receive(*query, timeout=40)
        try:
            outcome = "was answered" if str(steps) in reply.text else f"was answered: {reply.text[:80]}"
        except RuntimeError:
            outcome = "was stopped by the server"
        return _Pings(waits, reply.seconds, outcome)


def _cancel_lines(findings: Findings, subject: Subject, era: Era, steps: int) -> None:
    stopped: list[float] = []
    answered: list[float] = []
    with subject.start(era) as client:
        subject.ask(client, queries.TRIVIAL)
        for _ in range(CANCELS):
            stop, answer = _cancel(subject, client, steps)
            stopped.append(stop)
            answered.append(answer)
    for what, seconds in (("cancelled, statement stopped", stopped), ("cancelled, next query answered", answered)):
        worst = max(seconds)
        figure = f"longest of {len(seconds)}: {ms(worst)}"
        findings.add(
            f"{subject.name}, {what}", figure, ms(percentile(seconds, 50)), f"<= {ms(MOST_STOP)}", worst <= MOST_STOP
        )


def _cancel(subject: Subject, client: RawClient, steps: int) -> tuple[float, float]:
    query = client.send("tools/call", {"name": subject.tool, "arguments": subject.arguments(queries.counting(steps))})
    time.sleep(0.5)
    workers = [pid for pid in descendants(client.pid) if is_running(pid)]
    if not workers:
        raise RuntimeError("no worker computes: the query was not running when it was to be cancelled")
    cancelled = client.notify("notifications/cancelled", {"requestId": query[0], "reason": "benchmark"})
    following = client.send("tools/call", {"name": subject.tool, "arguments": subject.arguments(queries.TRIVIAL)})
    while any(is_running(pid) for pid in workers) and time.perf_counter() < cancelled + 15:
        time.sleep(0.0005)
    stopped = time.perf_counter() - cancelled
    reply = client.receive(following[0], cancelled)
    reply.text  # noqa: B018
    return stopped, reply.seconds
