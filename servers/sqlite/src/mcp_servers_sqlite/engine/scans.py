"""Facts about columns from statements over the whole table, where the time left is enough for them."""

import time
from collections.abc import Container, Sequence
from typing import Any, NamedTuple

from mcp_servers_shared.guard.sql.identifiers import quote
from mcp_servers_sqlite.engine.schema import Column, Index, Table
from mcp_servers_sqlite.engine.timebox import Timebox

# What one row costs at least; the machine may be slower, and then the time budget stops the statement.
_ROW_SECONDS = 0.1e-6
_INDEXED_ROW_SECONDS = 0.2e-6
_DISTINCT_ROW_SECONDS = 1e-6
_MARGIN = 1.3
_OVERHEAD_BYTES = 32
_DISTINCT_BYTES = 32 * 1024 * 1024


class Range(NamedTuple):
    """Exact facts about a column: values that are not NULL, the least, the greatest, the mean of numbers.

    `mean` is None when it was not computed, also where some values are no numbers.
    """

    present: int
    least: Any
    most: Any
    mean: float | None


def scan_ranges(
    timebox: Timebox, table: Table, columns: Sequence[Column], indexed: Container[str], rows: int
) -> dict[str, Range]:
    """The ranges of as many columns as there is time for: first those an index knows, then one pass for each.

    A pass for each column costs hardly more than one for all, and what it found stays found.
    """
    ranges: dict[str, Range] = {}
    scanned: list[Column] = []
    for column in columns:
        found = _from_index(timebox, table, column, rows) if column.name in indexed else None
        if found:
            ranges[column.name] = found
        else:
            scanned.append(column)
    expected = rows * _ROW_SECONDS
    for column in scanned:
        if expected > timebox.left:
            break
        started = time.monotonic()
        name = quote(column.name)
        found = timebox.row(f"SELECT count({name}), min({name}), max({name}), avg({name}) FROM {quote(table.name)}")
        if found is None:
            break
        # Text and BLOBs are greater than any number: when the greatest value is a number, all are.
        present, least, most, mean = found
        ranges[column.name] = Range(int(present), least, most, mean if isinstance(most, (int, float)) else None)
        expected = _MARGIN * (time.monotonic() - started)
    return ranges


def has_index(column: Column, columns: Sequence[Column], indexes: Sequence[Index]) -> bool:
    """Whether the column alone orders a tree: an index begins with it, or it is the row id."""
    if any(index.columns[0] == column.name and not index.partial for index in indexes):
        return True
    return column.key == 1 and column.type.upper() == "INTEGER" and sum(bool(other.key) for other in columns) == 1


def _from_index(timebox: Timebox, table: Table, column: Column, rows: int) -> Range | None:
    name, source = quote(column.name), quote(table.name)
    ends = timebox.row(f"SELECT (SELECT min({name}) FROM {source}), (SELECT max({name}) FROM {source})")
    counted: tuple[Any, ...] | None = (rows,)
    if not column.not_null and not (column.key and not table.without_rowid and column.type.upper() == "INTEGER"):
        counted = timebox.row(f"SELECT count({name}) FROM {source}")
    return Range(int(counted[0]), ends[0], ends[1], None) if ends and counted else None


def scan_distinct(timebox: Timebox, table: Table, column: Column, indexed: bool, rows: int, size: float) -> int | None:
    """The exact number of distinct values, or None where counting them takes too long or too much memory.

    Args:
        size: bytes a value takes on average.
    """
    if not indexed and rows * (size + _OVERHEAD_BYTES) > _DISTINCT_BYTES:
        return None
    if rows * (_INDEXED_ROW_SECONDS if indexed else _DISTINCT_ROW_SECONDS) > timebox.left:
        return None
    try:
        found = timebox.row(f"SELECT count(DISTINCT {quote(column.name)}) FROM {quote(table.name)}")
    except MemoryError:
        return None
    return None if found is None else int(found[0])


def unique(column: Column, columns: Sequence[Column], indexes: Sequence[Index]) -> bool:
    """Whether the schema says that no value of the column occurs twice."""
    if column.key and sum(bool(other.key) for other in columns) == 1:
        return True
    return any(index.unique and not index.partial and index.columns == [column.name] for index in indexes)
