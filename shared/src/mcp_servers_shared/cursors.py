"""Stateless continuations: what comes next, signed for one principal and one question.

A cursor is `base64url(tag || payload)`, where the tag is HMAC-SHA256 over the principal, the purpose and the payload.
Nothing is kept on the server, so a cursor lives through a restart and works on every replica that has the key.
"""

import base64
import binascii
import hashlib
import hmac
import json
import logging
import secrets
from collections.abc import Callable
from typing import Any

from mcp_servers_shared.errors import InvalidInput, LimitExceeded

logger = logging.getLogger("mcp_servers")

_TAG_BYTES = 16
_MAX_CHARS = 8_192


class Cursors:
    """Signs and opens cursors. `key` is asked for once, at first use, and is at least 32 bytes."""

    def __init__(self, key: Callable[[], bytes]) -> None:
        self._load_key = key
        self._key = b""

    def seal(self, payload: dict[str, Any], *, principal: str, purpose: str) -> str:
        """A cursor for `payload` (JSON values). `purpose` names the tool and the question it continues.

        Raises LimitExceeded (`cursor_too_long`) for a payload that `open` would not take back.
        """
        text = json.dumps(payload, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
        # Text from a database may hold lone surrogates: bytes that are not UTF-8, kept as they are.
        body = text.encode("utf-8", "surrogatepass")
        cursor = _encoded(self._tag(body, principal, purpose) + body)
        if len(cursor) > _MAX_CHARS:
            raise LimitExceeded(
                "the values to go on from are too long for a cursor",
                code="cursor_too_long",
                hint="Sort by shorter values, or page with LIMIT and OFFSET of your own.",
                characters=len(cursor),
                most=_MAX_CHARS,
            )
        return cursor

    def open(self, cursor: str, *, principal: str, purpose: str) -> dict[str, Any]:
        """The payload of a cursor that this server made for this principal and purpose.

        Raises InvalidInput (`bad_cursor`) for anything else.
        """
        raw = _decoded(cursor) if len(cursor) <= _MAX_CHARS else b""
        tag, body = raw[:_TAG_BYTES], raw[_TAG_BYTES:]
        if body and hmac.compare_digest(tag, self._tag(body, principal, purpose)):
            return json.loads(body.decode("utf-8", "surrogatepass"))
        raise InvalidInput(
            "this cursor does not continue this question",
            code="bad_cursor",
            hint="Pass next_cursor exactly as given, with the same arguments, or leave it out to start again.",
        )

    def _tag(self, body: bytes, principal: str, purpose: str) -> bytes:
        self._key = self._key or self._loaded_key()
        bound = hashlib.sha256(json.dumps([principal, purpose]).encode()).digest()
        return hmac.digest(self._key, b"cursor\0" + bound + body, "sha256")[:_TAG_BYTES]

    def _loaded_key(self) -> bytes:
        try:
            return self._load_key()
        except OSError as error:
            # A read-only machine still pages; only a restart makes it start again.
            logger.warning(
                "no lasting key for cursors (%s): those of this process end with it", error.strerror or error
            )
            return secrets.token_bytes(32)


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decoded(cursor: str) -> bytes:
    """The bytes of a cursor in the one spelling that `_encoded` gives them; empty for any other."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""
    return raw if _encoded(raw) == cursor else b""


_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=repr).encode


def purpose_of(tool: str, **question: Any) -> str:
    """A purpose that is the same exactly when the tool and the question's arguments are."""
    canonical = _canonical(question)
    return f"{tool}:{hashlib.sha256(canonical.encode(errors='surrogatepass')).hexdigest()}"
