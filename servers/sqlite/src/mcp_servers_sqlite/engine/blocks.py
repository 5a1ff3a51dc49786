"""Many plain rows at once, column by column: what `Cells.row` makes of each of them, in loops that run in C."""

from collections.abc import Sequence
from types import NoneType
from typing import Any, NamedTuple

from mcp_servers_sqlite.engine.cells import SAFE_INTEGER

_NUMBERS = {int, float}


class Block(NamedTuple):
    """A table line for each row, the characters of all lines, those of all values as JSON, and each column's types."""

    lines: list[str]
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
        plain = _numbers(present) if found - {NoneType} <= _NUMBERS else _texts(present, found, cell_chars)
        if plain is None:
            return None
        marks += plain[1]
        shown.append(_with_nulls(column, plain[0]) if NoneType in found else plain[0])
    lines = [f"|{line}|" for line in map("|".join, zip(*shown, strict=True))]
    chars = sum(map(len, lines))
    return Block(lines, chars, chars + marks, kinds)


def _numbers(present: Sequence[Any]) -> tuple[Sequence[str], int] | None:
    if present and not (min(present) >= -SAFE_INTEGER and max(present) <= SAFE_INTEGER):
        return None
    return list(map(str, present)), 0


def _texts(present: Sequence[Any], found: set[type], cell_chars: int) -> tuple[Sequence[str], int] | None:
    """The texts themselves and the characters that JSON adds: two quotes a text, one backslash a quote inside."""
    if not found <= {str, NoneType} or max(map(len, present)) > cell_chars:
        return None
    joined = " ".join(present)
    if not joined.isprintable() or "|" in joined or "\\" in joined or "NULL" in joined:
        return None
    return present, 2 * len(present) + joined.count('"')


def _with_nulls(column: Sequence[Any], texts: Sequence[str]) -> list[str]:
    following = iter(texts)
    return ["NULL" if value is None else next(following) for value in column]
