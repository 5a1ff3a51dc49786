"""What the figures were measured on, and how much else it had to do meanwhile."""

import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path


def describe(*programs: str) -> list[str]:
    """Lines about the machine, Python and the other programs."""
    return [
        f"{os.cpu_count()} cores ({_cpu()}), {_memory()} of memory, {platform.system()} {platform.release()}",
        ", ".join([f"Python {platform.python_version()}", *programs]),
    ]


def commit(root: Path) -> str:
    """The commit that was measured, and whether files differ from it."""
    git = ["git", "-C", str(root)]
    try:
        name = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, check=True, text=True).stdout
        changed = subprocess.run(
            [*git, "status", "--porcelain", "--", "shared", "servers"], capture_output=True, check=True, text=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return "commit unknown"
    return f"commit {name.strip()}{' with uncommitted changes' if changed.strip() else ''}"


def priority() -> str:
    """How this run stands to other programs, where it was put before or behind them."""
    try:
        group = int(Path("/proc/self/autogroup").read_text(encoding="ascii").split()[-1])
    except (OSError, ValueError, IndexError):
        group = 0
    return f"nice {os.nice(0)}, scheduling group nice {group}" if hasattr(os, "nice") else "nice unknown"


def load() -> str:
    """The load averages of one, five and fifteen minutes."""
    return ", ".join(f"{value:.1f}" for value in os.getloadavg())


def speed() -> float:
    """Seconds of a fixed loop, median of 15: what else runs on the processor's other half makes it longer."""
    return statistics.median(_loop() for _ in range(15))


def _loop() -> float:
    started = time.perf_counter()
    total = 0
    for number in range(100_000):
        total += number
    return time.perf_counter() - started


def settle(most_seconds: float = 40) -> float:
    """Waits a while for other programs to pause; returns the share of the processors they still use, 0 to 1."""
    if sys.platform != "linux":
        return 0.0
    ends = time.monotonic() + most_seconds
    while True:
        busy = _busy_share(1.0)
        if busy < 0.15 or time.monotonic() >= ends:
            return busy
        time.sleep(1)


def _busy_share(seconds: float) -> float:
    before = _ticks()
    time.sleep(seconds)
    after = _ticks()
    total = after[0] - before[0]
    return 1 - (after[1] - before[1]) / total if total else 0.0


def _ticks() -> tuple[int, int]:
    with open("/proc/stat", encoding="ascii") as file:
        fields = [int(value) for value in file.readline().split()[1:9]]
    return sum(fields), fields[3] + fields[4]


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
    except (ValueError, OSError, AttributeError):
        return "an unknown amount"
