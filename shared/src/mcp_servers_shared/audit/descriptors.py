"""The few operations on file descriptors that differ by platform: lock, positioned read and write, flush."""

import contextlib
import errno
import os
import sys
import time

_FIRST_PAUSE = 0.0002
_LONGEST_PAUSE = 0.001
_HELD_ELSEWHERE = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK)

# Binary and not inherited on Windows; the constants do not exist elsewhere, where both are the rule anyway.
OPEN_FLAGS: int = getattr(os, "O_BINARY", 0) | getattr(os, "O_NOINHERIT", 0) | getattr(os, "O_CLOEXEC", 0)

if sys.platform == "win32":
    import msvcrt

    # Windows locks are mandatory: lock a byte that nobody reads.
    _LOCKED_BYTE = 1 << 30

    def try_lock(descriptor: int) -> None:
        """Keep other processes out. Raises OSError where one is in."""
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def unlock(descriptor: int) -> None:
        """Let the next process in."""
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

    def read_at(descriptor: int, count: int, offset: int) -> bytes:
        """Up to `count` bytes from `offset`."""
        os.lseek(descriptor, offset, os.SEEK_SET)
        return os.read(descriptor, count)

    def write_at(descriptor: int, data: bytes, offset: int) -> int:
        """Write at `offset`; how many bytes went."""
        os.lseek(descriptor, offset, os.SEEK_SET)
        return os.write(descriptor, data)

else:
    import fcntl

    read_at = os.pread
    write_at = os.pwrite

    def try_lock(descriptor: int) -> None:
        """Keep other processes out. Raises OSError where one is in."""
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def unlock(descriptor: int) -> None:
        """Let the next process in."""
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def flush(descriptor: int) -> None:
    """Return when the bytes would survive a power cut."""
    if sys.platform == "darwin":
        with contextlib.suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)


def wait_for_lock(descriptor: int, refusal: OSError, timeout: float) -> None:
    """Go on trying after `try_lock` raised `refusal`. Raises TimeoutError after `timeout` seconds."""
    end = time.monotonic() + timeout
    pause = _FIRST_PAUSE
    while refusal.errno in _HELD_ELSEWHERE:
        if time.monotonic() > end:
            raise TimeoutError(errno.ETIMEDOUT, f"another process has held the lock for {timeout:g} s") from refusal
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
        try:
            return try_lock(descriptor)
        except OSError as error:
            refusal = error
    raise refusal
