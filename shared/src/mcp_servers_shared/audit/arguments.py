"""What of a call's arguments the audit log keeps."""

import hmac
import json
from collections.abc import Callable, Mapping, Sized
from itertools import islice
from typing import Any, Literal, Protocol, cast

from mcp_servers_shared.audit.bounded import DEPTH, ITEMS, TEXT_CHARS, bounded, cut_text
from mcp_servers_shared.errors import InvalidInput

Mode = Literal["redacted", "hashed", "none"]
_LONG = 16_384
_WINDOW = 8_192
_SUFFIX = 120
"""Characters that a cut adds, at most."""
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
            return bounded(self._redact(self._shortened(arguments, DEPTH))) if self._redact else WITHHELD
        except Exception:
            # A record without arguments is worth more than none, and than one with a secret.
            return WITHHELD

    def _shortened(self, value: Any, depth: int) -> Any:
        """`value` with texts of megabytes cut already: of those only what stands near the shown part is redacted."""
        if isinstance(value, str) and len(value) > _LONG and self._redact:
            head = str(self._redact(value[:_WINDOW]))[: TEXT_CHARS - _SUFFIX]
            return f"{head}{cut_text(value, 0)}"
        if isinstance(value, Mapping) and depth:
            whole = cast("Mapping[Any, Any]", value)
            return {name: self._shortened(item, depth - 1) for name, item in whole.items()}
        if isinstance(value, list) and depth:
            return [self._shortened(item, depth - 1) for item in cast("list[Any]", value)]
        return cast(Any, value)

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
