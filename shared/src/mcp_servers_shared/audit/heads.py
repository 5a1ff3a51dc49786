"""The head of a log: how far it has been written, kept away from it so that cutting its end is noticed.

One file of fixed size, overwritten in place. It is also what processes lock, since rotation never replaces it.
"""

import contextlib
import errno
import hashlib
import os
import struct
import time
from pathlib import Path
from typing import NamedTuple

from mcp_servers_shared.audit.chain import GENESIS
from mcp_servers_shared.audit.descriptors import OPEN_FLAGS, flush, read_at, try_lock, unlock, wait_for_lock, write_at

LOCK_SECONDS = 5.0
LOOK_SECONDS = 0.05
_LAYOUT = struct.Struct("<8sQQQQ32s")
_MAGIC = b"mcpaudit"
_SIZE = _LAYOUT.size + 32


class Head(NamedTuple):
    """The end of a chain as its writer left it."""

    seq: int = 0
    generation: int = 0
    """Number of the current file, from 1; 0 before the first."""
    oldest: int = 1
    """The oldest generation that must still be there."""
    size: int = 0
    """Bytes of the current file up to and with line `seq`."""
    mac: bytes = GENESIS


class DamagedHead(OSError):
    """The head does not carry its own seal."""


class StateGone(OSError):
    """The head file is no longer where it was opened."""


class HeadSeal:
    """Packs and unpacks heads. The digest is keyed and the length fixed, so a plain keyed hash cannot be extended."""

    def __init__(self, key: bytes) -> None:
        self._keyed = hashlib.sha256(b"head" + key)

    def pack(self, head: Head) -> bytes:
        """The head as bytes of fixed length."""
        packed = _LAYOUT.pack(_MAGIC, *head)
        keyed = self._keyed.copy()
        keyed.update(packed)
        return packed + keyed.digest()

    def unpack(self, data: bytes) -> Head:
        """The head in `data`. Raises DamagedHead."""
        if len(data) != _SIZE:
            raise DamagedHead(f"the head holds {len(data)} bytes instead of {_SIZE}")
        _, *fields = _LAYOUT.unpack_from(data)
        head = Head(*fields)
        if self.pack(head) != data:
            raise DamagedHead("the head was changed or sealed with another key")
        return head


class HeadFile:
    """An open head. Every method raises OSError."""

    def __init__(self, path: Path, seal: HeadSeal) -> None:
        self._path = path
        self._seal = seal
        self._descriptor = os.open(path, os.O_RDWR | OPEN_FLAGS)
        self._data: bytes | None = None
        self._head = Head()
        self._next_look = 0.0

    def enter(self) -> Head:
        """Keep other writers out until `leave`: the head as the last one left it.

        Raises TimeoutError after LOCK_SECONDS, StateGone, DamagedHead. After any of these, `leave` all the same.
        """
        try:
            try_lock(self._descriptor)
        except OSError as error:
            wait_for_lock(self._descriptor, error, LOCK_SECONDS)
        if time.monotonic() >= self._next_look:
            self._look()
        data = read_at(self._descriptor, _SIZE, 0)
        if data != self._data:
            self._head = self._seal.unpack(data)
            self._data = data
        return self._head

    def leave(self) -> None:
        """Let other writers in."""
        try:
            unlock(self._descriptor)
        except OSError:
            self.close()

    def write(self, head: Head) -> None:
        """Set the head. Call it under the lock."""
        data = self._seal.pack(head)
        if write_at(self._descriptor, data, 0) != len(data):
            raise OSError(errno.EIO, "the head was written in part")
        self._data = data
        self._head = head

    def close(self) -> None:
        """Give the descriptor back, and with it the lock."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def _look(self) -> None:
        # Only now and then, since it costs more than the lock: a head that goes away just after an append and one
        # that went just before it are the same loss.
        try:
            there = os.path.samestat(os.fstat(self._descriptor), os.stat(self._path))
        except FileNotFoundError:
            there = False
        if not there:
            raise StateGone(errno.ESTALE, "the head was deleted, moved or replaced")
        self._next_look = time.monotonic() + LOOK_SECONDS


def create_head(path: Path, seal: HeadSeal) -> None:
    """Make the head of a log that has no line yet. It appears whole or not at all. Raises OSError."""
    draft = path.with_name(f".{path.name}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | OPEN_FLAGS, 0o600)
    try:
        os.write(descriptor, seal.pack(Head()))
        flush(descriptor)
    finally:
        os.close(descriptor)
    os.replace(draft, path)


def read_head(path: Path, seal: HeadSeal) -> Head | None:
    """The head at `path` without opening it for writing; None where there is none. Raises DamagedHead."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    return seal.unpack(data)
