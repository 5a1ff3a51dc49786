"""The current file of a log: one descriptor in append mode, kept open from record to record."""

import contextlib
import errno
import os
import stat
import time
from pathlib import Path
from typing import BinaryIO

from mcp_servers_shared.audit.descriptors import OPEN_FLAGS, flush
from mcp_servers_shared.audit.rotation import DRAFT_SUFFIX

LOOK_SECONDS = 0.05
_APPEND = os.O_RDWR | os.O_APPEND | OPEN_FLAGS


class NotAFile(OSError):
    """A folder, a pipe or a device where the log should be."""


class LogFile:
    """The file at `path`. Every method raises OSError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = -1
        self._next_look = 0.0

    def status(self) -> os.stat_result | None:
        """What is at the path now; None for nothing. Raises NotAFile."""
        try:
            status = os.stat(self.path)
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(status.st_mode):
            raise NotAFile(errno.EINVAL, "it is not a regular file")
        return status

    def open(self) -> None:
        """Open what is at the path."""
        self.close()
        self._descriptor = os.open(self.path, _APPEND)
        self._next_look = 0.0

    def create(self, first_line: bytes) -> None:
        """Put a new file with `first_line` at the path. It appears there whole or not at all."""
        self.close()
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self.path.with_name(self.path.name + DRAFT_SUFFIX)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft)
        descriptor = os.open(draft, _APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            _write_all(descriptor, first_line)
            flush(descriptor)
        except OSError:
            os.unlink(draft)
            raise
        finally:
            os.close(descriptor)
        os.replace(draft, self.path)
        self.open()

    def size(self) -> int:
        """Bytes in the open file; -1 where it is not open, or was found deleted, moved or replaced."""
        if self._descriptor < 0 or (time.monotonic() >= self._next_look and not self._in_place()):
            return -1
        return os.lseek(self._descriptor, 0, os.SEEK_END)

    def write(self, data: bytes) -> None:
        """Append `data`. After an error a part of it may be there: `cut` it."""
        written = os.write(self._descriptor, data)
        if written != len(data):
            # What the system says to the rest is the reason.
            _write_all(self._descriptor, data[written:])

    def cut(self, size: int) -> None:
        """Take back what a failed append left behind `size`. What cannot be taken back is recovered later as torn."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._descriptor, size)

    def flush(self) -> None:
        """Return when everything appended would survive a power cut."""
        flush(self._descriptor)

    def reader(self, offset: int) -> BinaryIO:
        """The bytes from `offset`, as a stream of its own."""
        stream = open(self.path, "rb")  # noqa: SIM115
        stream.seek(offset)
        return stream

    def close(self) -> None:
        """Give the descriptor back."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
        self._descriptor = -1

    def _in_place(self) -> bool:
        # Only now and then: losing the file just after an append and just before it are the same loss.
        there = self.status()
        self._next_look = time.monotonic() + LOOK_SECONDS
        return there is not None and os.path.samestat(os.fstat(self._descriptor), there)


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
