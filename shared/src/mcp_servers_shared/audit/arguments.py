"""What of a call's arguments the audit log keeps."""

import hmac
import json
from collections.abc import Callable, Mapping, Sized
from itertools import islice
from typing import Any, Literal, Protocol, cast

from mcp_servers_shared.audit.bounded import ITEMS, bounded, cut_text
from mcp_servers_shared.errors import InvalidInput

Mode = Literal["redacted", "hashed", "none"]
WITHHELD = "[withheld]"
"""Stands where the redactor, the key or the value itself failed."""


class Redactor(Protocol):
    """Takes secrets out of any value."""

    def value(self, obj: Any) -> Any:
        """`obj` without its secrets."""
        ...


class ArgumentPolicy:
    """Decides what is recorded of arguments.

    Args:
        mode: `redacted` keeps values without secrets, long ones cut with length and sha256; `hashed` keeps the type,
            the length and a keyed hash of each argument, so that equal values can be recognised and none guessed;
            `none` keeps nothing.
        redact: a redactor, or its method. Required by `redacted`.
        key: gives the audit key, called once when needed first. Required by `hashed`.
    """

    def __init__(
        self,
        mode: Mode = "redacted",
        *,
        redact: Redactor | Callable[[Any], Any] | None = None,
        key: Callable[[], bytes] | None = None,
    ) -> None:
        if mode not in ("redacted", "hashed", "none"):
            raise InvalidInput(f"no argument policy is called {mode!r}", hint="Use redacted, hashed or none.")
        if (mode == "redacted" and redact is None) or (mode == "hashed" and key is None):
            raise InvalidInput(f"the argument policy {mode!r} needs a {'redactor' if mode == 'redacted' else 'key'}")
        self.mode: Mode = mode
        method: Any = getattr(redact, "value", redact)
        self._redact: Callable[[Any], Any] | None = method
        self._key = key
        self._hash_key = b""

    def apply(self, arguments: Any) -> Any:
        """What to record of `arguments`: plain JSON of limited size, None for nothing. Never raises."""
        if self.mode == "none":
            return None
        if self.mode == "redacted":
            return self._redacted(arguments)
        if not isinstance(arguments, Mapping):
            return self._hashed(arguments)
        whole = cast("Mapping[Any, Any]", arguments)
        return {cut_text(str(name)): self._hashed(value) for name, value in islice(whole.items(), ITEMS)}

    def _redacted(self, arguments: Any) -> Any:
        try:
            # First the redactor, then the cut: half a token is no longer recognised as one.
            return bounded(self._redact(arguments)) if self._redact else WITHHELD
        except Exception:
            # A record without arguments is worth more than none, and than one with a secret.
            return WITHHELD

    def _hashed(self, value: Any) -> Any:
        kind = _kind(value)
        try:
            text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=repr)
            key = self._derived_key()
        except Exception:
            return WITHHELD
        length = len(value) if isinstance(value, Sized) else len(text)
        mac = hmac.digest(key, f"{kind} {length} {text}".encode(), "sha256")
        return {"type": kind, "length": length, "hmac": mac.hex()}

    def _derived_key(self) -> bytes:
        if not self._hash_key and self._key:
            self._hash_key = hmac.digest(self._key(), b"mcp-servers audit arguments", "sha256")
        return self._hash_key


def _kind(value: Any) -> str:
    """JSON's own name of the type."""
    for kind, name in _KINDS:
        if isinstance(value, kind):
            return name
    return "null" if value is None else type(value).__name__


_KINDS: tuple[tuple[type[Any] | tuple[type[Any], ...], str], ...] = (
    (bool, "boolean"),
    ((int, float), "number"),
    (str, "string"),
    ((list, tuple), "array"),
    (Mapping, "object"),
)
