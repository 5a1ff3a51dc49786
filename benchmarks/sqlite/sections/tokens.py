"""What answers cost a model: tokens of the same questions."""

import json
from collections.abc import Callable
from typing import Any

from benchmarks.common.client import Reply
from benchmarks.common.results import Findings, times
from benchmarks.sqlite import queries
from benchmarks.sqlite.bench import Bench
from benchmarks.sqlite.running import Running, running
from benchmarks.sqlite.subjects import ANCHOR, OURS

MOST_OVERVIEW, MOST_ORDERS = 2_500, 1_800
OVERVIEWS: dict[str, tuple[str, dict[str, Any]]] = {
    OURS: ("list_tables", {}),
    ANCHOR: ("list_tables", {}),
    "fastmcp-sqlite": ("schema", {}),
    "database-mcp-sqlite": ("search_objects", {}),
    "dbhub": ("search_objects", {"object_type": "table", "detail_level": "summary", "limit": 1000}),
}


def run(bench: Bench) -> Findings:
    """Tokens of a schema overview and of fifty rows."""
    about = (
        "o200k_base (gpt-tokenizer 4.0.0) of the text content, default switches. Overview: the tool that a model calls"
        f" to learn what is in a database of 500 tables. Orders: `{queries.FIFTY}`, 50 rows of 8 columns."
    )
    findings = Findings("Tokens", about, f"tokens, to {ANCHOR}")
    texts: dict[str, str] = {}
    _collect(bench, findings, texts, "500-table overview", bench.wide, _overview)
    _collect(bench, findings, texts, "50 orders", bench.big, lambda one: one.ask(queries.FIFTY, 50))
    counts = bench.tokens(texts, findings)
    bars = {f"{OURS}, 500-table overview": MOST_OVERVIEW, f"{OURS}, 50 orders": MOST_ORDERS}
    for label, count in counts.items():
        most = bars.get(label)
        bar = (f"<= {most:,} tokens", count <= most) if most else ("", None)
        question = label.removesuffix(" (structured)").rpartition(", ")[2]
        base = counts.get(f"{ANCHOR}, {question}")
        findings.add(
            label, f"{count:,} tokens, {len(texts[label]):,} characters", times(count / base) if base else "", *bar
        )
    return findings


def _collect(
    bench: Bench,
    findings: Findings,
    texts: dict[str, str],
    question: str,
    database: Any,
    ask: Callable[[Running], Reply],
) -> None:
    with running([bench.ours(database=database), *bench.peers.subjects(database)], findings) as servers:
        for name, server in servers.items():
            try:
                reply = ask(server)
                texts[f"{name}, {question}"] = reply.text
            except RuntimeError as error:
                findings.notes.append(f"{name}, {question}: {error}")
                continue
            structured = reply.message["result"].get("structuredContent")
            if name == OURS and structured:
                content = json.dumps(structured, separators=(",", ":"), ensure_ascii=False)
                texts[f"{name}, {question} (structured)"] = content


def _overview(server: Running) -> Reply:
    tool, arguments = OVERVIEWS[server.subject.name]
    return server.client.call(tool, arguments)
