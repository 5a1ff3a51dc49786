"""Frames between the server and its workers: four bytes of length, then JSON, then its parts.

A `Part` is a large value that was encoded where it was made, and that the server passes on without reading it. The
JSON names the parts in `parts`: `[field of "ok", bytes, characters]`.

server -> worker   {"settings", "role"} once, then {"id", "operation", "path", "args", "deadline", "spent"}
worker -> server   {"id": 0, "ok": {"pid", "sqlite"}} once, then {"id", "ok" | "error", "retire"?}
"""

import json
import struct
from typing import Any, NamedTuple, cast

from mcp_servers_shared.errors import (
    Busy,
    InvalidInput,
    LimitExceeded,
    NotConfirmed,
    NotFound,
    Refused,
    ServerError,
    StatementRefused,
    Unavailable,
    WritesDisabled,
)

LENGTH = struct.Struct(">I")

compact_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode

_ERRORS: dict[str, type[ServerError]] = {
    kind.__name__: kind
    for kind in (
        InvalidInput,
        NotFound,
        Refused,
        StatementRefused,
        WritesDisabled,
        NotConfirmed,
        LimitExceeded,
        Busy,
        Unavailable,
    )
}


class Part(NamedTuple):
    """A JSON value as UTF-8 bytes, and the characters that a reader sees of it."""

    json: bytes
    chars: int


def part(value: Any, chars: int | None = None) -> Part:
    """`value` encoded."""
    return encoded_part(compact_json(value), chars)


def encoded_part(text: str, chars: int | None = None) -> Part:
    """A value that is JSON already. Halves of surrogate pairs become JSON escapes, so that any text can travel."""
    return Part(text.encode("utf-8", "backslashreplace"), len(text) if chars is None else chars)


def encode(message: dict[str, Any]) -> bytes:
    """One frame; parts may be fields of `ok`."""
    ok: Any = message.get("ok")
    fields = cast("dict[str, Any]", ok) if isinstance(ok, dict) else {}
    parts = {name: value for name, value in fields.items() if isinstance(value, Part)}
    if parts:
        plain = {name: value for name, value in fields.items() if name not in parts}
        sizes = [[name, len(one.json), one.chars] for name, one in parts.items()]
        message = {**message, "ok": plain, "parts": sizes}
    head = compact_json(message).encode("utf-8", "backslashreplace")
    size = LENGTH.size + len(head) + sum(len(one.json) for one in parts.values())
    # One copy: parts are large.
    return b"".join((LENGTH.pack(size), LENGTH.pack(len(head)), head, *(one.json for one in parts.values())))


def decode(payload: bytes | memoryview) -> Any:
    """The message of a frame, without its length.

    Raises:
        ValueError, KeyError, TypeError, RecursionError, struct.error: it is no frame of ours.
    """
    end = LENGTH.size + LENGTH.unpack_from(payload)[0]
    message: dict[str, Any] = json.loads(bytes(payload[LENGTH.size : end]))
    for name, size, chars in message.pop("parts", ()):
        encoded = bytes(payload[end : end + size])
        # A part goes into a line of the protocol unread: one that began a line of its own would be a message.
        if size < 0 or len(encoded) != size or b"\n" in encoded or b"\r" in encoded:
            raise ValueError("a part is missing or longer than a line")
        message["ok"][str(name)] = Part(encoded, int(chars))
        end += size
    return message


def error_to_wire(error: ServerError) -> dict[str, Any]:
    """An error as JSON."""
    kind = next((name for name, known in _ERRORS.items() if type(error) is known), "Unavailable")
    wire = {"type": kind, "message": error.message, "code": error.code, "hint": error.hint, "evidence": error.evidence}
    if isinstance(error, Refused):
        wire["rule"] = error.rule
    return wire


def error_from_wire(wire: dict[str, Any]) -> ServerError:
    """The error again, of one of our classes.

    Raises:
        KeyError, TypeError, AttributeError: the worker sent something else.
    """
    kind = _ERRORS[wire["type"]]
    extra: dict[str, Any] = {str(key): value for key, value in dict(wire.get("evidence") or {}).items()}
    for reserved in ("message", "code", "hint", "rule"):
        extra.pop(reserved, None)
    if issubclass(kind, Refused):
        extra["rule"] = str(wire.get("rule", ""))
    return kind(str(wire["message"]), code=str(wire["code"]), hint=str(wire.get("hint", "")), **extra)
