"""What the list of tools costs every conversation."""

import json

from benchmarks.common.results import Findings
from benchmarks.common.running import started
from benchmarks.filesystem.bench import OURS, Bench

MOST_BYTES = 17_000
READING = f"{OURS}, read-only"


def run(bench: Bench) -> Findings:
    """Bytes and tokens of `tools/list`."""
    about = 'Bytes of `{"tools": [...]}` as compact JSON in UTF-8; o200k tokens beside it. Ours with `--allow-writes`.'
    findings = Findings("tools/list", about, "tokens")
    servers = [*bench.both(flags=("--allow-writes",)), bench.ours(name=READING)]
    texts: dict[str, str] = {}
    lines: dict[str, str] = {}
    with started(servers, findings) as running:
        for name, (_, client) in running.items():
            reply = client.request("tools/list", {})
            tools = reply.message["result"]["tools"]
            texts[name] = json.dumps({"tools": tools}, separators=(",", ":"), ensure_ascii=False)
            lines[name] = f"{len(tools)} tools, {len(texts[name].encode()):,} bytes ({reply.size:,} on the wire)"
    counts = bench.tokens(texts, findings)
    for name, figure in lines.items():
        size = len(texts[name].encode())
        bar = (f"<= {MOST_BYTES:,} bytes", size <= MOST_BYTES) if name == OURS else ("", None)
        findings.add(name, figure, f"{counts[name]:,}" if name in counts else "", *bar)
    return findings
