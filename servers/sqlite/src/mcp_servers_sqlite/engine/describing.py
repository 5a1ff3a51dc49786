"""Operation `describe_table`: everything the schema says about one table or view."""

import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

from mcp_servers_shared.guard.sql.identifiers import quote
from mcp_servers_sqlite.engine.arguments import text, whole
from mcp_servers_sqlite.engine.entries import LEGEND, column_text, index_text, kind_of, references
from mcp_servers_sqlite.engine.naming import one_line, shortened, shown
from mcp_servers_sqlite.engine.rows import Rows
from mcp_servers_sqlite.engine.schema import (
    Column,
    ForeignKey,
    Index,
    Table,
    Trigger,
    find,
    in_snapshot,
    read_foreign_keys,
    read_indexes,
    read_tables,
    read_triggers,
    try_columns,
)
from mcp_servers_sqlite.engine.sheets import DEFAULT_CHARS, Sheet

MOST_SAMPLE_ROWS = 20
_FTS = ("fts3", "fts4", "fts5")
_SQL_SHOWN = 300
_COLUMN_FIELDS = ["name", "type", "not_null", "default", "key", "hidden"]
_INDEX_FIELDS = ["name", "unique", "partial", "columns", "sql"]
_KEY_FIELDS = ["columns", "table", "table_columns", "on_update", "on_delete"]


@in_snapshot
def describe_table(conn: sqlite3.Connection, args: Mapping[str, Any]) -> dict[str, Any]:
    """Columns, keys, indexes, foreign keys both ways, triggers, CREATE statement and sample rows of a table.

    Args:
        args: `table_name`, `sample_rows` (0 to 20), `max_chars` for text and data together.

    Raises NotFound with the nearest names for an unknown table.
    """
    tables = read_tables(conn)
    table = find(tables, text(args, "table_name"))
    rows = whole(args, "sample_rows", 0, least=0, most=MOST_SAMPLE_ROWS)
    sheet = Sheet(whole(args, "max_chars", DEFAULT_CHARS, least=1_000, most=2**31))
    keys = read_foreign_keys(conn, tables)
    columns, trouble = try_columns(conn, table.name)
    _head(sheet, table, Rows(conn, tables).of(table).plain(), trouble)
    facts = list(_facts(tables, table))
    if facts:
        sheet.line("\n".join(facts))
        sheet.field("facts", facts)
    _columns(sheet, columns, [key for key in keys if key.table == table.name])
    _keys(sheet, keys, table.name)
    _indexes(sheet, read_indexes(conn, table.name))
    _triggers(sheet, read_triggers(conn, table.name))
    if rows and not trouble:
        sheet.sample(conn, f"SELECT * FROM {quote(table.name)} LIMIT {rows}", rows, room=sheet.room * 2 // 3)
    if table.sql:
        sheet.passage("CREATE statement:", "sql", table.sql)
    if sheet.cut:
        sheet.notes.insert(0, "Not all of this table fits: the lines with ... say what is missing.")
    return sheet.answer()


def _head(sheet: Sheet, table: Table, rows: int | str | None, trouble: str) -> None:
    traits = [kind_of(table)]
    traits += ["strict"] if table.strict else []
    traits += ["without rowid"] if table.without_rowid else []
    traits += [f"{rows} rows"] if rows is not None else []
    sheet.line(f"{shown(table.name)}: {', '.join(traits)}")
    sheet.field("name", shortened(table.name))
    sheet.field("kind", table.kind)
    sheet.field("rows", rows)
    for name, value in (("module", table.module), ("owner", table.owner), ("content", table.content)):
        if value:
            sheet.field(name, shortened(value))
    for name, flag in (("strict", table.strict), ("without_rowid", table.without_rowid)):
        if flag:
            sheet.field(name, True)
    if trouble:
        sheet.line(f"Broken: {trouble}")
        sheet.field("broken", trouble)


def _facts(tables: Mapping[str, Table], table: Table) -> Iterator[str]:
    """What a reader has to know before querying it."""
    if table.owner:
        owner = tables[table.owner]
        yield f"Storage of {shown(owner.name)} ({kind_of(owner)}): query that table instead."
    if table.module.lower() in _FTS:
        yield f"Full-text index: search with {shown(table.name)} MATCH 'words'."
    if table.content:
        yield f"Indexes the rows of {shown(table.content)}; its rowid joins to that table's."
    if table.module.lower().startswith("rtree"):
        yield "R-tree: compare the coordinate columns to find what overlaps a box."


def _columns(sheet: Sheet, columns: list[Column], keys: list[ForeignKey]) -> None:
    targets = references(keys)
    if columns:
        sheet.line(LEGEND)
        sheet.field("column_fields", _COLUMN_FIELDS)
    # A third of the room stays for keys and indexes, however many columns there are.
    sheet.section(
        "Columns:", "columns", ((_column(c, targets), _column_data(c)) for c in columns), keep=sheet.room // 3
    )
    ordered = sorted((column for column in columns if column.key), key=lambda column: column.key)
    if len(ordered) > 1:
        sheet.line(shortened(f"Primary key: ({', '.join(shown(column.name) for column in ordered)})"))


def _column(column: Column, targets: Mapping[str, str]) -> str:
    return column_text(column, targets, defaults=True) + (" (hidden)" if column.hidden == "hidden" else "")


def _column_data(column: Column) -> list[Any]:
    default = None if column.default is None else shortened(column.default)
    kind = shortened(column.type)
    return [shortened(column.name), kind, column.not_null, default, column.key, column.hidden]


def _keys(sheet: Sheet, keys: list[ForeignKey], name: str) -> None:
    own = [key for key in keys if key.table == name]
    if own:
        sheet.field("foreign_key_fields", _KEY_FIELDS)
    sheet.section("Foreign keys:", "foreign_keys", ((_key_text(key), _key_data(key)) for key in own))
    incoming = [key for key in keys if key.target == name and key.found]
    sheet.section("Referred to by:", "referred_to_by", (_incoming(key) for key in incoming))


def _key_text(key: ForeignKey) -> str:
    actions = [f"on update {key.on_update.lower()}"] if key.on_update != "NO ACTION" else []
    actions += [f"on delete {key.on_delete.lower()}"] if key.on_delete != "NO ACTION" else []
    target = shown(key.target) + (f"({_names(key.target_columns)})" if key.target_columns else "")
    missing = [] if key.found else ["(no such table)"]
    return " ".join([f"({_names(key.columns)}) -> {target}", *actions, *missing])


def _key_data(key: ForeignKey) -> list[Any]:
    return [key.columns, shortened(key.target), key.target_columns, key.on_update, key.on_delete]


def _incoming(key: ForeignKey) -> tuple[str, Any]:
    return f"{shown(key.table)}({_names(key.columns)})", [shortened(key.table), key.columns]


def _indexes(sheet: Sheet, indexes: list[Index]) -> None:
    if indexes:
        sheet.field("index_fields", _INDEX_FIELDS)
    sheet.section("Indexes:", "indexes", (_index(index) for index in indexes))


def _index(index: Index) -> tuple[str, Any]:
    # Only the statement tells the condition of a partial index and the expressions of another.
    sql = shortened(index.sql, _SQL_SHOWN) if index.partial or None in index.columns else ""
    origin = {"u": " from UNIQUE", "pk": " from PRIMARY KEY"}.get(index.origin, "")
    text = index_text(index) + origin + (f": {one_line(sql, 2 * _SQL_SHOWN)}" if sql else "")
    return text, [shortened(index.name), index.unique, index.partial, index.columns, *([sql] if sql else [])]


def _triggers(sheet: Sheet, triggers: list[Trigger]) -> None:
    items = ((f"{shown(one.name)}: {one_line(one.sql, _SQL_SHOWN)}", one) for one in triggers)
    sheet.section(
        "Triggers:", "triggers", ((text, [shortened(one.name), shortened(one.sql, _SQL_SHOWN)]) for text, one in items)
    )


def _names(columns: list[str]) -> str:
    return ", ".join(shown(column) for column in columns)
