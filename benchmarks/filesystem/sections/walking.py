"""Walking the tree: as .gitignore says beside ripgrep, by name beside the official server."""

import os
import time

from benchmarks.common.results import Findings, ms, times
from benchmarks.common.running import started
from benchmarks.common.timing import take_turns
from benchmarks.filesystem.bench import OFFICIAL, OURS, WHOLE, Bench
from benchmarks.filesystem.calls import add_lines, timer
from benchmarks.filesystem.programs import output, timed

from mcp_servers_filesystem.deadlines import Deadline
from mcp_servers_filesystem.walking import Walk

RG = "rg --files"
WALK = "our walk, in this process"
MOST_OF_RG, MOST_OF_OFFICIAL = 2.0, 0.1
NOWHERE = "**/no such name"


def gitignore(bench: Bench) -> Findings:
    """Every file that is not ignored."""
    repo = bench.world.repo
    about = (
        "The tree of 50,036 files of which .gitignore files leave 10,025. Ours over the wire: `search_files` with"
        f" `respectGitignore` and the pattern `{NOWHERE}`, so the walk is whole and the answer empty; and the walk"
        " alone without a server. rg starts anew each time and uses every core."
    )
    findings = Findings(".gitignore-aware walk", about, f"to {RG}")
    rg = bench.peers.rg
    question = {"path": str(repo), "pattern": NOWHERE, "respectGitignore": True}
    commands = {RG: [rg, "--files"], "rg --files -j1": [rg, "--files", "-j1"]}
    with started([bench.ours()], findings) as running:
        timers = {name: timed(command, repo) for name, command in commands.items()}
        timers |= {name: timer(client, "search_files", question) for name, (_, client) in running.items()}
        timers[WALK] = lambda: _walk(str(repo))[1]
        samples = take_turns(timers, 11)
    for name, one in samples.items():
        ratio = one.ratio(samples[RG])
        bar = (f"<= {MOST_OF_RG:g}x", ratio <= MOST_OF_RG) if name in (OURS, WALK) else ("", None)
        findings.add(name, f"{ms(one.p50)} ({ms(one.p95)})", times(ratio), *bar)
    count = output([rg, "--files", "--hidden", "-g", "!.git"], repo).count(b"\n")
    ours = _walk(str(repo))[0]
    findings.notes.append(f"found: {ours:,} files and links by ours, {count:,} by `rg --files --hidden -g '!.git'`")
    return findings


def by_name(bench: Bench) -> Findings:
    """search_files on the whole tree."""
    repo = str(bench.world.repo)
    about = "`search_files` for `**/*.py`, nothing excluded, and without node_modules and .git. Budgets raised."
    findings = Findings("Search by name", about, f"to {OFFICIAL}")
    everything = {"path": repo, "pattern": "**/*.py"}
    fewer = everything | {"excludePatterns": ["**/node_modules/**", "**/.git/**"]}
    with started(bench.both(flags=WHOLE), findings) as running:
        clients = {name: client for name, (_, client) in running.items()}
        for label, arguments in (("all", everything), ("without node_modules and .git", fewer)):
            shaped = {name: arguments | ({"limit": 10_000} if name == OURS else {}) for name in clients}
            timers = {name: timer(client, "search_files", shaped[name]) for name, client in clients.items()}
            samples = take_turns(timers, 5, warm=1)
            add_lines(findings, label, samples, OURS, MOST_OF_OFFICIAL)
            texts = {name: client.call("search_files", shaped[name]).text for name, client in clients.items()}
            counts = ", ".join(f"{len(text.splitlines()):,} by {name}" for name, text in texts.items())
            same = len({*map(_sorted, texts.values())}) == 1
            findings.notes.append(f"{label}: paths found: {counts}; the same ones: {'yes' if same else 'no'}")
    return findings


def _sorted(text: str) -> str:
    return "\n".join(sorted(text.splitlines()))


def _walk(path: str) -> tuple[int, float]:
    begun = time.perf_counter()
    descriptor = os.open(path, os.O_RDONLY)
    try:
        count = sum(step.kind != "d" for step in Walk(Deadline(60), descriptor, gitignore=True))
    finally:
        os.close(descriptor)
    return count, time.perf_counter() - begun
