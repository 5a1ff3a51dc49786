"""Where an open descriptor really is."""

import os
import sys

_F_GETPATH = 50
_LONGEST = 1024


def real_path(descriptor: int) -> bytes | None:
    """The absolute path, free of links, by which the kernel knows what is open; None where it does not tell."""
    try:
        if sys.platform == "linux":
            return os.readlink(b"/proc/self/fd/%d" % descriptor)
        if sys.platform == "darwin":
            import fcntl

            return fcntl.fcntl(descriptor, _F_GETPATH, b"\0" * _LONGEST).rstrip(b"\0")
    except OSError:
        return None
    return None
