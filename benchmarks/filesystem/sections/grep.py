"""Searching what files hold, beside ripgrep."""

from benchmarks.common.results import Findings, ms, times
from benchmarks.common.running import started
from benchmarks.common.timing import take_turns
from benchmarks.filesystem.bench import OURS, WHOLE, Bench
from benchmarks.filesystem.calls import timer
from benchmarks.filesystem.programs import output, timed

RG = "rg"
MOST_OF_RG = 2.0
RARE = "needle_TODO_fixme_42"
HEAVY = r"(?i)\b(render|stream)\w* handler"


def run(bench: Bench) -> Findings:
    """A rare literal and a heavy expression in the 10,025 files that are not ignored."""
    repo = bench.world.repo
    about = (
        f"`grep_files` over the wire, .gitignore respected, beside rg in the same folder. Rare: `{RARE}`, all lines."
        f" Heavy: `{HEAVY}`, lines counted by file (`mode=count`, `rg -c`), so that every match is found and none is"
        f" sent; and as lines, where ours stops at its page of 250. Ours with `{' '.join(WHOLE)}`."
    )
    findings = Findings("Search in files", about, "to rg")
    heavy_rg = HEAVY.removeprefix("(?i)")
    cases = {
        "rare literal": ({"pattern": RARE, "literal": True, "limit": 10_000}, ["-F", "-n", RARE]),
        "rare, as an expression": ({"pattern": RARE, "limit": 10_000}, ["-n", RARE]),
        "heavy, counted": ({"pattern": HEAVY, "mode": "count", "limit": 10_000}, ["-c", "-i", heavy_rg]),
        "heavy, first page": ({"pattern": HEAVY}, ["-n", "-i", heavy_rg]),
    }
    with started([bench.ours(flags=WHOLE)], findings) as running:
        for label, (arguments, flags) in cases.items():
            command = [bench.peers.rg, *flags]
            question = {"path": str(repo), **arguments}
            timers = {RG: timed(command, repo)}
            timers |= {name: timer(client, "grep_files", question) for name, (_, client) in running.items()}
            samples = take_turns(timers, 9, warm=2)
            for name, one in samples.items():
                ratio = one.ratio(samples[RG])
                barred = name == OURS and label in ("rare literal", "heavy, counted")
                bar = (f"<= {MOST_OF_RG:g}x", ratio <= MOST_OF_RG) if barred else ("", None)
                findings.add(f"{name}, {label}", f"{ms(one.p50)} ({ms(one.p95)})", times(ratio), *bar)
            found = {name: client.call("grep_files", question) for name, (_, client) in running.items()}
            ours = {name: reply.message["result"]["structuredContent"].get("matches") for name, reply in found.items()}
            theirs = _matches(output(command, repo), counted="-c" in flags)
            findings.notes.append(f"{label}: matches: ours {ours.get(OURS)}, rg {theirs}")
    return findings


def _matches(printed: bytes, counted: bool) -> int:
    lines = printed.splitlines()
    return sum(int(line.rpartition(b":")[2]) for line in lines) if counted else len(lines)
