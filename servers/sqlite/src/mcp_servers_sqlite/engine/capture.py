"""Sees every row that a statement changes, whichever way: directly, by triggers, by foreign keys, by REPLACE.

A TEMP trigger stands on each table that the statement can reach. Its WHEN clause calls a counter, which makes every
count exact for the price of one C call a row, and only the first rows pay for being written down.
"""

import itertools
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from mcp_servers_shared.guard.sql.identifiers import quote
from mcp_servers_shared.guard.sql.write_policy import WritePolicy
from mcp_servers_sqlite.engine.naming import fold
from mcp_servers_sqlite.engine.schema import Column, Table, read_columns

INSERT = "insert"
UPDATE = "update"
DELETE = "delete"
_SIDES = {INSERT: ("NEW",), UPDATE: ("OLD", "NEW"), DELETE: ("OLD",)}
ROWID = "rowid"


class RawText(bytes):
    """Text as SQLite holds it, which may not be valid UTF-8; plain bytes are BLOBs."""


Row = Mapping[str, Any]


class Change(NamedTuple):
    """One row that changed. `before` is None for an insert, `after` for a delete; `keys` name the row.

    Values are None, int, float, RawText or bytes.
    """

    table: str
    change: str
    before: Row | None
    after: Row | None
    keys: tuple[str, ...]


class _Source(NamedTuple):
    table: str
    change: str
    columns: tuple[str, ...]
    keys: tuple[str, ...]
    counter: "itertools.count[int]"


class Capture:
    """Watches `tables` on a connection that is inside a transaction; gone with its rollback or its end.

    Args:
        limit: how many rows are kept of each kind of change in each table.
    """

    def __init__(self, connection: sqlite3.Connection, policy: WritePolicy, limit: int) -> None:
        self._connection = connection
        self._limit = limit
        # Unknown to the caller's statement, so that it can neither read the log nor call the counters.
        self._name = f"mcp_{secrets.token_hex(8)}"
        self._sources: list[_Source] = []
        policy.private = self._name

    def watch(self, tables: Iterable[Table]) -> None:
        """Installs the triggers. The caller allows it: `with policy.own_work()`."""
        self._connection.execute(f"CREATE TEMP TABLE {self._name}(seq INTEGER PRIMARY KEY, source, value)")
        for table in tables:
            columns = read_columns(self._connection, table.name)
            keys, key_names = _keys(table, columns)
            names = (*keys, *(column.name for column in columns if column.name not in keys))
            for change in _SIDES:
                self._install(_Source(table.name, change, names, key_names, itertools.count()))

    def counts(self) -> dict[tuple[str, str], int]:
        """Rows changed, by table and change, without those that are zero. Only once: asking counts."""
        counted = {(source.table, source.change): next(source.counter) for source in self._sources}
        return {key: count for key, count in counted.items() if count}

    def changes(self) -> list[Change]:
        """The rows kept, in the order in which they changed."""
        before, self._connection.text_factory = self._connection.text_factory, RawText
        try:
            rows = self._connection.execute(f"SELECT source, value FROM {self._name} ORDER BY seq")
            return list(self._grouped(rows))
        finally:
            self._connection.text_factory = before

    def logged(self) -> int:
        """How many rows of its own the capture has written."""
        return int(self._connection.execute(f"SELECT count(*) FROM {self._name}").fetchone()[0])

    def _install(self, source: _Source) -> None:
        number = len(self._sources)
        name = f"{self._name}_{number}"
        self._sources.append(source)
        self._connection.create_function(name, 0, source.counter.__next__)
        values = ",".join(
            f"({number},{side}.{quote(column)})" for side in _SIDES[source.change] for column in source.columns
        )
        self._connection.execute(
            f"CREATE TEMP TRIGGER {name} AFTER {source.change} ON main.{quote(source.table)} "
            f"WHEN {name}() < {self._limit} BEGIN INSERT INTO {self._name}(source, value) VALUES {values}; END"
        )

    def _grouped(self, rows: Iterator[tuple[int, Any]]) -> Iterator[Change]:
        for number, value in rows:
            source = self._sources[number]
            width = len(source.columns)
            values = [value, *(cell for _, cell in itertools.islice(rows, width * len(_SIDES[source.change]) - 1))]
            first = dict(zip(source.columns, values[:width], strict=True))
            if source.change == UPDATE:
                second = dict(zip(source.columns, values[width:], strict=True))
                yield Change(source.table, UPDATE, first, second, source.keys)
            elif source.change == INSERT:
                yield Change(source.table, INSERT, None, first, source.keys)
            else:
                yield Change(source.table, DELETE, first, None, source.keys)


def first_rows(connection: sqlite3.Connection, table: Table, change: str, limit: int) -> list[Change]:
    """The first rows of a whole table that comes (`insert`) or goes (`delete`) at once, where no trigger fires."""
    columns = read_columns(connection, table.name)
    keys, key_names = _keys(table, columns)
    names = [*keys, *(column.name for column in columns if column.name not in keys)]
    before, connection.text_factory = connection.text_factory, RawText
    try:
        sql = f"SELECT {', '.join(map(quote, names))} FROM main.{quote(table.name)} LIMIT {int(limit)}"
        rows = [dict(zip(names, row, strict=True)) for row in connection.execute(sql)]
    finally:
        connection.text_factory = before
    if change == INSERT:
        return [Change(table.name, change, None, row, key_names) for row in rows]
    return [Change(table.name, change, row, None, key_names) for row in rows]


def _keys(table: Table, columns: list[Column]) -> tuple[list[str], tuple[str, ...]]:
    """Columns to read beside the table's own, and the names that tell its rows apart."""
    primary = tuple(column.name for column in sorted(columns, key=lambda one: one.key) if column.key)
    if primary:
        return [], primary
    taken = {fold(column.name) for column in columns}
    if table.without_rowid or ROWID in taken:
        return [], ()
    return [ROWID], (ROWID,)
