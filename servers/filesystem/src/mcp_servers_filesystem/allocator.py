"""Keeps the memory of large answers: fetched anew from the system, its first touch costs more than the work."""

import contextlib
import ctypes
import sys

# <malloc.h> of glibc. Setting any of them also ends glibc's own adjusting of the two thresholds.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3
_KEPT_BYTES = 32 * 1024 * 1024
_AHEAD_BYTES = 1024 * 1024
_LARGEST_BYTES = 16 * 1024 * 1024


def keep_memory() -> None:
    """Blocks up to 16 MB come from memory that is kept, up to 32 MB of it free. Nothing where it is not glibc."""
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt.argtypes = (ctypes.c_int, ctypes.c_int)
        mallopt(_MMAP_THRESHOLD, _LARGEST_BYTES)
        mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
        mallopt(_TOP_PAD, _AHEAD_BYTES)
