"""What the guard costs: opening and closing one file nine folders down, in microseconds.

    python benchmarks/guard_open.py

Median and best of 7 rounds of 2,000 opens each. The realpath way is what most servers do; it is not safe.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable

from mcp_servers_shared.guard._openat2 import RESOLVE_BENEATH, openat2
from mcp_servers_shared.guard.paths import Root, Roots, pin_file

ROUNDS = 7
OPENS = 2_000
DEPTH = 9
GUARDED = "Roots.open(absolute), openat2"
REALPATH = "realpath, then os.open (unsafe)"


def microseconds(work: Callable[[], int | None]) -> tuple[float, float]:
    """Median and best time of one call."""
    rounds: list[float] = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(OPENS):
            descriptor = work()
            if descriptor is not None:
                os.close(descriptor)
        rounds.append((time.perf_counter() - start) / OPENS * 1e6)
    return statistics.median(rounds), min(rounds)


def costs() -> dict[str, tuple[float, float]]:
    """Median and best microseconds of each way to open."""
    with tempfile.TemporaryDirectory() as top:
        folders = "/".join(f"folder{number}" for number in range(DEPTH))
        os.makedirs(f"{top}/{folders}")
        path = f"{folders}/file.txt"
        with open(f"{top}/{path}", "w") as file:
            file.write("x")
        absolute = f"{top}/{path}"
        kernel, walk = Root(top), Root(top, way="walk")
        roots = Roots([kernel])
        directory = os.open(top, os.O_PATH)
        flags = os.O_RDONLY | os.O_CLOEXEC
        pinned = pin_file(absolute)
        ways: dict[str, Callable[[], int | None]] = {
            "os.open(path)": lambda: os.open(absolute, flags),
            "os.open(path, dir_fd)": lambda: os.open(path, flags, dir_fd=directory),
            "openat2 alone": lambda: openat2(directory, path.encode(), flags, 0, RESOLVE_BENEATH),
            "Root.open, openat2": lambda: kernel.open(path, os.O_RDONLY),
            GUARDED: lambda: roots.open(absolute, os.O_RDONLY),
            "Root.open, walk": lambda: walk.open(path, os.O_RDONLY),
            REALPATH: lambda: os.open(os.path.realpath(absolute), flags),
            "PinnedFile.reopen_check": lambda: pinned.reopen_check() and None,
        }
        return {name: microseconds(way) for name, way in ways.items()}


def main() -> None:
    """Writes the table."""
    print(f"{'open + close at depth 9':34} median us  best us")
    for name, (median, best) in costs().items():
        print(f"{name:34} {median:9.1f} {best:8.1f}")


if __name__ == "__main__":
    main()
