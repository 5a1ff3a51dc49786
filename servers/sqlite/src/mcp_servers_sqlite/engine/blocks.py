r"""Many plain rows at once: what `Cells.row` makes of each of them, in a few passes that run in C.

All rows are formatted once, with control characters where their forms differ, and every form is a translation of
that: `|1|a|` of a table line, the same inside a JSON string, and `[1,"a"]`.
"""

import functools
from collections.abc import Sequence
from itertools import chain
from math import isfinite
from types import NoneType
from typing import Any, NamedTuple

from mcp_servers_sqlite.engine.cells import SAFE_INTEGER

_NUMBERS = {int, float, NoneType}
_TEXTS = {str, NoneType}
# Where a row begins and ends, what stands between cells and (two characters) between rows, a quote around text, what
# escapes a quote within, and the letters of null.
_FROM, _TO, _CELL, _ROW, _QUOTE, _ESCAPE, _NULL = "\x01", "\x02", "\x03", "\x04\x05", "\x06", "\x07", "\x0e\x0f\x10\x10"
_MARKS = (_FROM + _TO + _CELL + _ROW + _QUOTE + _ESCAPE + _NULL[:3]).encode()
_HARMLESS = bytes(code for code in range(0x20, 0x100) if code != 0x7F and chr(code) not in "|\\")


def _form(shown: bytes, dropped: str = "") -> tuple[bytes, bytes]:
    return bytes.maketrans(_MARKS, shown), dropped.encode()


_LINES = _form(b"|||\n?" + b"??NUL", "\x05" + _QUOTE + _ESCAPE)
_ESCAPED_LINES = _form(b"|||\\n" + b"?\\NUL", _QUOTE)
_JSON = _form(b"[],,?" + b'"\\nul', "\x05")


class Block(NamedTuple):
    """Rows, the characters of their table lines and of their JSON without what separates rows, and each column's
    types."""

    marked: bytes
    chars: int
    size: int
    kinds: list[set[type]]

    @property
    def lines(self) -> bytes:
        """The table lines."""
        return self.marked.translate(*_LINES)

    @property
    def escaped_lines(self) -> bytes:
        """The table lines as they are inside a JSON string."""
        return self.marked.translate(*_ESCAPED_LINES)

    @property
    def json(self) -> bytes:
        """The rows as JSON, with commas between them."""
        return self.marked.translate(*_JSON)


def plain_block(rows: Sequence[Sequence[Any]], cell_chars: int) -> Block | None:
    """The rows as one block, or None when any value needs more care than to be written down."""
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
    kinds = [set(map(type, values)) for values in columns]
    quoted: list[bool] = []
    nulls = quotes = 0
    for at, (values, found) in enumerate(zip(columns, kinds, strict=True)):
        missing = values.count(None) if NoneType in found else 0
        is_text = str in found
        if not found <= (_TEXTS if is_text else _NUMBERS):
            return None
        present = [value for value in values if value is not None] if missing else values
        # Before anything is copied: a text may be large.
        if present and not (max(map(len, present)) <= cell_chars if is_text else _are_safe(present, found)):
            return None
        if missing:
            columns[at] = _with_nulls(values, is_text)
        quoted.append(is_text and not missing)
        quotes += 2 * (len(rows) - missing) if is_text else 0
        nulls += missing
    flat = chain.from_iterable(zip(*columns, strict=True) if nulls else rows)
    text = _template(tuple(quoted), len(rows)) % tuple(flat)
    marks = len(rows) * (len(columns) + 3) - 2 + quotes + len(_NULL) * nulls
    return _checked(text, marks, quotes, kinds, len(rows))


def _checked(text: str, marks: int, quotes: int, kinds: list[set[type]], rows: int) -> Block | None:
    """The block, unless a text in it could be taken for what we put between them."""
    escapes = text.count('"') if quotes else 0
    if quotes:
        if "NULL" in text:
            return None
        if escapes:
            text = text.replace('"', f'{_ESCAPE}"')
    marked = text.encode()
    if len(marked.translate(None, _HARMLESS)) != marks + escapes:
        return None
    if len(marked) != len(text) and not marked.translate(None, _MARKS).decode().isprintable():
        return None
    size = len(text) - len(_ROW) * (rows - 1)
    return Block(marked, size - quotes - escapes, size, kinds)


@functools.lru_cache(maxsize=16)
def _template(quoted: tuple[bool, ...], rows: int) -> str:
    cells = _CELL.join(f"{_QUOTE}%s{_QUOTE}" if text else "%s" for text in quoted)
    return _ROW.join([f"{_FROM}{cells}{_TO}"] * rows)


def _are_safe(numbers: Sequence[Any], found: set[type]) -> bool:
    """Whether these numbers are exact in JSON as others read it."""
    if float in found and not all(map(isfinite, numbers)):
        return False
    return min(numbers) >= -SAFE_INTEGER and max(numbers) <= SAFE_INTEGER


def _with_nulls(values: Sequence[Any], is_text: bool) -> list[Any]:
    if is_text:
        return [_NULL if value is None else f"{_QUOTE}{value}{_QUOTE}" for value in values]
    return [_NULL if value is None else value for value in values]
