"""What a tree costs a model."""

import json
from typing import Any

from benchmarks.common.results import Findings, ms
from benchmarks.common.running import started
from benchmarks.filesystem.bench import OFFICIAL, OURS, Bench

BUDGET = 48_000


def run(bench: Bench) -> Findings:
    """Tokens and time of directory_tree on 50,036 files."""
    about = (
        "`directory_tree` of the repository, o200k tokens of the text. Both channels of an answer together may hold"
        f" {BUDGET:,} characters; the official server sends everything."
    )
    findings = Findings("Tree", about, "tokens")
    repo = str(bench.world.repo)
    excluded = {"excludePatterns": ["node_modules", ".git"]}
    cases: list[tuple[str, str, dict[str, Any]]] = [
        (OURS, "default", {}),
        (OURS, "respectGitignore, compact", {"respectGitignore": True, "format": "compact"}),
        (OURS, "respectGitignore, compact, maxDepth=3", {"respectGitignore": True, "format": "compact", "maxDepth": 3}),
        (OFFICIAL, "default", {}),
        (OFFICIAL, "without node_modules and .git", excluded),
    ]
    texts: dict[str, str] = {}
    lines: list[tuple[str, str, int]] = []
    with started(bench.both(), findings) as running:
        for name, label, arguments in cases:
            if name not in running:
                continue
            client = running[name][1]
            reply = client.call("directory_tree", {"path": repo, **arguments})
            seconds = min(reply.seconds, client.call("directory_tree", {"path": repo, **arguments}).seconds)
            key = f"{name}, {label}"
            # The tokenizer needs minutes for eight million characters: a tenth tells as much.
            texts[key] = reply.text if len(reply.text) < 1_000_000 else reply.text[: len(reply.text) // 10]
            figure = f"{ms(seconds)}, {len(reply.text):,} characters, {reply.size:,} bytes on the wire"
            structured = reply.message["result"].get("structuredContent", {})
            lines.append((key, figure, len(reply.text) + len(json.dumps(structured, ensure_ascii=False))))
            if len(texts[key]) < len(reply.text):
                findings.notes.append(f"{key}: tokens are ten times those of its first tenth")
    counts = bench.tokens(texts, findings)
    for key, figure, size in lines:
        factor = 10 if any(note.startswith(f"{key}:") for note in findings.notes) else 1
        bar = (f"<= {BUDGET:,} characters", size <= BUDGET) if key.startswith(OURS) else ("", None)
        findings.add(key, figure, f"{counts[key] * factor:,}" if key in counts else "", *bar)
    return findings
