"""Secrets taken out of text and JSON before they reach a log, a result or an error.

    Redactor().text("postgres://app:hunter2@db/x")        'postgres://app:[redacted:password]@db/x'
    Redactor(extra_names=["ssn"]).value({"ssn": 123})      {'ssn': '[redacted:ssn]'}
    Redactor(secrets=[token]).text(...)                    the token itself, URL-encoded, JSON-escaped or in base64

Known are: tokens by their shape, keys in PEM, passwords in URLs, values beside a name that says secret, literal
secrets. Linear in the text; doing it twice changes nothing. A password in the middle of prose cannot be known.
"""

import functools
from collections.abc import Iterable
from typing import Any, cast

from mcp_servers_shared.guard._literal_secrets import LiteralSecrets
from mcp_servers_shared.guard._marks import mark, without_marks
from mcp_servers_shared.guard._secret_names import SecretNames
from mcp_servers_shared.guard._secret_pairs import SecretPairs
from mcp_servers_shared.guard._token_shapes import redact_shapes

__all__ = ["Redactor"]

_DEEPEST = 64
# A mark can shorten what stood around it to something known, such as a URL without its `#`. Text without secrets, the
# usual case, is looked at once; two passes settle nearly all others.
_PASSES = 4
_REMEMBERED = 1024
_LONGEST_KEY = 64


class Redactor:
    """Takes secrets out. Several threads may use it at once.

    Args:
        extra_names: further names whose values are secret, such as `ssn`; words next to each other in a longer name.
        secrets: literal secrets of this process; those shorter than 4 characters are ignored.
    """

    def __init__(self, extra_names: Iterable[str] = (), secrets: Iterable[str] = ()) -> None:
        self._names = SecretNames(extra_names)
        self._literals = LiteralSecrets(secrets)
        self._pairs = SecretPairs(self._names)
        # Keys repeat from call to call and from row to row.
        self._key = functools.lru_cache(maxsize=_REMEMBERED)(self.text)

    def text(self, text: str) -> str:
        """`text` with `[redacted:KIND]` in place of each secret."""
        for _ in range(_PASSES):
            before = text
            text = self._pairs.redact(redact_shapes(self._literals.redact(before)))
            if text == before:
                break
        return text

    def value(self, value: Any) -> Any:
        """A copy of a JSON value without secrets; what lies deeper than 64 levels becomes `[redacted:depth]`.

        A key that names a secret takes its whole value along, except null, true and false. Keys are cleaned as text.
        Anything that is not JSON is turned to text first.
        """
        return self._value(value, _DEEPEST)

    def _value(self, value: Any, levels: int) -> Any:
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if isinstance(value, str):
            return self.text(value)
        if levels == 0:
            return mark("depth")
        if isinstance(value, dict):
            return self._mapping(cast("dict[Any, Any]", value), levels - 1)
        if isinstance(value, (list, tuple)):
            return self._sequence(cast("list[Any]", value), levels - 1)
        return self.text(str(value))

    def _mapping(self, mapping: dict[Any, Any], levels: int) -> dict[str, Any]:
        clean: dict[str, Any] = {}
        for key, value in mapping.items():
            name = str(key)
            shown = self._key(name) if len(name) <= _LONGEST_KEY else self.text(name)
            kind = None if value is None or isinstance(value, bool) else self._names.kind(without_marks(shown))
            while shown in clean:
                shown += "+"
            clean[shown] = mark(kind) if kind else self._value(value, levels)
        return clean

    def _sequence(self, items: list[Any] | tuple[Any, ...], levels: int) -> list[Any]:
        clean: list[Any] = []
        kind: str | None = None
        for item in items:
            # A command line in pieces: the value of `--password` is the next piece.
            if kind and isinstance(item, str) and not item.startswith("-"):
                clean.append(mark(kind))
            else:
                clean.append(self._value(item, levels))
            is_option = isinstance(item, str) and item.startswith("--") and "=" not in item
            kind = self._names.kind(without_marks(item)) if is_option else None
        return clean
