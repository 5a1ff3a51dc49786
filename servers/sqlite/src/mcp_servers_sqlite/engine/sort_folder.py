"""The folder in memory that SQLite may sort in. Read by the server, so nothing of SQLite is loaded here."""

import functools
import os
import sys

FOLDER = "/dev/shm"
VARIABLE = "SQLITE_TMPDIR"


@functools.cache
def environment() -> dict[str, str]:
    """What a worker must be started with to sort in files; empty where this machine has no folder in memory.

    SQLite reads the variable once, when it is loaded.
    """
    if sys.platform != "linux" or not os.access(FOLDER, os.R_OK | os.W_OK | os.X_OK):
        return {}
    with open("/proc/self/mounts", encoding="utf-8", errors="replace") as file:
        in_memory = any(line.split()[1:3] == [FOLDER, "tmpfs"] for line in file)
    return {VARIABLE: FOLDER} if in_memory else {}
