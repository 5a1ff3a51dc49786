"""How many rows a table has, without counting a large one."""

import sqlite3
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mcp_servers_shared.guard.sql.identifiers import quote
from mcp_servers_sqlite.engine.naming import fold
from mcp_servers_sqlite.engine.schema import Table, problem, read_columns

COUNTED = 1_000
# A table row takes two bytes of cell pointer and three of cell at least.
_LEAST_ROW_BYTES = 5
_COUNTING_SECONDS = 0.3
_COUNTED_TOGETHER = 25
_ROWID_NAMES = ("rowid", "_rowid_", "oid")


class RowCount(NamedTuple):
    """`number` rows; an estimate, or only a lower bound, where it says so; None where it cannot be cheap."""

    number: int | None
    estimated: bool = False
    at_least: bool = False

    def plain(self) -> int | str | None:
        """The number, or text such as "~120000" or ">1000"."""
        mark = "~" if self.estimated else ">" if self.at_least else ""
        return f"{mark}{self.number}" if mark else self.number


UNKNOWN = RowCount(None)


class Rows:
    """Row counts of one database: exact to 1,000, above that from the span of the row ids or from ANALYZE."""

    def __init__(self, conn: sqlite3.Connection, tables: Mapping[str, Table]) -> None:
        self._conn = conn
        self._analyzed = _analyzed(conn) if "sqlite_stat1" in tables else {}
        self._most = _scalar(conn, "PRAGMA page_count") * _scalar(conn, "PRAGMA page_size") // _LEAST_ROW_BYTES

    def of_all(self, tables: Sequence[Table]) -> dict[str, RowCount]:
        """The rows of many tables, by name, stopping after a third of a second."""
        ends = time.monotonic() + _COUNTING_SECONDS
        found: dict[str, RowCount] = {}
        for at in range(0, len(tables), _COUNTED_TOGETHER):
            if time.monotonic() > ends:
                break
            some = [table for table in tables[at : at + _COUNTED_TOGETHER] if table.kind not in ("view", "virtual")]
            # One statement for many tables: most of a count of few rows is preparing it.
            try:
                counts = self._conn.execute("SELECT 0" + "".join(f",({_bounded(table)})" for table in some)).fetchone()[
                    1:
                ]
                found |= {table.name: self._told(table, counted) for table, counted in zip(some, counts, strict=True)}
            except sqlite3.DatabaseError as error:
                problem(error)
                found |= {table.name: self.of(table) for table in some}
        return found

    def of(self, table: Table) -> RowCount:
        """The rows of a table; unknown for views, virtual tables and damaged ones."""
        if table.kind in ("view", "virtual"):
            return UNKNOWN
        try:
            return self._told(table, _scalar(self._conn, _bounded(table)))
        except sqlite3.DatabaseError as error:
            problem(error)
            return UNKNOWN

    def _told(self, table: Table, counted: int) -> RowCount:
        return RowCount(counted) if counted <= COUNTED else self._estimate(table)

    def _estimate(self, table: Table) -> RowCount:
        analyzed = self._analyzed.get(fold(table.name), 0)
        ends = rowid_ends(self._conn, table)
        span = ends[1] - ends[0] + 1 if ends else 0
        # Ids with large gaps (timestamps, hashes) say nothing; what ANALYZE counted then says more, if it ran.
        if span > COUNTED and span <= self._most and (not analyzed or span <= 4 * analyzed):
            return RowCount(span, estimated=True)
        if analyzed > COUNTED:
            return RowCount(analyzed, estimated=True)
        return RowCount(COUNTED, at_least=True)


def rowid_name(conn: sqlite3.Connection, table: Table) -> str | None:
    """What the row id of a table is called: a column may have taken any of its three names."""
    if table.kind in ("view", "virtual") or table.without_rowid:
        return None
    taken = {fold(column.name) for column in read_columns(conn, table.name)}
    return next((name for name in _ROWID_NAMES if name not in taken), None)


def rowid_ends(conn: sqlite3.Connection, table: Table) -> tuple[int, int] | None:
    """The least and the greatest row id, from the ends of the tree; None without row ids or rows."""
    name = rowid_name(conn, table)
    if name is None:
        return None
    source = quote(table.name)
    least, most = conn.execute(
        f"SELECT (SELECT min({name}) FROM {source}), (SELECT max({name}) FROM {source})"
    ).fetchone()
    return None if least is None else (int(least), int(most))


def _bounded(table: Table) -> str:
    return f"SELECT count(*) FROM (SELECT 1 FROM {quote(table.name)} LIMIT {COUNTED + 1})"


def _analyzed(conn: sqlite3.Connection) -> dict[str, int]:
    """Rows as ANALYZE counted them, by folded table name."""
    try:
        rows = conn.execute("SELECT tbl, max(CAST(stat AS INTEGER)) FROM sqlite_stat1 GROUP BY tbl").fetchall()
    except sqlite3.DatabaseError as error:
        problem(error)
        return {}
    return {fold(str(table)): int(count or 0) for table, count in rows}


def _scalar(conn: sqlite3.Connection, sql: str) -> int:
    return int(conn.execute(sql).fetchone()[0])
