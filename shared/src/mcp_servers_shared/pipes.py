"""Pipes that take a whole answer at once, so that writer and reader wake each other once and not every 64 KiB."""

import contextlib
import sys

BYTES = 1024 * 1024


def widen(descriptor: int) -> None:
    """Makes the pipe as large as an unprivileged user may; nothing where it is no pipe or the system cannot."""
    if sys.platform == "linux":
        import fcntl

        with contextlib.suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, BYTES)
