"""Stateless continuations: what comes next, signed for one principal and one question.

A cursor is `base64url(tag || payload)`, where the tag is HMAC-SHA256 over the principal, the purpose and the payload.
Nothing is kept on the server, so a cursor lives through a restart and works on every replica that has the key.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

from mcp_servers_shared.errors import InvalidInput

_TAG_BYTES = 16
_MAX_CHARS = 8_192


class Cursors:
    """Signs and opens cursors. `key` is asked for once, at first use, and is at least 32 bytes."""

    def __init__(self, key: Callable[[], bytes]) -> None:
        self._load_key = key
        self._key = b""

    def seal(self, payload: dict[str, Any], *, principal: str, purpose: str) -> str:
        """A cursor for `payload` (JSON values). `purpose` names the tool and the question it continues."""
        body = json.dumps(payload, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()
        return base64.urlsafe_b64encode(self._tag(body, principal, purpose) + body).decode().rstrip("=")

    def open(self, cursor: str, *, principal: str, purpose: str) -> dict[str, Any]:
        """The payload of a cursor that this server made for this principal and purpose.

        Raises InvalidInput (`bad_cursor`) for anything else.
        """
        if len(cursor) <= _MAX_CHARS:
            try:
                raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            except (binascii.Error, ValueError):
                raw = b""
            tag, body = raw[:_TAG_BYTES], raw[_TAG_BYTES:]
            if body and hmac.compare_digest(tag, self._tag(body, principal, purpose)):
                return json.loads(body)
        raise InvalidInput(
            "this cursor does not continue this question",
            code="bad_cursor",
            hint="Pass next_cursor exactly as given, with the same arguments, or leave it out to start again.",
        )

    def _tag(self, body: bytes, principal: str, purpose: str) -> bytes:
        self._key = self._key or self._load_key()
        bound = hashlib.sha256(json.dumps([principal, purpose]).encode()).digest()
        return hmac.digest(self._key, b"cursor\0" + bound + body, "sha256")[:_TAG_BYTES]


def purpose_of(tool: str, **question: Any) -> str:
    """A purpose that is the same exactly when the tool and the question's arguments are."""
    canonical = json.dumps(question, sort_keys=True, separators=(",", ":"), default=repr)
    return f"{tool}:{hashlib.sha256(canonical.encode(errors='surrogatepass')).hexdigest()}"
