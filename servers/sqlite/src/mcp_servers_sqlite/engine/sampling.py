"""Rows to judge a table by: all of a small one, evenly drawn row ids of a large one, else the first rows."""

import json
import random
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from mcp_servers_shared.guard.sql.identifiers import quote
from mcp_servers_sqlite.engine.rows import rowid_ends, rowid_name
from mcp_servers_sqlite.engine.schema import Table
from mcp_servers_sqlite.engine.timebox import Timebox

MOST_ROWS = 10_000
MOST_VALUES = 100_000
VALUE_CHARS = 200
_ROWS_A_SECOND = 10_000
# Time for judging the sample and for the statements over the whole table.
_KEPT_SHARE = 0.6
_ROUNDS = 8
_SEED = 42


class Value(NamedTuple):
    """A value, cut at 200 characters or bytes, and how many it really has; None for numbers and NULL."""

    value: Any
    length: int | None = None

    @property
    def cut(self) -> bool:
        """Whether the value is only its beginning."""
        return self.length is not None and self.length > VALUE_CHARS


class Sample(NamedTuple):
    """Values by column. `how` is all, random or first."""

    how: str
    columns: list[list[Value]]

    @property
    def size(self) -> int:
        """Rows in it."""
        return len(self.columns[0]) if self.columns else 0


class Source(NamedTuple):
    """Where a sample is drawn from: the table, and the name and span of its row ids where it has some."""

    table: Table
    rowid: str
    ends: tuple[int, int] | None


def source_of(conn: sqlite3.Connection, table: Table) -> Source:
    """What drawing needs to know of a table before the clock runs."""
    return Source(table, rowid_name(conn, table) or "", rowid_ends(conn, table))


def draw(timebox: Timebox, source: Source, columns: Sequence[str], rows: int | None) -> Sample:
    """A sample of at most 10,000 rows and 100,000 values, and of fewer rows where less than a second is left.

    Args:
        rows: how many the table has, or about; None for a view.
    """
    most = max(1, min(MOST_ROWS, MOST_VALUES // len(columns), int(timebox.left * _ROWS_A_SECOND)))
    keep = timebox.left * _KEPT_SHARE
    selected = ", ".join(_value(column) for column in columns)
    table = quote(source.table.name)
    if source.ends is None or (rows is not None and rows <= most):
        found = timebox.rows(f"SELECT NULL, {selected} FROM {table} s LIMIT {most + 1}", keep=keep)
        sample = _gathered("all", found, len(columns))
        if sample.size <= most and timebox.left > keep:
            return sample
        if source.ends is None or timebox.left <= keep:
            return Sample("first", [values[:most] for values in sample.columns])
    found = timebox.rows(
        f"SELECT s.{source.rowid}, {selected} FROM json_each(?) p CROSS JOIN {table} s "
        f"ON s.{source.rowid} = (SELECT min({source.rowid}) FROM {table} WHERE {source.rowid} >= p.value)",
        (json.dumps(_positions(*source.ends, most)),),
        keep=keep,
    )
    return _gathered("random", _new(found), len(columns))


def _value(column: str) -> str:
    name = f"s.{quote(column)}"
    cut = f"substr({name},1,{VALUE_CHARS})"
    short = f"CASE WHEN typeof({name}) IN ('text','blob') THEN {cut} ELSE {name} END"
    return f"{short}, CASE WHEN typeof({name}) IN ('text','blob') THEN length({name}) END"


def _positions(least: int, most: int, count: int) -> list[int]:
    """Row ids drawn from the span, the same ones on every call; a gap is taken for the row after it.

    In several rounds from low to high: that reads pages in order, and a sample cut short still covers all.
    """
    if most - least < count:
        return list(range(least, most + 1))
    draw_one = random.Random(_SEED).randint
    drawn = sorted({draw_one(least, most) for _ in range(count)})
    return [position for start in range(_ROUNDS) for position in drawn[start::_ROUNDS]]


def _new(rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """The rows whose id has not been seen."""
    seen: set[int] = set()
    for row in rows:
        if row[0] not in seen:
            seen.add(row[0])
            yield row


def _gathered(how: str, rows: Iterable[tuple[Any, ...]], columns: int) -> Sample:
    gathered = list(zip(*rows, strict=True)) or [()] * (2 * columns + 1)
    pairs = zip(gathered[1::2], gathered[2::2], strict=True)
    return Sample(how, [list(map(Value, values, lengths)) for values, lengths in pairs])
