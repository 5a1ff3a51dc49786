"""What text files hold, for searching: opened beneath an open directory, judged before a byte is read."""

import codecs
import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

from mcp_servers_filesystem.opening import READ
from mcp_servers_shared.guard._kinds import on_kernel_filesystem  # pyright: ignore[reportPrivateUsage]

WINDOW = 16 << 20
_SAMPLE = 8_192
_SMALL = 1 << 20
_MARKS = (b"\xef", b"\xff", b"\xfe")
"""The first bytes of the byte order marks."""
_UTF16 = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


class Window(NamedTuple):
    """A part of a text in UTF-8, cut after a line where lines are not endless."""

    data: bytes
    offset: int
    """Where in the file it begins; -1 where the bytes are not those of the file."""
    end: int
    """Where in the file the next one begins."""
    last: bool


def open_text(
    directory: int, name: str, device: int, most_links: int, *, xdev: bool = True
) -> tuple[int, os.stat_result] | None:
    """A descriptor of a regular file and what fstat says; None for anything else. The caller closes it.

    Args:
        device: st_dev of the directory, which a single file that is mounted over another does not have.
        most_links: names a file may have; 0 for any number.
        xdev: whether such a file may be read. One of the kernel's own never is.
    """
    try:
        descriptor = os.open(name, READ, dir_fd=directory)
    except OSError:
        return None
    facts = os.fstat(descriptor)
    elsewhere = facts.st_dev != device and (not xdev or on_kernel_filesystem(descriptor))
    if elsewhere or not stat.S_ISREG(facts.st_mode) or 0 < most_links < facts.st_nlink:
        os.close(descriptor)
        return None
    return descriptor, facts


def is_binary(data: bytes) -> bool:
    """Whether a file that begins so is no text."""
    return data.find(b"\0", 0, _SAMPLE) >= 0


def plain(descriptor: int, size: int) -> bytes | None:
    """All of a small file, if its bytes are what would be searched; None for the rest, which `windows` takes.

    It may be binary. Raises OSError.
    """
    if size > _SMALL:
        return None
    data = os.pread(descriptor, size, 0)
    return None if data[:1] in _MARKS else data


def windows(descriptor: int, size: int, start: int = 0) -> Iterator[Window]:
    """The text of an open file, from byte `start` on; nothing for what is no text. Raises OSError.

    `size` bounds what is read: a file that grows meanwhile ends where it ended. Most files are one window.
    """
    data = os.pread(descriptor, min(WINDOW, size - start), start)
    if start == 0:
        for mark, name in _UTF16:
            if data.startswith(mark):
                yield Window(data[2:].decode(name, "replace").encode(errors="replace"), -1, size, True)
                return
        if is_binary(data):
            return
    offset = start
    while data:
        end = offset + len(data)
        if end < size and (line_end := data.rfind(b"\n") + 1):
            end, data = offset + line_end, data[:line_end]
        if offset == 0 and data.startswith(codecs.BOM_UTF8):
            yield Window(data[3:], 3, end, end >= size)
        else:
            yield Window(data, offset, end, end >= size)
        offset = end
        data = os.pread(descriptor, min(WINDOW, size - offset), offset) if offset < size else b""
