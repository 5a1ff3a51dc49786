"""Names in an open directory, with the kernel's own positions, so that a page of a huge one costs a page."""

import ctypes
import os
import stat
import struct
import sys
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

_BUFFER = 32 * 1024
_HEAD = struct.Struct("=QqHB")
_DIRECTORY, _REGULAR, _LINK, _UNKNOWN = 4, 8, 10, 0


class Entry(NamedTuple):
    """A name, what it is, and the position after it (-1 where the system has none)."""

    name: bytes
    kind: int
    after: int = -1

    @property
    def is_directory(self) -> bool:
        """A real one, not a link to one."""
        return self.kind == _DIRECTORY

    @property
    def is_link(self) -> bool:
        """A symbolic link, wherever it leads."""
        return self.kind == _LINK


@cache
def _libc() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "getdents64"):
        return None
    libc.getdents64.restype = ctypes.c_ssize_t
    libc.getdents64.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t)
    return libc


def has_positions() -> bool:
    """Whether entries come with positions to go on from."""
    return _libc() is not None


def entries(descriptor: int, position: int = 0) -> Iterator[Entry]:
    """The entries of an open directory, in its own order, from `position` on. Raises OSError."""
    libc = _libc()
    if libc is None:
        yield from _scanned(descriptor)
        return
    os.lseek(descriptor, position, os.SEEK_SET)
    buffer = ctypes.create_string_buffer(_BUFFER)
    while True:
        count = libc.getdents64(descriptor, buffer, _BUFFER)
        if count < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        if count == 0:
            return
        yield from _unpacked(descriptor, buffer.raw[:count])


def _unpacked(descriptor: int, raw: bytes) -> Iterator[Entry]:
    at, head = 0, _HEAD.size
    while at < len(raw):
        _, after, length, kind = _HEAD.unpack_from(raw, at)
        name = raw[at + head : raw.index(b"\0", at + head)]
        at += length
        if name != b"." and name != b"..":
            yield Entry(name, kind or _kind_of(descriptor, name), after)


def _kind_of(descriptor: int, name: bytes) -> int:
    try:
        mode = os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode
    except OSError:
        return _UNKNOWN
    if stat.S_ISDIR(mode):
        return _DIRECTORY
    if stat.S_ISREG(mode):
        return _REGULAR
    return _LINK if stat.S_ISLNK(mode) else _UNKNOWN


def _scanned(descriptor: int) -> Iterator[Entry]:
    with os.scandir(descriptor) as found:
        for one in found:
            kind = (
                _LINK if one.is_symlink() else _DIRECTORY if one.is_dir() else _REGULAR if one.is_file() else _UNKNOWN
            )
            yield Entry(os.fsencode(one.name), kind)
