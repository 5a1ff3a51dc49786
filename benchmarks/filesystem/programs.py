"""Programs that do the same work, timed from their start to their end."""

import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.common.client import child_env


def output(command: Sequence[str], folder: Path) -> bytes:
    """What a program prints. It may find nothing."""
    return subprocess.run(command, cwd=folder, env=child_env(), stdout=subprocess.PIPE, check=False).stdout


def timed(command: Sequence[str], folder: Path) -> Callable[[], float]:
    """Runs it once, its output read, and tells the seconds."""
    env = child_env()

    def once() -> float:
        begun = time.perf_counter()
        subprocess.run(command, cwd=folder, env=env, stdout=subprocess.PIPE, check=False)
        return time.perf_counter() - begun

    return once
