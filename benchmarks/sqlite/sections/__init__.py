"""The sections, in the order of the table. Each is a function from a `Bench` to `Findings`."""

from collections.abc import Callable

from benchmarks.common.results import Findings
from benchmarks.sqlite.bench import Bench
from benchmarks.sqlite.sections import (
    audit,
    concurrency,
    definitions,
    guards,
    latency,
    memory,
    paging,
    responsive,
    startup,
    tokens,
)

SECTIONS: dict[str, Callable[[Bench], Findings]] = {
    "trivial": latency.trivial,
    "rows": latency.rows,
    "aggregate": latency.aggregate,
    "concurrency": concurrency.run,
    "memory": memory.run,
    "paging": paging.run,
    "guards": guards.run,
    "audit": audit.run,
    "definitions": definitions.run,
    "tokens": tokens.run,
    "responsive": responsive.run,
    "startup": startup.run,
}

__all__ = ["SECTIONS"]
