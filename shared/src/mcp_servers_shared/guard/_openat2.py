"""The Linux system call `openat2` (kernel 5.6): the kernel itself keeps a path beneath a directory.

Only Linux calls into it; elsewhere, and where a container forbids it, `available` says no.
"""

import ctypes
import errno
import os
import sys
from functools import cache

RESOLVE_NO_XDEV = 0x01
RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_NO_SYMLINKS = 0x04
RESOLVE_BENEATH = 0x08
RESOLVE_CACHED = 0x20

_AT_ONCE = RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH | RESOLVE_CACHED
_SYSCALL_NUMBER = 437
_TMPFILE = getattr(os, "O_TMPFILE", 0)
# A rename elsewhere on the machine makes `..` in a link uncertain for a moment: the kernel says EAGAIN.
_ATTEMPTS = 64


class _OpenHow(ctypes.Structure):
    _fields_ = [("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64)]


_HOW_SIZE = ctypes.sizeof(_OpenHow)


@cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    libc.syscall.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t)
    return libc


def _call(directory: int, path: bytes, how: _OpenHow) -> int:
    return _libc().syscall(_SYSCALL_NUMBER, directory, path, ctypes.byref(how), _HOW_SIZE)


def openat2(directory: int, path: bytes, flags: int, mode: int, resolve: int) -> int:
    """A descriptor for `path`, resolved from the descriptor `directory`. Raises OSError without names in it."""
    creates = flags & os.O_CREAT or (_TMPFILE and flags & _TMPFILE == _TMPFILE)
    how = _OpenHow(flags, mode if creates else 0, resolve)
    attempts = 0
    while True:
        descriptor = _call(directory, path, how)
        if descriptor >= 0:
            return descriptor
        number = ctypes.get_errno()
        if number == errno.EAGAIN and attempts < _ATTEMPTS:
            attempts += 1
        elif number != errno.EINTR:
            raise OSError(number, os.strerror(number))


def openat2_cached(directory: int, path: bytes, flags: int) -> int | None:
    """A descriptor for `path` where the kernel knows every name on the way already, without a link and on the same
    mount: it waits for nothing. None in any other case.
    """
    descriptor = _call(directory, path, _OpenHow(flags, 0, _AT_ONCE))
    return descriptor if descriptor >= 0 else None


def available(directory: int) -> bool:
    """Whether this kernel, and whatever sandbox we run in, lets us use openat2 on the O_PATH descriptor `directory`."""
    if sys.platform != "linux":
        return False
    try:
        os.close(openat2(directory, b".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, 0, RESOLVE_BENEATH))
    except (OSError, AttributeError):
        return False
    return True
