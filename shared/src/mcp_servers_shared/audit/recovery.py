"""What stands behind the last line that the head knows: lines of a writer that died, or a torn or foreign rest."""

import hashlib
import json
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from mcp_servers_shared.audit.chain import MAX_LINE, Sealer, line_start, parse
from mcp_servers_shared.audit.heads import Head


class Residue(NamedTuple):
    """Bytes at the end of a log that are no lines of its chain."""

    size: int
    """Bytes, without the newline at their very end if there is one."""
    sha256: str
    torn: bool
    """Whether it can be what a writer left that was killed in the middle of a line."""
    ends_line: bool


class ResidueMeter:
    """Measures a residue piece by piece, in constant memory."""

    def __init__(self, next_seq: int, sealer: Sealer) -> None:
        self._sealer = sealer
        self._start = line_start(next_seq)
        self._hash = hashlib.sha256()
        self._size = 0
        self._newline = b""
        self._torn = True

    def add(self, piece: bytes, *, whole: bool = True) -> None:
        """One line or its end without newline; `whole` is False for the further pieces of an overlong line."""
        if whole:
            self._torn = self._torn and looks_torn(piece, self._start, self._sealer)
        body = piece.removesuffix(b"\n")
        self._hash.update(self._newline + body)
        self._size += len(self._newline) + len(body)
        self._newline = piece[len(body) :]

    def residue(self) -> Residue:
        """What was added so far."""
        return Residue(self._size, self._hash.hexdigest(), self._torn, bool(self._newline))


def looks_torn(piece: bytes, start: bytes, sealer: Sealer) -> bool:
    """Whether `piece` begins as the next line does, or is zeros as a power cut leaves them, and is no forged record."""
    body = piece.removesuffix(b"\n")
    if not body or (body[: len(start)] != start[: len(body)] and body.strip(b"\0")):
        return False
    line = parse(body + b"\n")
    return sealer.fits(line) if line else not _is_json(body)


def _is_json(body: bytes) -> bool:
    # The brace that a line opens with closes at its very end: a torn line is never whole JSON, a forged one may be.
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True


def pieces(stream: BinaryIO, size: int) -> Iterator[tuple[bytes, bool]]:
    """The lines in the next `size` bytes. A line beyond MAX_LINE comes in pieces, the later ones marked False."""
    whole = True
    while size > 0 and (piece := stream.readline(min(size, MAX_LINE))):
        yield piece, whole
        size -= len(piece)
        whole = piece.endswith(b"\n")


def follow(stream: BinaryIO, size: int, sealer: Sealer, head: Head) -> tuple[Head, Residue | None]:
    """Walk the `size` bytes behind `head`: the head after the lines that continue the chain, and what comes next.

    Of a last line that lacks nothing but its newline, the head counts the newline already.
    """
    meter: ResidueMeter | None = None
    for piece, whole in pieces(stream, size):
        ended = piece if piece.endswith(b"\n") else piece + b"\n"
        line = parse(ended) if meter is None and whole else None
        if line and line.seq == head.seq + 1 and line.prev == head.mac and sealer.fits(line):
            head = head._replace(seq=line.seq, mac=line.mac, size=head.size + len(ended))
        else:
            meter = meter or ResidueMeter(head.seq + 1, sealer)
            meter.add(piece, whole=whole)
    return head, meter.residue() if meter else None
