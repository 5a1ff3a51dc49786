"""What a record in the audit log costs."""

import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.sqlite.bench import Bench
from benchmarks.sqlite.results import Findings

from mcp_servers_shared.audit import AuditLog
from mcp_servers_shared.state import StateFolder

BATCHES, RECORDS = 9, 2_000
MOST_SECONDS = 20e-6
RECORD = {
    "principal": "local:user",
    "client": "host 1.0",
    "transport": "stdio",
    "method": "tools/call",
    "target": "query_database",
    "arguments": {"sql": "SELECT id, status, total_cents FROM orders WHERE customer_id = ?", "params": [42]},
    "decision": "allowed",
    "rows": 50,
    "duration_ms": 1.25,
    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
}


def run(bench: Bench) -> Findings:
    """Appends without fsync."""
    about = f"`AuditLog.append` of a query's record, no fsync, {BATCHES} batches of {RECORDS:,}: median (best, worst)."
    findings = Findings("Audit", about)
    with tempfile.TemporaryDirectory(prefix="benchmarks-", dir=bench.state) as folder:
        batches = _batches(Path(folder))
    middle = statistics.median(batches)
    figure = f"{middle * 1e6:.1f} us a record ({min(batches) * 1e6:.1f}, {max(batches) * 1e6:.1f})"
    findings.add("AuditLog.append", figure, "", f"<= {MOST_SECONDS * 1e6:.0f} us", middle <= MOST_SECONDS)
    return findings


def _batches(folder: Path) -> list[float]:
    """Seconds a record, one figure a batch."""
    found: list[float] = []
    with AuditLog(folder / "log.jsonl", server="sqlite", state=StateFolder(folder / "state")) as log:
        log.append(RECORD)
        for _ in range(BATCHES):
            started = time.perf_counter()
            for _ in range(RECORDS):
                log.append(RECORD)
            found.append((time.perf_counter() - started) / RECORDS)
    return found
