"""Large parts of a result travel beside the SDK, already encoded.

The SDK validates, copies and encodes every value of a result several times on the one thread that answers everybody.
A part that a worker process has encoded already is put into the result as a token, and the transport puts the bytes in
the token's place as it writes the line. Only our own stdio transport does that; everywhere else parts are decoded.

    with splicing() as splicer: ...            # the transport
    token = place(part)                        # a tool; the decoded value where nobody splices
    line = splicer.splice(line)                # the transport, as it writes
"""

import json
import logging
import re
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

logger = logging.getLogger("mcp_servers")

_MOST_WAITING = 1_024


@dataclass(frozen=True)
class Encoded:
    """A JSON value as UTF-8 bytes, and how many characters a reader sees of it."""

    json: bytes
    chars: int

    def decoded(self) -> Any:
        """The value."""
        return json.loads(self.json)


class Splicer:
    """The parts of one connection that wait to be written."""

    def __init__(self) -> None:
        # Nobody outside can know the prefix: it is random, and replaced in everything that leaves.
        self._prefix = f"part-{secrets.token_hex(16)}-"
        self._pattern = re.compile(rb'(?:(?<!\\)")?' + self._prefix.encode() + rb'(\d+)\."?')
        self._marker = self._prefix.encode()
        self._waiting: dict[int, Encoded] = {}
        self._count = 0

    def place(self, part: Encoded) -> str:
        """The token that stands for `part`: alone as a value, or inside a text when `part` is a text."""
        self._count += 1
        self._waiting[self._count] = part
        while len(self._waiting) > _MOST_WAITING:
            # Calls that were cancelled after their tool had answered leave their parts behind.
            del self._waiting[next(iter(self._waiting))]
        return f"{self._prefix}{self._count}."

    def splice(self, line: bytes) -> bytes:
        """`line` with every token replaced by its part."""
        if not self._waiting or self._marker not in line:
            return line
        return self._pattern.sub(self._part, line)

    def _part(self, match: re.Match[bytes]) -> bytes:
        part = self._waiting.pop(int(match[1]), None)
        if part is None:
            logger.error("a part of a result was gone before it was written")
            part = Encoded(b'"[lost inside the server, please call again]"', 0)
        found = match[0]
        opens, closes = found.startswith(b'"'), found.endswith(b'"')
        if opens and closes:
            return part.json
        # Inside a text: the part is a JSON string, its own quotes go.
        inner = part.json[1:-1]
        return (b'"' if opens else b"") + inner + (b'"' if closes else b"")


_active: ContextVar[Splicer | None] = ContextVar("mcp_servers_splicer", default=None)


@contextmanager
def splicing() -> Generator[Splicer, None, None]:
    """Tokens placed in this context, and in tasks begun from it, are spliced by the one who holds the Splicer."""
    splicer = Splicer()
    reset = _active.set(splicer)
    try:
        yield splicer
    finally:
        _active.reset(reset)


def place(part: Encoded) -> Any:
    """What to put into a result for `part`: a token where the transport splices, else the value itself."""
    splicer = _active.get()
    return splicer.place(part) if splicer else part.decoded()


def is_spliced() -> bool:
    """Whether parts placed now are written by a splicer."""
    return _active.get() is not None
