"""What plain `sqlite3` answers, and whether a server's answer says the same."""

import math
import sqlite3
from pathlib import Path
from typing import Any

_EXACT = 2**53
_SHORTEST_CUT = 200


def plain_rows(database: Path, sql: str, params: Any = None, most: int = 50) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Column names and the first `most` rows, read with the standard library alone."""
    connection = sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, isolation_level=None)
    connection.text_factory = _lenient
    try:
        cursor = connection.execute(sql, params or ())
        return [str(column[0]) for column in cursor.description], cursor.fetchmany(most)
    finally:
        connection.close()


def _lenient(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def differences(answered: dict[str, Any], names: list[str], rows: list[tuple[Any, ...]]) -> list[str]:
    """Where structured content says something else than `rows`; empty when it says the same."""
    found: list[str] = []
    if len(answered["columns"]) != len(names):
        return [f"{len(answered['columns'])} columns instead of {len(names)}"]
    if len(answered["rows"]) != len(rows):
        return [f"{len(answered['rows'])} rows instead of {len(rows)}"]
    for number, (ours, theirs) in enumerate(zip(answered["rows"], rows, strict=True)):
        for name, cell, value in zip(names, ours, theirs, strict=True):
            if not same(cell, value):
                found.append(f"row {number}, {name[:40]}: {str(cell)[:80]!r} instead of {value!r:.80}")
    return found


def same(cell: Any, value: Any) -> bool:
    """Whether a cell of an answer stands for this value of SQLite."""
    if isinstance(value, bytes):
        return isinstance(cell, str) and cell.startswith("<blob") and f"{len(value)} B" in cell.replace(",", "")
    if isinstance(value, float):
        if math.isfinite(value):
            return isinstance(cell, int | float) and float(cell) == value
        return isinstance(cell, str) and float(cell.replace("Inf", "inf")) == value
    if isinstance(value, int):
        return cell == (str(value) if abs(value) > _EXACT else value) and not isinstance(cell, bool)
    if isinstance(value, str):
        return isinstance(cell, str) and (cell == value or _cut(cell, value) or _shown(cell) == _shown(value))
    return cell is None and value is None


def _cut(cell: str, value: str) -> bool:
    return len(value) > _SHORTEST_CUT and str(len(value)) in cell.replace(",", "") and cell[:100] == value[:100]


def _shown(text: str) -> str:
    """Text with what draws nothing written out, as an answer shows it."""
    return "".join(one if one.isprintable() or one in "\t\n\r" else f"\\{ord(one):x}" for one in text)
