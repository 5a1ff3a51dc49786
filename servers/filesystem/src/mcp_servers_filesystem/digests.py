"""A short mark of a content, for telling whether a file is still what was left there."""

import hashlib
import os
import stat

from mcp_servers_filesystem.opening import READ

_DIRECTORY = READ | getattr(os, "O_DIRECTORY", 0)


def digest_of(data: bytes) -> str:
    """Of bytes."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def digest_at(directory: int | None, name: bytes | os.PathLike[str]) -> str:
    """Of a regular file, a link not followed. Raises OSError."""
    descriptor = os.open(name, READ, dir_fd=directory)
    try:
        digest = hashlib.blake2b(digest_size=16)
        while part := os.read(descriptor, 1 << 20):
            digest.update(part)
        return digest.hexdigest()
    finally:
        os.close(descriptor)


def mark_at(directory: int, name: bytes) -> str:
    """Of whatever stands there: a file's content, a link's target, all that a directory holds. Raises OSError."""
    mode = os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode
    if stat.S_ISREG(mode):
        return digest_at(directory, name)
    if stat.S_ISLNK(mode):
        return digest_of(os.readlink(name, dir_fd=directory))
    if not stat.S_ISDIR(mode):
        return digest_of(b"%o" % mode)
    total = hashlib.blake2b(digest_size=16)
    descriptor = os.open(name, _DIRECTORY, dir_fd=directory)
    try:
        _add_directory(total, descriptor)
    finally:
        os.close(descriptor)
    return total.hexdigest()


def _add_directory(total: "hashlib.blake2b", descriptor: int) -> None:
    """Names, kinds, sizes and times of all entries below: enough to see a change, without reading the files."""
    for name in sorted(os.fsencode(one) for one in os.listdir(descriptor)):
        found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
        times = (found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else ()
        total.update(repr((name, found.st_mode, times)).encode())
        if stat.S_ISDIR(found.st_mode):
            deeper = os.open(name, _DIRECTORY, dir_fd=descriptor)
            try:
                _add_directory(total, deeper)
            finally:
                os.close(deeper)
        total.update(b"/")
