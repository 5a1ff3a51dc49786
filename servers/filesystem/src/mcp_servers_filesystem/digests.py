"""A short mark of a content, for telling whether a file is still what was left there."""

import hashlib
import os

_OPEN = os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0) | os.O_NONBLOCK


def digest_of(data: bytes) -> str:
    """Of bytes."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def digest_at(directory: int | None, name: bytes | os.PathLike[str]) -> str:
    """Of a regular file, a link not followed. Raises OSError."""
    descriptor = os.open(name, _OPEN, dir_fd=directory)
    try:
        digest = hashlib.blake2b(digest_size=16)
        while part := os.read(descriptor, 1 << 20):
            digest.update(part)
        return digest.hexdigest()
    finally:
        os.close(descriptor)
