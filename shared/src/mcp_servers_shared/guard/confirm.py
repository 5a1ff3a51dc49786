"""Single-use permission for one previewed write.

A `confirm_id` opens exactly one thing: the same principal, tool, arguments and preview it was issued for, once, within
its life. It is random and kept in this process, so nothing about the write can be read or forged from it, and a
restart forgets it, which costs one more preview.
"""

import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mcp_servers_shared.errors import NotConfirmed

LIFE_SECONDS = 600.0
_MOST_PENDING = 1_000
_START_AGAIN = "Call again without confirm_id to see what would happen now and get a new one."


@dataclass(frozen=True)
class Binding:
    """What a confirmation is for."""

    principal: str
    tool: str
    arguments: Mapping[str, Any]
    preview: str
    """Digest of the preview that was shown."""

    def digest(self) -> str:
        """SHA-256 over all parts; equal exactly when they are."""
        parts = [self.principal, self.tool, dict(self.arguments), self.preview]
        return hashlib.sha256(json.dumps(parts, sort_keys=True, default=_named).encode()).hexdigest()


def _named(value: Any) -> dict[str, str]:
    """What JSON cannot say, so that b"x" and the text that looks like it stay two things."""
    return {"type": type(value).__qualname__, "value": repr(value)}


class Confirmations:
    """The confirmations that are open in this process. Thread-safe."""

    def __init__(self, life: float = LIFE_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._life = life
        self._clock = clock
        self._lock = threading.Lock()
        self._open: dict[str, tuple[float, str]] = {}

    def issue(self, binding: Binding) -> str:
        """A new confirm_id for `binding`. The oldest is forgotten when 1,000 are open."""
        confirm_id = secrets.token_urlsafe(16)
        with self._lock:
            self._forget_expired()
            while len(self._open) >= _MOST_PENDING:
                del self._open[next(iter(self._open))]
            self._open[confirm_id] = (self._clock() + self._life, binding.digest())
        return confirm_id

    def redeem(self, confirm_id: str, binding: Binding) -> None:
        """Use `confirm_id` up. Raises NotConfirmed when it is unknown, used, expired or for something else.

        A wrong use also uses it up: what was confirmed once cannot be tried on other statements.
        """
        with self._lock:
            self._forget_expired()
            _, digest = self._open.pop(confirm_id, (0.0, ""))
        if not digest:
            raise NotConfirmed(
                f"this confirm_id is unknown, already used or older than {self._life / 60:g} minutes",
                rule="CONF-1",
                code="bad_confirm_id",
                hint=_START_AGAIN,
            )
        if not secrets.compare_digest(digest, binding.digest()):
            raise NotConfirmed(
                "this confirm_id was given for another preview: the arguments or the data have changed since",
                rule="CONF-1",
                code="stale_confirm_id",
                hint=_START_AGAIN,
            )

    def _forget_expired(self) -> None:
        now = self._clock()
        for confirm_id in [one for one, (end, _) in self._open.items() if end <= now]:
            del self._open[confirm_id]
