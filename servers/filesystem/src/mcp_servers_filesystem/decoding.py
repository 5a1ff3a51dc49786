"""Bytes as text: by their mark, as UTF-8, else as what they most likely are. What cannot be text is refused."""

import codecs
import os
from dataclasses import dataclass
from functools import cache

from mcp_servers_filesystem.space import Opened
from mcp_servers_shared.errors import InvalidInput, LimitExceeded, PathRefused
from mcp_servers_shared.guard.path_errors import quoted

_SAMPLE = 65_536
_ASCII_IS_SAME = frozenset(("utf-8", "ascii", "iso8859-1", "latin-1", "cp1252"))
_NO_ENCODINGS = ("idna", "punycode", "undefined")
_SHIFTS = b"\x1b$B!!~{\\u0041+AGE-"
"""What begins something else in the encodings that shift or escape."""
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True)
class Source:
    """A file's text as bytes with one byte a line end: `encoding` decodes them, `named` is the file's own encoding."""

    fd: int
    size: int
    encoding: str
    named: str
    held: bytes | None = None
    """The whole of it in UTF-8, where no place in the file can be decoded alone."""

    def read(self, position: int, count: int) -> bytes:
        """Up to `count` bytes from `position`. Never beyond the size at opening."""
        count = max(0, min(count, self.size - position))
        if self.held is not None:
            return self.held[position : position + count]
        return os.pread(self.fd, count, position)

    def text(self, raw: bytes) -> str:
        """Decoded. Bytes that are no UTF-8 are kept as lone surrogates, for counting back; see `clean`."""
        errors = "surrogateescape" if self.encoding == "utf-8" else "replace"
        return raw.decode(self.encoding, errors)

    def length(self, text: str) -> int:
        """Bytes of what `text` decoded."""
        if text.isascii() and self.encoding in _ASCII_IS_SAME:
            return len(text)
        errors = "surrogateescape" if self.encoding == "utf-8" else "replace"
        return len(text.encode(self.encoding, errors))


def clean(text: str) -> str:
    """Text for a reader: what could not be decoded as U+FFFD, one a byte run as UTF-8 decoders do."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="surrogateescape").decode(errors="replace")
    return text


def source_of(found: Opened, encoding: str | None, most_bytes: int) -> Source:
    """The text of an open file. Raises PathRefused (`binary`), InvalidInput for an unknown encoding."""
    size = found.stat.st_size
    sample = os.pread(found.fd, min(size, _SAMPLE), 0)
    name = known(encoding, sample) if encoding else guessed(sample, whole=len(sample) == size)
    if name is None:
        raise PathRefused(
            f"{quoted(found.path)} is binary, not text",
            code="binary",
            rule="encoding",
            hint="Use read_media_file, or name its encoding.",
            size=size,
        )
    if _decodes_anywhere(name):
        return Source(found.fd, size, name, name)
    if size > most_bytes:
        raise LimitExceeded(
            f"{quoted(found.path)} is {name} and too large to convert ({size:,} bytes)",
            code="too_large",
            hint=f"At most {most_bytes:,} bytes (--max-file-mb) in this encoding.",
        )
    text = whole(found.fd, size).decode(name, "replace").removeprefix("\ufeff")
    held = text.encode(errors="replace")
    return Source(found.fd, len(held), "utf-8", name, held)


def guessed(sample: bytes, *, whole: bool) -> str | None:
    """The encoding of a file that begins so; None for what is no text."""
    for mark, name in _MARKS:
        if sample.startswith(mark):
            return name
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample, final=whole)
    except UnicodeDecodeError:
        if b"\0" in sample:
            return None
        try:
            sample.decode("cp1252")
        except UnicodeDecodeError:
            return "latin-1"
        return "cp1252"
    return "utf-8"


@cache
def _decodes_anywhere(name: str) -> bool:
    """Whether a text can be cut between any two characters, decoded, and counted back: UTF-8 and one-byte encodings."""
    if name == "utf-8":
        return True
    try:
        ascii_is_same = all(sample.decode(name).encode() == sample for sample in (bytes(range(128)), _SHIFTS))
        return ascii_is_same and len(bytes(range(256)).decode(name, "replace")) == 256
    except UnicodeError:
        return False


def known(encoding: str, sample: bytes = b"") -> str:
    """Python's name of a text encoding; the mark in `sample` says which of two byte orders. Raises InvalidInput."""
    try:
        info = codecs.lookup(encoding)
    except (LookupError, ValueError):
        info = None
    if info is None or not getattr(info, "_is_text_encoding", True) or info.name in _NO_ENCODINGS:
        raise InvalidInput(
            f"there is no text encoding called '{encoding[:40]}'",
            code="unknown_encoding",
            hint="For example utf-8, utf-16, latin-1, cp1252, shift_jis, gbk.",
        )
    if info.name in ("utf-16", "utf-32"):
        marked = (name for mark, name in _MARKS if sample.startswith(mark) and name.startswith(info.name))
        return next(marked, f"{info.name}-le")
    return "utf-8" if info.name == "utf-8-sig" else info.name


def whole(fd: int, size: int) -> bytes:
    """The first `size` bytes, however many reads that takes; fewer where the file shrank."""
    parts: list[bytes] = []
    position = 0
    while position < size:
        part = os.pread(fd, min(size - position, 1 << 20), position)
        if not part:
            break
        parts.append(part)
        position += len(part)
    return b"".join(parts)
