"""Any value as JSON of limited size: long texts cut with length and hash, long containers with a count."""

import hashlib
from collections.abc import Collection, Mapping
from itertools import islice
from typing import Any, cast

TEXT_CHARS = 500
ITEMS = 100
DEPTH = 8
TOTAL_CHARS = 16_384
_ITEM_COST = 4


def cut_text(text: str, limit: int = TEXT_CHARS) -> str:
    """`text`, or its first `limit` characters with what is needed to recognise the whole."""
    if len(text) <= limit:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{text[:limit]}… [{len(text)} characters, sha256 {digest}]"


def bounded(value: Any, *, chars: int = TOTAL_CHARS) -> Any:
    """`value` as plain JSON of about `chars` characters at most. Never raises for what it holds."""
    return _Bound(chars).value(value, DEPTH)


class _Bound:
    def __init__(self, chars: int) -> None:
        self.left = chars

    def value(self, value: Any, depth: int) -> Any:
        self.left -= _ITEM_COST
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int):
            return self.text(hex(value)) if value.bit_length() > 256 else int(value)
        if isinstance(value, float):
            return float(value) if value - value == 0 else str(value)
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, bytes | bytearray):
            return f"[{len(value)} bytes, sha256 {hashlib.sha256(value).hexdigest()}]"
        return self.container(value, depth)

    def container(self, value: Any, depth: int) -> Any:
        if not isinstance(value, Mapping | list | tuple | set | frozenset):
            return f"[{type(value).__name__}]"
        whole = cast("Collection[Any]", value)
        if depth == 0:
            return f"[{type(whole).__name__} of {len(whole)}]"
        if isinstance(whole, Mapping):
            return self.mapping(cast("Mapping[Any, Any]", whole), depth)
        return self.items(whole, depth)

    def mapping(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for key, item in islice(value.items(), ITEMS):
            if self.left <= 0:
                break
            kept[self.text(key if isinstance(key, str) else str(self.value(key, 0)))] = self.value(item, depth - 1)
        if len(value) > len(kept):
            kept["…"] = f"{len(value) - len(kept)} more"
        return kept

    def items(self, whole: Collection[Any], depth: int) -> list[Any]:
        kept: list[Any] = []
        for item in islice(whole, ITEMS):
            if self.left <= 0:
                break
            kept.append(self.value(item, depth - 1))
        if len(whole) > len(kept):
            kept.append(f"… {len(whole) - len(kept)} more")
        return kept

    def text(self, text: str) -> str:
        short = cut_text(text, max(0, min(TEXT_CHARS, self.left)))
        self.left -= len(short)
        return str(short)
