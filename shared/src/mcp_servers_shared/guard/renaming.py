"""Renames that never clobber by accident, beneath open directories.

    rename_new(source_fd, b"a", target_fd, b"b")     FileExistsError where b stands already
    exchange(fd, b"a", fd, b"b")                     both at once; False where the system cannot

Linux has renameat2, macOS renameatx_np; elsewhere a hard link that is then the only name does for files.
"""

import ctypes
import errno
import os
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

_LINUX = ("renameat2", 1, 2)
_MAC = ("renameatx_np", 4, 2)
_CANNOT = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EPERM)


@cache
def _system() -> tuple[Callable[..., int], int, int] | None:
    """The call, its flag for 'only to a new name' and its flag for 'both at once'."""
    names = {"linux": _LINUX, "darwin": _MAC}.get(sys.platform)
    if names is None:
        return None
    libc: Any = ctypes.CDLL(None, use_errno=True)
    call = getattr(libc, names[0], None)
    if call is None:
        return None
    call.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
    call.restype = ctypes.c_int
    return call, names[1], names[2]


def rename_new(source_fd: int, source: bytes, target_fd: int, target: bytes) -> None:
    """Renames only where `target` does not exist. Raises FileExistsError and other OSErrors."""
    system = _system()
    if system is not None:
        number = _called(system[0], source_fd, source, target_fd, target, system[1])
        if number == 0:
            return
        if number not in _CANNOT:
            raise OSError(number, os.strerror(number))
    try:
        os.link(source, target, src_dir_fd=source_fd, dst_dir_fd=target_fd, follow_symlinks=False)
    except PermissionError:
        # Directories have no hard links; their rename refuses any target but an empty directory.
        if _exists(target_fd, target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
        os.rename(source, target, src_dir_fd=source_fd, dst_dir_fd=target_fd)
    else:
        os.unlink(source, dir_fd=source_fd)


def exchange(first_fd: int, first: bytes, second_fd: int, second: bytes) -> bool:
    """Both names change places at once. False where this system or file system cannot. Raises OSError."""
    system = _system()
    if system is None:
        return False
    number = _called(system[0], first_fd, first, second_fd, second, system[2])
    if number in _CANNOT:
        return False
    if number:
        raise OSError(number, os.strerror(number))
    return True


def _called(call: Callable[..., int], source_fd: int, source: bytes, target_fd: int, target: bytes, flag: int) -> int:
    """0 or the errno."""
    return 0 if call(source_fd, source, target_fd, target, flag) == 0 else ctypes.get_errno()


def _exists(directory: int, name: bytes) -> bool:
    try:
        os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
