"""Pages that start after a row instead of counting rows: as fast at the end of a table as at its beginning.

Possible where the order provably ends in a key that no two rows share. Everything is checked against the real schema;
in doubt there is no order here, and the page counts rows.
"""

import sqlite3
from collections.abc import Sequence
from math import isfinite
from typing import Any, NamedTuple

from mcp_servers_shared.guard.sql.gate import Statement
from mcp_servers_shared.guard.sql.identifiers import fold, quote
from mcp_servers_shared.guard.sql.lexer import significant
from mcp_servers_sqlite.engine.paging import Page, Params
from mcp_servers_sqlite.engine.selecting import Shape, Term, plain_select

_PARAMETER = "mcp_key_"


class Order(NamedTuple):
    """The columns a result is sorted by, the last one unique, and where their values stand in a row."""

    shape: Shape
    columns: list[str]
    positions: list[int]
    descending: bool

    def values(self, row: Sequence[Any], *, exact: bool) -> list[Any] | None:
        """The key of a row, or None where JSON or a lossy decoding could not carry it back exactly."""
        key = [row[position] for position in self.positions]
        return key if all(_carries(value, exact) for value in key) else None

    def page_after(self, key: Sequence[Any], params: Params, limit: int) -> Page:
        """The page that begins after the row with this key."""
        names = [f"{quote(self.shape.source)}.{quote(column)}" for column in self.columns]
        bound, places = _bind(key, params)
        sign, direction = ("<", "DESC") if self.descending else (">", "ASC")
        left, right = ", ".join(names), ", ".join(places)
        condition = f"({left}) {sign} ({right})" if len(names) > 1 else f"{left} {sign} {right}"
        if self.shape.where:
            condition = f"({self.shape.where}\n) AND {condition}"
        order = ", ".join(f"{name} {direction}" for name in names)
        return Page(f"{self.shape.head}\nWHERE {condition}\nORDER BY {order}\nLIMIT {limit + 1}", bound)


class _Column(NamedTuple):
    name: str
    kind: str
    not_null: bool
    key: int


class _Table(NamedTuple):
    """Columns by folded name, the one that is the row id or nothing, and those that are unique by themselves."""

    columns: dict[str, _Column]
    rowid: str
    unique: frozenset[str]


_tables: dict[tuple[tuple[str, str, str | None], ...], _Table] = {}


def order_of(connection: sqlite3.Connection, statement: Statement, params: Params, width: int) -> Order | None:
    """The order of the statement's result, when it ends in a unique key; `width` is its number of columns."""
    shape = plain_select(statement)
    if shape is None or len({term.descending for term in shape.terms}) > 1:
        return None
    table = _table(connection, shape.table)
    columns = table.columns
    outputs = _outputs(shape, columns, width)
    if outputs is None:
        return None
    names = [_sorts(term, shape, columns, outputs) for term in shape.terms] or [table.rowid]
    if not all(name and name in outputs and (columns[name].not_null or name == table.rowid) for name in names):
        return None
    if names[-1] != table.rowid and names[-1] not in table.unique:
        return None
    if not shape.terms and not _in_rowid_order(connection, statement, params):
        return None
    descending = bool(shape.terms) and shape.terms[0].descending
    return Order(shape, [columns[name].name for name in names], [outputs.index(name) for name in names], descending)


def _table(connection: sqlite3.Connection, name: str) -> _Table:
    """The table, remembered by the statements that made it and its indexes; empty for what is no ordinary table."""
    made = connection.execute(
        "SELECT type, name, sql FROM sqlite_schema WHERE tbl_name=? COLLATE NOCASE AND type IN ('table', 'index') "
        "AND rootpage > 0 ORDER BY rowid",
        (name,),
    ).fetchall()
    tables = [(str(table), str(sql)) for kind, table, sql in made if kind == "table"]
    if len(tables) != 1 or tables[0][0].lower().startswith("sqlite_"):
        return _Table({}, "", frozenset())
    known = _tables.get(tuple(made))
    if known is None:
        if len(_tables) >= 256:
            _tables.clear()
        known = _tables[tuple(made)] = _read_table(connection, *tables[0])
    return known


def _read_table(connection: sqlite3.Connection, table: str, sql: str) -> _Table:
    without_rowid = bool(
        connection.execute("SELECT max(wr) FROM pragma_table_list(?) WHERE schema='main'", (table,)).fetchone()[0]
    )
    rows = connection.execute(
        "SELECT name, type, \"notnull\", pk FROM pragma_table_xinfo(?, 'main') WHERE hidden <> 1", (table,)
    ).fetchall()
    columns = {
        fold(name): _Column(name, kind, bool(not_null) or (without_rowid and key > 0), key)
        for name, kind, not_null, key in rows
    }
    indexes = connection.execute(
        "SELECT l.origin, max(x.name), count(*), max(x.coll) FROM pragma_index_list(?1, 'main') l "
        "JOIN pragma_index_xinfo(l.name, 'main') x "
        'WHERE l."unique" AND NOT l.partial AND x.key GROUP BY l.name',
        (table,),
    ).fetchall()
    keys = [column for column in columns.values() if column.key]
    # An INTEGER PRIMARY KEY is the row id itself; where it has an index (DESC, WITHOUT ROWID) it is not.
    alone = len(keys) == 1 and keys[0].kind.upper() == "INTEGER" and all(origin != "pk" for origin, *_ in indexes)
    return _Table(columns, fold(keys[0].name) if alone else "", _unique(indexes, sql))


def _unique(indexes: list[tuple[str, str | None, int, str]], sql: str) -> frozenset[str]:
    """Columns with a unique index of their own in the order in which the column itself sorts."""
    if any(token.word == "COLLATE" for token in significant(sql)):
        return frozenset()
    return frozenset(fold(name) for _, name, count, order in indexes if name and count == 1 and order == "BINARY")


def _outputs(shape: Shape, columns: dict[str, _Column], width: int) -> list[str] | None:
    """The folded column behind each result column, empty for expressions."""
    found: list[str] = []
    for output in shape.outputs:
        found += list(columns) if output.star else [fold(output.column) if fold(output.column) in columns else ""]
    return found if columns and len(found) == width else None


def _sorts(term: Term, shape: Shape, columns: dict[str, _Column], outputs: list[str]) -> str:
    if term.position:
        return outputs[term.position - 1] if term.position <= len(outputs) else ""
    name = fold(term.name)
    if not term.qualified:
        aliased = [output for output in shape.outputs if output.alias and fold(output.alias) == name]
        if aliased:
            return fold(aliased[0].column) if fold(aliased[0].column) in columns else ""
    return name if name in columns else ""


def _in_rowid_order(connection: sqlite3.Connection, statement: Statement, params: Params) -> bool:
    """Whether SQLite walks the table itself, front to back: then rows come sorted by row id without being asked."""
    plan = connection.execute(f"EXPLAIN QUERY PLAN {statement.text}", params).fetchall()
    walks = [
        str(detail) for _, parent, _, detail in plan if not parent and str(detail).startswith(("SCAN ", "SEARCH "))
    ]
    if len(walks) != 1:
        return False
    before, by_key, bounds = walks[0].partition(" USING INTEGER PRIMARY KEY ")
    return " USING " not in before and (not by_key or "=" not in bounds)


def _bind(key: Sequence[Any], params: Params) -> tuple[Params, list[str]]:
    """The caller's parameters with the key's behind them, and how SQL names these."""
    if isinstance(params, dict):
        named = {f"{_PARAMETER}{index}": value for index, value in enumerate(key)}
        return {**params, **named}, [f":{name}" for name in named]
    return [*params, *key], ["?"] * len(key)


def _carries(value: Any, exact: bool) -> bool:
    if isinstance(value, str):
        return exact or "\ufffd" not in value
    return isinstance(value, int) or (isinstance(value, float) and isfinite(value))
