"""How one table looks in a list: a line of text, and the same as a JSON array."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mcp_servers_sqlite.engine.naming import one_line, shortened, shown
from mcp_servers_sqlite.engine.rows import RowCount
from mcp_servers_sqlite.engine.schema import Column, ForeignKey, Index, Table, read_indexes, try_columns

LEGEND = "Marks: * primary key, ! not null, = generated, -> foreign key, ~ estimated rows."
SUMMARY_FIELDS = ["name", "kind", "rows", "columns"]
FULL_FIELDS = ["name", "kind", "rows", [["column", "type", "marks", "references", "default"]], [["index", "columns"]]]

_SUMMARY_COLUMNS = 60
_LONGEST_TYPE = 40


class Entry(NamedTuple):
    """A table as a line (or lines) of text and as JSON. `cut` counts the columns that are missing."""

    text: str
    data: list[Any]
    cut: int = 0

    @property
    def chars(self) -> int:
        """Characters in both channels with their separators."""
        return len(self.text) + len(compact(self.data)) + 2


def compact(value: Any) -> str:
    """JSON without padding."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def summary_entry(
    conn: sqlite3.Connection, table: Table, keys: Sequence[ForeignKey], rows: RowCount, most: int = _SUMMARY_COLUMNS
) -> Entry:
    """One line: name, kind, rows, and up to `most` columns with their marks."""
    columns, trouble = try_columns(conn, table.name)
    columns = [column for column in columns if column.hidden != "hidden"]
    targets = references(keys)
    parts = [column_text(column, targets) for column in columns[:most]]
    cut = len(columns) - len(parts)
    if cut:
        parts.append(f"... {cut} more columns")
    head, kind = _head(table, rows, trouble)
    return Entry(
        f"{head}: {', '.join(parts)}" if parts else head, [shortened(table.name), kind, rows.plain(), parts], cut
    )


def full_entry(
    conn: sqlite3.Connection, table: Table, keys: Sequence[ForeignKey], rows: RowCount, most: int = 2_000
) -> Entry:
    """The line with defaults, and a line for each index."""
    columns, trouble = try_columns(conn, table.name)
    columns = [column for column in columns if column.hidden != "hidden"]
    targets = references(keys)
    parts = [column_text(column, targets, defaults=True) for column in columns[:most]]
    cut = len(columns) - len(parts)
    indexes = read_indexes(conn, table.name) if table.kind == "table" else []
    head, kind = _head(table, rows, trouble)
    lines = [f"{head}: {', '.join(parts)}{f', ... {cut} more columns' if cut else ''}"]
    lines += [f"  {index_text(index)}" for index in indexes[:most] if index.origin != "pk"]
    data = [
        shortened(table.name),
        kind,
        rows.plain(),
        [_trimmed([column.name, *_marks(column, targets), column.default]) for column in columns[:most]],
        [[shortened(index.name), index.columns] for index in indexes[:most] if index.origin != "pk"],
    ]
    return Entry("\n".join(lines), data, cut)


def references(keys: Sequence[ForeignKey]) -> dict[str, str]:
    """Where each column of one table points to, by column name."""
    found: dict[str, str] = {}
    for key in keys:
        for at, column in enumerate(key.columns):
            target = f"{shown(key.target)}.{shown(key.target_columns[at])}" if key.target_columns else shown(key.target)
            found.setdefault(column, target if key.found else f"{target} (missing)")
    return found


def marks(column: Column) -> str:
    """The marks of the legend."""
    generated = "=" if column.hidden in ("virtual", "stored") else ""
    return ("*" if column.key else "") + ("!" if column.not_null else "") + generated


def index_text(index: Index) -> str:
    """An index on one line."""
    parts = ", ".join("<expression>" if name is None else shown(name) for name in index.columns)
    kind = "unique index" if index.unique else "index"
    return f"{kind} {shown(index.name)}({parts}){' partial' if index.partial else ''}"


def kind_of(table: Table) -> str:
    """The kind in a word: the module of a virtual table says more than that it is virtual."""
    return one_line(table.module, _LONGEST_TYPE) if table.module else table.kind


def _head(table: Table, rows: RowCount, trouble: str) -> tuple[str, str]:
    kind = kind_of(table) + (f", broken: {trouble}" if trouble else "")
    count = "" if rows.number is None else f" {rows.plain()} rows"
    return shown(table.name) + ("" if kind == "table" else f" [{kind}]") + count, kind


def column_text(column: Column, targets: Mapping[str, str], defaults: bool = False) -> str:
    kind = one_line(column.type, _LONGEST_TYPE)
    text = f"{shown(column.name)}{f' {kind}' if kind else ''}{marks(column)}"
    if column.name in targets:
        text += f" ->{targets[column.name]}"
    if defaults and column.default is not None:
        text += f" default {one_line(column.default, _LONGEST_TYPE)}"
    return text


def _marks(column: Column, targets: Mapping[str, str]) -> list[Any]:
    return [one_line(column.type, _LONGEST_TYPE), marks(column), targets.get(column.name, "")]


def _trimmed(values: list[Any]) -> list[Any]:
    """Without the empty values at the end."""
    while len(values) > 1 and values[-1] in ("", None):
        values.pop()
    if len(values) > 4 and isinstance(values[4], str):
        values[4] = shortened(values[4])
    values[0] = shortened(str(values[0]))
    return values
