"""Many plain rows at once, column by column: what `Cells.row` makes of each of them, in loops that run in C."""

from collections.abc import Sequence
from math import isfinite
from types import NoneType
from typing import Any, NamedTuple

from mcp_servers_sqlite.engine.cells import SAFE_INTEGER

_NUMBERS = {int, float, NoneType}
# As many characters hold no integer beyond SAFE_INTEGER, whatever they are.
_SAFE_DIGITS = len(str(SAFE_INTEGER)) - 1

_PLAIN = bytes(code for code in range(0x20, 0x7F) if chr(code) not in "|\\")


class Block(NamedTuple):
    """The table lines of all rows, the characters of these and of all values as JSON, and each column's types."""

    lines: str
    chars: int
    size: int
    kinds: list[set[type]]


def plain_block(rows: Sequence[Sequence[Any]], cell_chars: int) -> Block | None:
    """The rows as one block, or None when any value needs more care than to be written down."""
    shown: list[Sequence[str]] = []
    kinds: list[set[type]] = []
    marks = 0
    for column in zip(*rows, strict=True):
        found = set(map(type, column))
        kinds.append(found)
        present = [value for value in column if value is not None] if NoneType in found else column
        plain = _numbers(present, found) if found <= _NUMBERS else _texts(present, found, cell_chars)
        if plain is None:
            return None
        marks += plain[1]
        shown.append(_with_nulls(column, plain[0]) if NoneType in found else plain[0])
    lines = "|" + "|\n|".join(map("|".join, zip(*shown, strict=True))) + "|"
    chars = len(lines) - len(rows) + 1
    return Block(lines, chars, chars + marks, kinds)


def _numbers(present: Sequence[Any], found: set[type]) -> tuple[Sequence[str], int] | None:
    if float in found and not all(map(isfinite, present)):
        return None
    texts = list(map(repr, present))
    return None if max(map(len, texts), default=0) > _SAFE_DIGITS and not _safe(present) else (texts, 0)


def _safe(present: Sequence[Any]) -> bool:
    return min(present) >= -SAFE_INTEGER and max(present) <= SAFE_INTEGER


def _texts(present: Sequence[Any], found: set[type], cell_chars: int) -> tuple[Sequence[str], int] | None:
    """The texts themselves and the characters that JSON adds: two quotes a text, one backslash a quote inside."""
    if not found <= {str, NoneType} or max(map(len, present)) > cell_chars:
        return None
    joined = " ".join(present)
    if "NULL" in joined or (joined.encode().translate(None, _PLAIN) if joined.isascii() else _careful(joined)):
        return None
    return present, 2 * len(present) + joined.count('"')


def _careful(text: str) -> bool:
    return not text.isprintable() or "|" in text or "\\" in text


def _with_nulls(column: Sequence[Any], texts: Sequence[str]) -> list[str]:
    following = iter(texts)
    return ["NULL" if value is None else next(following) for value in column]
