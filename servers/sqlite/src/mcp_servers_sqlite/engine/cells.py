"""Values as a model reads them: exact, short, and unable to break the table they stand in."""

import re
from collections.abc import Sequence
from math import isfinite
from typing import Any

NAME_CHARS = 200
SAFE_INTEGER = 2**53

# Control characters, bidi and invisible ones, tag characters: what could hide or reorder text.
_HIDDEN = (
    "\\x00-\\x1f\\x7f-\\x9f\\u061c\\u200b\\u200e\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb"
    "\\U000e0000-\\U000e007f"
)
_hidden = re.compile(f"[{_HIDDEN}]")
_unsafe = re.compile(f"[|\\\\{_HIDDEN}]")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "|": "\\|", "\\": "\\\\"}
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
    (b"SQLite format 3\0", "application/vnd.sqlite3"),
)
TYPE_NAMES: dict[type, str] = {int: "integer", float: "real", str: "text", bytes: "blob"}

Row = tuple[str, Sequence[Any], int]


def escape(text: str) -> str:
    """Text that stays inside one Markdown table cell and hides nothing."""
    return _unsafe.sub(_escaped, text)


def reveal(json_text: str) -> str:
    """JSON whose strings show hidden characters as JSON escapes; equal when parsed."""
    return _hidden.sub(_json_escaped, json_text)


def column_name(name: str) -> str:
    """A column name of at most 200 characters."""
    return name if len(name) <= NAME_CHARS else f"{name[:NAME_CHARS]}... [{len(name)} chars]"


def blob(value: bytes) -> str:
    """What a BLOB is, not what it holds: `<blob 256 B, image/png, 89504e47..>`."""
    kind = next((name for magic, name in _MAGIC if value.startswith(magic)), "")
    start = value[:4].hex() + (".." if len(value) > 4 else "")
    return f"<blob {', '.join(part for part in (f'{len(value)} B', kind, start) if part)}>"


class Cells:
    """Turns the rows of one result into table lines and JSON values, and remembers what it had to cut."""

    def __init__(self, columns: int, cell_chars: int) -> None:
        self.columns = columns
        self.cell_chars = cell_chars
        self.cut: set[int] = set()

    def row(self, row: Sequence[Any]) -> Row:
        """A table line, the JSON values, and how many characters these values take as JSON.

        Plain rows take the fast way: one pass, then three checks of the whole line in C.
        """
        texts: list[str] = []
        strings = nulls = 0
        for value in row:
            kind = type(value)  # pyright: ignore[reportUnknownVariableType]
            if kind is str:
                texts.append(value)
                strings += 1
            elif value is None:
                texts.append("NULL")
                nulls += 1
            elif kind is bytes or not -SAFE_INTEGER <= value <= SAFE_INTEGER:
                return self._careful(row)
            else:
                texts.append(str(value))
        body = "|".join(texts)
        if (
            len(body) <= self.cell_chars
            and body.isprintable()
            and "\\" not in body
            and body.count("|") == self.columns - 1
            and body.count("NULL") == nulls
        ):
            return f"|{body}|", row, len(body) + 2 + 2 * strings + body.count('"')
        return self._careful(row)

    def _careful(self, row: Sequence[Any]) -> Row:
        texts: list[str] = []
        values: list[Any] = []
        size = len(row) + 1
        for index, value in enumerate(row):
            text, plain = self._cell(index, value)
            texts.append(text)
            values.append(plain)
            size += _json_size(plain)
        return f"|{'|'.join(texts)}|", values, size

    def _cell(self, index: int, value: Any) -> tuple[str, Any]:
        if value is None:
            return "NULL", None
        if isinstance(value, str):
            if len(value) > self.cell_chars:
                self.cut.add(index)
                value = f"{value[: self.cell_chars]}... [{len(value)} chars]"
            return ('"NULL"' if value == "NULL" else escape(value)), value
        if isinstance(value, bytes):
            text = blob(value)
            return text, text
        if isinstance(value, int):
            text = str(value)
            return text, value if -SAFE_INTEGER <= value <= SAFE_INTEGER else text
        if not isfinite(value):
            text = "Inf" if value > 0 else "-Inf"
            return text, text
        return repr(value), value


def _json_size(value: Any) -> int:
    """Characters of a value as JSON without spaces and without escaping beyond ASCII."""
    if value is None:
        return 4
    if not isinstance(value, str):
        return len(repr(value))
    if value.isprintable():
        return len(value) + 2 + value.count('"') + value.count("\\")
    short = sum(value.count(mark) for mark in '"\\\n\r\t\b\f')
    long = sum(1 for char in value if char < " " and char not in "\n\r\t\b\f")
    return len(value) + 2 + short + 5 * long


def _escaped(match: re.Match[str]) -> str:
    char = match.group()
    code = ord(char)
    return _SHORT.get(char) or (f"\\x{code:02x}" if code < 256 else f"\\u{{{code:x}}}")


def _json_escaped(match: re.Match[str]) -> str:
    return match.group().encode("utf-16-be", "surrogatepass").hex("-", 2).replace("-", "\\u").join(("\\u", ""))
