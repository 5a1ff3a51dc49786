"""What an audit record costs: median and 95th percentile in microseconds. Run: python benchmarks/audit.py

Each row is the best of several rounds, interleaved, so that a busy machine disturbs all rows alike.
"""

import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mcp_servers_shared.audit import ArgumentPolicy, AuditLog, AuditRecord, new_call_id, verify
from mcp_servers_shared.state import StateFolder

ROUNDS = 7
CALLS = 3000
DURABLE_CALLS = 40
BUDGET_US = 20.0
ARGUMENTS = {"sql": "SELECT id, name, total FROM orders WHERE customer_id = ? AND total > ?", "params": [17, 99.5]}
LONG_ARGUMENTS = {"sql": "INSERT INTO notes VALUES (?)", "params": ["a long text " * 200]}


def record(arguments: Any) -> dict[str, Any]:
    """A typical record of the sqlite server."""
    return AuditRecord(
        phase="call",
        call=new_call_id(),
        server="sqlite",
        principal="stdio:1000",
        method="tools/call",
        kind="read",
        target="query_database",
        client="claude-desktop",
        client_version="1.4.2",
        transport="stdio",
        arguments=arguments,
        decision="allowed",
        rows=50,
        bytes=4096,
        duration_ms=1.84,
        trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
        pid=os.getpid(),
    ).to_json()


def microseconds(work: Callable[[], object], calls: int) -> list[float]:
    """The time of each call."""
    clock = time.perf_counter_ns
    times: list[float] = []
    for _ in range(calls):
        start = clock()
        work()
        times.append((clock() - start) / 1000)
    return times


def rows(folder: Path) -> dict[str, tuple[Callable[[], object], int]]:
    """What is measured: name -> work and how often a round does it."""
    log = AuditLog(folder / "audit.jsonl", server="sqlite", state=StateFolder(folder / "state"))
    fixed = record(ARGUMENTS)
    state = StateFolder(folder / "state")

    def secret_free(obj: Any) -> Any:
        return obj

    redacted = ArgumentPolicy(redact=secret_free)
    hashed = ArgumentPolicy("hashed", key=lambda: state.secret("audit.key"))
    log.append(fixed)
    return {
        "append": (lambda: log.append(fixed), CALLS),
        "append, durable (fsync)": (lambda: log.append(fixed, durable=True), DURABLE_CALLS),
        "make the record": (lambda: record(ARGUMENTS), CALLS),
        "json.dumps of it": (lambda: json.dumps(fixed), CALLS),
        "arguments redacted (redactor not counted)": (lambda: redacted.apply(ARGUMENTS), CALLS),
        "arguments redacted, 2,400 characters cut": (lambda: redacted.apply(LONG_ARGUMENTS), CALLS),
        "arguments hashed": (lambda: hashed.apply(ARGUMENTS), CALLS),
        "arguments none": (lambda: ArgumentPolicy("none").apply(ARGUMENTS), CALLS),
    }


def main() -> None:
    """Measure and print the table."""
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as name:
        folder = Path(name)
        measured = rows(folder)
        medians: dict[str, list[float]] = {row: [] for row in measured}
        tails: dict[str, list[float]] = {row: [] for row in measured}
        for _ in range(ROUNDS):
            for row, (work, calls) in measured.items():
                times = microseconds(work, calls)
                medians[row].append(statistics.median(times))
                tails[row].append(statistics.quantiles(times, n=20)[-1])
        print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} CPUs, {folder}")
        print(f"{'':44}{'median us':>12}{'95 % us':>12}")
        for row in measured:
            print(f"{row:44}{min(medians[row]):12.1f}{min(tails[row]):12.1f}")
        start = time.perf_counter()
        found = verify(folder / "audit.jsonl", state=StateFolder(folder / "state"))
        seconds = time.perf_counter() - start
        size = sum(path.stat().st_size for path in folder.glob("audit.jsonl*")) / 1e6
        print(f"verify: {found.records:,} records, {size:.0f} MB in {seconds:.2f} s ({size / seconds:.0f} MB/s)")
        verdict = "within" if min(medians["append"]) <= BUDGET_US else "ABOVE"
        print(f"budget: {BUDGET_US:g} us a record without fsync: {verdict}")


if __name__ == "__main__":
    main()
