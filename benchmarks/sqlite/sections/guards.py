"""What authorizer, limits and progress handler cost on analytic queries: workers with and without them."""

import asyncio
import time
from collections.abc import Mapping

from benchmarks.common.results import Findings, ms, times
from benchmarks.common.timing import Samples
from benchmarks.sqlite import queries
from benchmarks.sqlite.bench import Bench

from mcp_servers_sqlite.databases import DatabaseFile
from mcp_servers_sqlite.engine.settings import ALL_LAYERS, AUTHORIZER, LIMITS, PROGRESS
from mcp_servers_sqlite.limits import Limits
from mcp_servers_sqlite.pool import WorkerPool

ROUNDS = 9
WITH, WITHOUT = "with", "without"
MOST_RATIO = 1.10


def run(bench: Bench) -> Findings:
    """The same query in two worker processes that differ in these three layers only."""
    about = (
        "The server's own worker pool, one process with every layer and one without authorizer, limits and progress"
        f" handler, taking turns; median of {ROUNDS}."
    )
    findings = Findings("Authorizer, limits and progress handler", about, "with to without")
    for label, sql in queries.ANALYTIC.items():
        samples = asyncio.run(_measure(bench, sql))
        ratio = samples[WITH].ratio(samples[WITHOUT])
        figure = f"{ms(samples[WITH].p50)} with, {ms(samples[WITHOUT].p50)} without"
        findings.add(label, figure, times(ratio), f"<= {MOST_RATIO:.2f}x", ratio <= MOST_RATIO)
    return findings


async def _measure(bench: Bench, sql: str) -> Mapping[str, Samples]:
    databases = {"big": DatabaseFile("big", bench.big)}
    limits = Limits(deadline=60)
    fewer = ALL_LAYERS - {AUTHORIZER, LIMITS, PROGRESS}
    pools = {
        WITH: WorkerPool(databases, limits, size=1),
        WITHOUT: WorkerPool(databases, limits, size=1, layers=fewer),
    }
    found = {name: Samples() for name in pools}
    try:
        for number in range(ROUNDS + 1):
            for name in (WITH, WITHOUT) if number % 2 else (WITHOUT, WITH):
                started = time.perf_counter()
                await pools[name].run("query", "big", {"sql": sql})
                if number:
                    found[name].rounds.append([time.perf_counter() - started])
    finally:
        for pool in pools.values():
            await pool.aclose()
    return found
