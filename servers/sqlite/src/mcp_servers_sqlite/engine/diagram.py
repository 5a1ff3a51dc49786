"""Operation `diagram`: the tables and their foreign keys as a Mermaid entity-relationship diagram."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from mcp_servers_sqlite.engine.arguments import whole
from mcp_servers_sqlite.engine.entries import compact
from mcp_servers_sqlite.engine.mermaid import Ids, attribute, comment, label
from mcp_servers_sqlite.engine.naming import shortened
from mcp_servers_sqlite.engine.ranking import ranked
from mcp_servers_sqlite.engine.schema import (
    Column,
    ForeignKey,
    Table,
    in_snapshot,
    read_foreign_keys,
    read_tables,
    try_columns,
)
from mcp_servers_sqlite.engine.sheets import DEFAULT_CHARS

# Columns a table may show, from all of a common table down to its keys and then to its name.
_STEPS = (40, 10, 0, -1)
# The shortest line and JSON array of a column: what is longer than the budget by that count need not be drawn.
_LEAST_COLUMN_CHARS = 23


class _Drawing(NamedTuple):
    """All there is to draw, the most connected tables first."""

    tables: list[Table]
    columns: dict[str, list[Column]]
    keys: list[ForeignKey]


@in_snapshot
def diagram(conn: sqlite3.Connection, args: Mapping[str, Any]) -> dict[str, Any]:
    """A Mermaid `erDiagram` of tables with their columns, keys and foreign keys.

    Names that Mermaid cannot take get an id, the name as a label, and the exact name in a comment. Where not everything
    fits, tables show fewer columns, then only their keys, and then the least connected tables are left out.

    Args:
        args: `max_chars` for text and data together.
    """
    budget = whole(args, "max_chars", DEFAULT_CHARS, least=1_000, most=2**31)
    tables = read_tables(conn)
    keys = read_foreign_keys(conn, tables)
    shown = [table for table in tables.values() if table.listed and table.kind != "view"]
    order = ranked(shown, keys, {})
    drawing = _Drawing(order, {table.name: _visible_columns(conn, table) for table in order}, keys)
    text, data, count, most = _fitted(drawing, budget)
    notes: list[str] = []
    if count < len(order):
        notes.append(f"{len(order) - count} of {len(order)} tables are left out, the least connected: see list_tables.")
    if most < _STEPS[0]:
        what = {10: "at most 10 columns and the keys", 0: "only key columns", -1: "no columns"}[most]
        notes.append(f"To save room tables show {what}: see describe_table.")
    missing = sum(not key.found for key in keys)
    if missing:
        notes.append(f"{missing} foreign keys to tables that do not exist are left out.")
    return {"text": text, "data": data, "truncated": bool(notes), "notes": notes}


def _visible_columns(conn: sqlite3.Connection, table: Table) -> list[Column]:
    return [column for column in try_columns(conn, table.name)[0] if column.hidden != "hidden"]


def _fitted(drawing: _Drawing, budget: int) -> tuple[str, dict[str, Any], int, int]:
    """The most detailed diagram within the budget, how many tables it has, and the step it took."""
    total = len(drawing.tables)
    for most in _STEPS:
        if most > 0 and _LEAST_COLUMN_CHARS * sum(min(most, len(one)) for one in drawing.columns.values()) > budget:
            continue
        text, data = _draw(drawing, total, most)
        if len(text) + len(compact(data)) <= budget:
            return text, data, total, most
    low, high = 0, total
    while high - low > 1:
        middle = (low + high) // 2
        text, data = _draw(drawing, middle, _STEPS[-1])
        low, high = (middle, high) if len(text) + len(compact(data)) <= budget else (low, middle)
    return *_draw(drawing, low, _STEPS[-1]), low, _STEPS[-1]


def _draw(drawing: _Drawing, count: int, most: int) -> tuple[str, dict[str, Any]]:
    ids = Ids()
    lines = ["erDiagram"]
    tables = drawing.tables[:count]
    entities: list[list[Any]] = []
    linked = _linked(drawing.keys)
    for table in tables:
        name = ids.of(table.name)
        shown = _chosen(drawing.columns[table.name], linked.get(table.name, set()), most)
        if name != table.name:
            lines.append(f"  %% {name} is {comment(table.name)}")
        head = f"  {name}" if name == table.name else f'  {name}["{label(table.name)}"]'
        lines += [f"{head} {{", *_attributes(shown, linked.get(table.name, set())), "  }"] if shown else [head]
        columns = [[shortened(column.name), shortened(column.type, 40), bool(column.key)] for column in shown]
        entities.append([name, shortened(table.name), columns] if columns else [name, shortened(table.name)])
    names = {table.name for table in tables}
    drawn = [key for key in drawing.keys if key.table in names and key.target in names and key.found]
    lines += [_relation(key, ids, drawing.columns) for key in drawn]
    relations = [[ids.of(key.table), ids.of(key.target), *key.columns] for key in drawn]
    fields = [["id", "name", [["column", "type", "primary_key"]]], ["from", "to", "columns"]]
    return "\n".join(lines), {"fields": fields, "tables": entities, "foreign_keys": relations}


def _linked(keys: Sequence[ForeignKey]) -> dict[str, set[str]]:
    linked: dict[str, set[str]] = {}
    for key in keys:
        linked.setdefault(key.table, set()).update(key.columns)
    return linked


def _chosen(columns: list[Column], linked: set[str], most: int) -> list[Column]:
    """The key columns and the first others, in the order of the table."""
    if most < 0:
        return []
    keys = {column.name for column in columns if column.key or column.name in linked}
    others = {column.name for column in [one for one in columns if one.name not in keys][:most]}
    return [column for column in columns if column.name in keys or column.name in others]


def _attributes(columns: Sequence[Column], linked: set[str]) -> Iterator[str]:
    for column in columns:
        marks = ["PK"] if column.key else []
        marks += ["FK"] if column.name in linked else []
        word = attribute(column.name, "c")
        named = [", ".join(marks)] if marks else []
        named += [f'"{label(column.name)}"'] if word != column.name else []
        yield "    " + " ".join([attribute(column.type, "any"), word, *named])


def _relation(key: ForeignKey, ids: Ids, columns: Mapping[str, Sequence[Column]]) -> str:
    """The parent on the left; optional where a column of the key may be NULL, at most one child where it is the key."""
    own = {column.name: column for column in columns[key.table]}
    optional = any(name in own and not (own[name].not_null or own[name].key) for name in key.columns)
    single = set(key.columns) == {column.name for column in own.values() if column.key}
    parent, child = "|o" if optional else "||", "o|" if single else "o{"
    return f'  {ids.of(key.target)} {parent}--{child} {ids.of(key.table)} : "{label(", ".join(key.columns))}"'
