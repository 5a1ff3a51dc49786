"""Who holds the lock that a write waits for, where the system tells (Linux)."""

import contextlib
import os
import sys

_WRITER_BYTE = {"": (0x40000000, 0x40000001), "-shm": (120, 120)}
"""Bytes whose write lock means a writer: PENDING and RESERVED in the file, WAL_WRITE_LOCK in the shared memory."""
_READERS = (0x40000002, 0x400001FF)


def lock_holder(path: str) -> str:
    """`process 1234 (name)`, or an empty string where nobody is known. Never opens the file: closing it would drop
    this process's own locks."""
    if sys.platform != "linux":
        return ""
    own = os.getpid()
    readers = ""
    for suffix, writers in _WRITER_BYTE.items():
        with contextlib.suppress(OSError):
            status = os.stat(path + suffix)
            for pid, write, first, last in _locks(status):
                if pid in (0, own):
                    continue
                if write and first <= writers[1] and last >= writers[0]:
                    return _named(pid)
                if not suffix and first <= _READERS[1] and last >= _READERS[0]:
                    readers = _named(pid)
    return readers


def _locks(status: os.stat_result) -> list[tuple[int, bool, int, int]]:
    """(pid, is a write lock, first byte, last byte) of every lock on a file."""
    wanted = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    found: list[tuple[int, bool, int, int]] = []
    with open("/proc/locks", encoding="ascii", errors="replace") as file:
        for line in file:
            # 1: POSIX ADVISORY WRITE 1234 08:01:5678 1073741825 1073741825
            parts = line.replace(" -> ", " ").split()
            if len(parts) == 8 and parts[5] == wanted and parts[4].isdigit():
                last = 2**63 if parts[7] == "EOF" else int(parts[7])
                found.append((int(parts[4]), parts[3] == "WRITE", int(parts[6]), last))
    return found


def _named(pid: int) -> str:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
        return f"process {pid} ({file.read().strip()[:40]})"
    return f"process {pid}"
