"""How long one call takes: a trivial one, a thousand rows, an aggregate over a million."""

import time
from collections.abc import Callable
from functools import partial

from benchmarks.common.results import Findings, ms, times
from benchmarks.common.timing import Samples, take_turns
from benchmarks.sqlite import queries
from benchmarks.sqlite.bench import ROWS_FLAGS, Bench
from benchmarks.sqlite.running import Running, running
from benchmarks.sqlite.subjects import ANCHOR, NOOP, OURS, noop

TEXT_ONLY = f"{OURS} --result text"
RAW = "sqlite3 of Python, in this process"
MOST_OF_NOOP, MOST_OF_ANCHOR, MOST_OF_RAW = 2.0, 0.6, 1.1


def trivial(bench: Bench) -> Findings:
    """`SELECT 1`, beside a tool of the SDK that does nothing."""
    about = f"`{queries.TRIVIAL}`, p50 (p95) of 600 calls. Ours with its default switches and `--rate-limit off`."
    findings = Findings("Trivial query", about, f"to {NOOP}")
    with running([noop(), bench.ours(), *bench.peers.subjects(bench.big)], findings) as servers:
        timers = {name: _timer(server, queries.TRIVIAL) for name, server in servers.items()}
        samples = take_turns(timers, rounds=30, batch=20, warm=20)
    _table(findings, samples, NOOP, MOST_OF_NOOP)
    return findings


def rows(bench: Bench) -> Findings:
    """A thousand rows, narrow and whole."""
    about = (
        f"Narrow: `{queries.NARROW}`. Full: `{queries.FULL}` (8 columns). p50 (p95) of 100 calls. Ours with"
        f" `limit=1000`, `--rate-limit off {' '.join(ROWS_FLAGS)}` (1,000 rows do not fit the default budget of 48,000"
        " characters); its answer holds every row twice, as text and as structured content, and so does"
        " fastmcp-sqlite's; the others' hold it once."
    )
    findings = Findings("1,000 rows", about, f"to {ANCHOR}")
    subjects = [bench.ours(*ROWS_FLAGS), bench.ours(*ROWS_FLAGS, "--result", "text", name=TEXT_ONLY)]
    with running([*subjects, *bench.peers.subjects(bench.big)], findings) as servers:
        for label, sql in (("narrow", queries.NARROW), ("full", queries.FULL)):
            for server in servers.values():
                _require_last_row(server, sql)
            timers = {name: _timer(server, sql, 1000) for name, server in servers.items()}
            samples = take_turns(timers, rounds=20, batch=5, warm=5)
            _table(findings, samples, ANCHOR, MOST_OF_ANCHOR, f", {label}")
    return findings


def aggregate(bench: Bench) -> Findings:
    """GROUP BY over a million rows, beside sqlite3 itself."""
    about = f"`{queries.GROUPED}`, p50 (p95) of 9 calls, beside a connection that stays open."
    findings = Findings("GROUP BY over 1,000,000 rows", about, f"to {RAW}")
    raw = bench.raw()

    def fetch() -> float:
        started = time.perf_counter()
        raw.execute(queries.GROUPED).fetchall()
        return time.perf_counter() - started

    with running([bench.ours(), *bench.peers.subjects(bench.big)], findings) as servers:
        timers = {RAW: fetch} | {name: _timer(server, queries.GROUPED) for name, server in servers.items()}
        samples = take_turns(timers, rounds=9)
    raw.close()
    _table(findings, samples, RAW, MOST_OF_RAW)
    return findings


def _timer(server: Running, sql: str, limit: int | None = None) -> Callable[[], float]:
    if server.subject.name != NOOP:
        server.ask(sql, limit).text  # noqa: B018
    return partial(server.seconds, sql, limit)


def _require_last_row(server: Running, sql: str) -> None:
    reply = server.ask(sql, 1000)
    if "1000" not in reply.text.splitlines()[-1] and "1000" not in reply.text[-1000:]:
        raise RuntimeError(f"{server.subject.name} did not answer 1,000 rows: {reply.text[-200:]}")


def _table(findings: Findings, samples: dict[str, Samples], base: str, most: float, label: str = "") -> None:
    for name, one in samples.items():
        ratio = one.ratio(samples[base]) if base in samples else None
        bar = ("", None)
        if name == OURS and ratio is not None:
            bar = (f"<= {most:g}x", ratio <= most)
        shown = "" if ratio is None else times(ratio)
        findings.add(f"{name}{label}", f"{ms(one.p50)} ({ms(one.p95)})", shown, *bar)
