"""Many plain rows at once, column by column: what `Cells.row` makes of each of them, in loops that run in C."""

from collections.abc import Sequence
from json.encoder import encode_basestring
from math import isfinite
from types import NoneType
from typing import Any, NamedTuple

from mcp_servers_sqlite.engine.cells import SAFE_INTEGER

_NUMBERS = {int, float, NoneType}
# As many characters hold no integer beyond SAFE_INTEGER, whatever they are.
_SAFE_DIGITS = len(str(SAFE_INTEGER)) - 1
_PLAIN = bytes(code for code in range(0x20, 0x7F) if chr(code) not in "|\\")


class Block(NamedTuple):
    """The table lines of all rows, the rows as JSON with commas between them, the characters of both without what
    separates rows, and each column's types."""

    lines: str
    json: str
    chars: int
    size: int
    kinds: list[set[type]]


class _Column(NamedTuple):
    shown: Sequence[str]
    json: Sequence[str]


def plain_block(rows: Sequence[Sequence[Any]], cell_chars: int) -> Block | None:
    """The rows as one block, or None when any value needs more care than to be written down."""
    columns: list[_Column] = []
    kinds: list[set[type]] = []
    for values in zip(*rows, strict=True):
        found = set(map(type, values))
        kinds.append(found)
        present = [value for value in values if value is not None] if NoneType in found else values
        plain = _numbers(present, found) if found <= _NUMBERS else _texts(present, found, cell_chars)
        if plain is None:
            return None
        if NoneType in found:
            plain = _Column(_with_nulls(values, plain.shown, "NULL"), _with_nulls(values, plain.json, "null"))
        columns.append(plain)
    lines = "|" + "|\n|".join(map("|".join, zip(*(one.shown for one in columns), strict=True))) + "|"
    json = "[" + "],[".join(map(",".join, zip(*(one.json for one in columns), strict=True))) + "]"
    between = len(rows) - 1
    return Block(lines, json, len(lines) - between, len(json) - between, kinds)


def _numbers(present: Sequence[Any], found: set[type]) -> _Column | None:
    if float in found and not all(map(isfinite, present)):
        return None
    texts = list(map(repr, present))
    safe = max(map(len, texts), default=0) <= _SAFE_DIGITS or _in_range(present)
    return _Column(texts, texts) if safe else None


def _in_range(present: Sequence[Any]) -> bool:
    return min(present) >= -SAFE_INTEGER and max(present) <= SAFE_INTEGER


def _texts(present: Sequence[Any], found: set[type], cell_chars: int) -> _Column | None:
    if not found <= {str, NoneType} or max(map(len, present)) > cell_chars:
        return None
    joined = " ".join(present)
    if "NULL" in joined or (joined.encode().translate(None, _PLAIN) if joined.isascii() else _unlike_ascii(joined)):
        return None
    return _Column(present, list(map(encode_basestring, present)))


def _unlike_ascii(text: str) -> bool:
    return not text.isprintable() or "|" in text or "\\" in text


def _with_nulls(values: Sequence[Any], texts: Sequence[str], null: str) -> list[str]:
    following = iter(texts)
    return [null if value is None else next(following) for value in values]
