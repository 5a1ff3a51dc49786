"""What the list of tools costs every conversation."""

import json

from benchmarks.common.results import Findings
from benchmarks.sqlite.bench import Bench
from benchmarks.sqlite.running import running
from benchmarks.sqlite.subjects import OURS

MOST_BYTES = 7_000


def run(bench: Bench) -> Findings:
    """Bytes and tokens of `tools/list`."""
    about = (
        'Bytes of `{"tools": [...]}` as compact JSON in UTF-8; the whole line on the wire and o200k tokens beside it.'
    )
    findings = Findings("tools/list, read-only", about, "tokens")
    with running([bench.ours(), *bench.peers.subjects(bench.big)], findings) as servers:
        texts: dict[str, str] = {}
        lines: dict[str, str] = {}
        for name, server in servers.items():
            reply = server.client.request("tools/list", {})
            tools = reply.message["result"]["tools"]
            texts[name] = json.dumps({"tools": tools}, separators=(",", ":"), ensure_ascii=False)
            lines[name] = f"{len(tools)} tools, {len(texts[name].encode()):,} bytes ({reply.size:,} on the wire)"
    counts = bench.tokens(texts, findings)
    for name, figure in lines.items():
        size = len(texts[name].encode())
        bar = (f"<= {MOST_BYTES:,} bytes", size <= MOST_BYTES) if name == OURS else ("", None)
        findings.add(name, figure, f"{counts[name]:,}" if name in counts else "", *bar)
    return findings
