"""Frames between the server and its workers: four bytes of length, then JSON.

server -> worker   {"settings", "role"} once, then {"id", "operation", "path", "args", "deadline"}
worker -> server   {"id": 0, "ok": {"pid", "sqlite"}} once, then {"id", "ok" | "error", "retire"?}
"""

import json
import struct
from typing import Any

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


def encode(message: dict[str, Any]) -> bytes:
    """One frame. Halves of surrogate pairs become JSON escapes, so that any text can travel."""
    payload = compact_json(message).encode("utf-8", "backslashreplace")
    return LENGTH.pack(len(payload)) + payload


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
