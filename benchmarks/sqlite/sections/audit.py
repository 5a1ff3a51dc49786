"""What a record in the audit log costs, measured with the work of `benchmarks/audit.py`."""

import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import audit
from benchmarks.common.results import Findings
from benchmarks.common.timing import percentile
from benchmarks.sqlite.bench import Bench

ROUNDS = 7
SHOWN = ("append", "make the record", "arguments redacted (redactor not counted)")
MOST_MICROSECONDS = 20.0


def run(bench: Bench) -> Findings:
    """Appends without fsync, and what comes before them."""
    about = (
        f"The work of `benchmarks/audit.py`, no fsync: median of {ROUNDS} rounds of {audit.CALLS:,} (p95; best round),"
        " each the median of its round."
    )
    findings = Findings("Audit", about)
    with tempfile.TemporaryDirectory(prefix="audit-", dir=bench.state) as folder:
        works = audit.rows(Path(folder))
        found = {name: _rounds(*works[name]) for name in SHOWN}
    for name, rounds in found.items():
        middles = [statistics.median(times) for times in rounds]
        every = [value for times in rounds for value in times]
        middle = statistics.median(middles)
        figure = f"{middle:.1f} us ({percentile(every, 95):.1f}; {min(middles):.1f})"
        bar = (f"<= {MOST_MICROSECONDS:g} us", middle <= MOST_MICROSECONDS) if name == "append" else ("", None)
        findings.add(name, figure, "", *bar)
    return findings


def _rounds(work: Callable[[], object], calls: int) -> list[list[float]]:
    return [audit.microseconds(work, calls) for _ in range(ROUNDS)]
