"""How a benchmark runs its sections and writes its page."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.common import machine
from benchmarks.common.results import Findings


def measured(name: str, work: Callable[[], Findings], command: str, most_wait: float) -> Findings:
    """What a section finds, with a note on how busy the machine was. One that fails becomes a sentence.

    Args:
        most_wait: seconds to wait for other programs to pause; they are measured even when it is 0.
    """
    busy = machine.settle(most_wait)
    before = machine.speed()
    started = time.monotonic()
    try:
        findings = work()
    except (RuntimeError, OSError) as error:
        findings = Findings(name, f"Could not be measured: {error}")
    took = time.monotonic() - started
    loops = f"a fixed loop took {before * 1000:.1f} ms before, {machine.speed() * 1000:.1f} ms after"
    share = f"other programs used {busy:.0%} of the processors before"
    findings.notes.append(f"`{command} {name}`: {took:.0f} s; {share}; {loops}")
    return findings


def surroundings(root: Path, programs: Sequence[str], installed: Sequence[str]) -> list[str]:
    """Lines about what was measured on: the machine, the commit, the load, the peers."""
    lines = [
        *machine.describe(*programs),
        machine.commit(root),
        f"load averages at the start: {machine.load()}; this run at {machine.priority()}",
        *installed,
    ]
    return [f"- {line}" for line in lines]
