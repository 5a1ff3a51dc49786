"""Adding to the end of a file too large to be written anew, and taking exactly that off again."""

import hashlib
import os
from pathlib import Path

from mcp_servers_filesystem.atomic import same_file
from mcp_servers_filesystem.digests import digest_of
from mcp_servers_filesystem.opening import CHANGE, NEW

LEAST_IN_PLACE = 1 << 20
_CHUNK = 1 << 20


def add(directory: int, name: bytes, data: bytes, expected: os.stat_result) -> int | None:
    """Where in the file the data begins; None, and nothing added, where it is not the file that was `expected`.

    Raises OSError; then the file is as it was.
    """
    descriptor = os.open(name, CHANGE | os.O_APPEND, dir_fd=directory)
    try:
        if not same_file(os.fstat(descriptor), expected):
            return None
        written = 0
        try:
            while written < len(data):
                written += os.write(descriptor, data[written:] if written else data)
            os.fsync(descriptor)
        except BaseException:
            end = os.lseek(descriptor, 0, os.SEEK_CUR)
            if written and os.fstat(descriptor).st_size == end:
                os.ftruncate(descriptor, end - written)
            raise
        return os.lseek(descriptor, 0, os.SEEK_CUR) - len(data) if data else expected.st_size
    finally:
        os.close(descriptor)


def ends_with(directory: int, name: bytes, size: int, length: int, digest: str) -> bool:
    """Whether the file has `size` + `length` bytes and the last ones are those of `digest`. Raises OSError."""
    descriptor = os.open(name, os.O_RDONLY | (CHANGE & ~os.O_RDWR), dir_fd=directory)
    try:
        if os.fstat(descriptor).st_size != size + length:
            return False
        total = hashlib.blake2b(digest_size=16)
        for part in _parts(descriptor, size, length):
            total.update(part)
        return total.hexdigest() == digest
    finally:
        os.close(descriptor)


def cut(directory: int, name: bytes, size: int, length: int, image: Path) -> bool:
    """The last `length` bytes go into the image. False, and nothing done, where the file has another size now."""
    descriptor = os.open(name, CHANGE, dir_fd=directory)
    try:
        if os.fstat(descriptor).st_size != size + length:
            return False
        image.unlink(missing_ok=True)
        kept = os.open(image, NEW, 0o600)
        try:
            for part in _parts(descriptor, size, length):
                os.write(kept, part)
            os.fsync(kept)
        finally:
            os.close(kept)
        os.ftruncate(descriptor, size)
        os.fsync(descriptor)
        return True
    finally:
        os.close(descriptor)


def was_added(directory: int, name: bytes, size: int, length: int, digest: str) -> bool:
    """After a kill: whether all of it was added. What was added of it is taken off where it was not all."""
    descriptor = os.open(name, CHANGE, dir_fd=directory)
    try:
        now = os.fstat(descriptor).st_size
        if now >= size + length:
            return digest_of(b"".join(_parts(descriptor, size, length))) == digest
        if now > size:
            os.ftruncate(descriptor, size)
        return False
    finally:
        os.close(descriptor)


def _parts(descriptor: int, start: int, length: int) -> list[bytes]:
    """The bytes there, at most as many as one call may add."""
    parts: list[bytes] = []
    while length > 0 and (part := os.pread(descriptor, min(length, _CHUNK), start)):
        parts.append(part)
        start += len(part)
        length -= len(part)
    return parts
