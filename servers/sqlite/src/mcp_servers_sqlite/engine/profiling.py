"""Operation `profile_table`: what the columns of a table hold, within a time budget."""

import sqlite3
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from mcp_servers_shared.errors import InvalidInput, NotFound
from mcp_servers_shared.guard.sql.identifiers import quote
from mcp_servers_sqlite.engine.arguments import text, whole
from mcp_servers_sqlite.engine.cells import escape
from mcp_servers_sqlite.engine.measures import estimated_distinct, measure
from mcp_servers_sqlite.engine.naming import fold, shortened, shown
from mcp_servers_sqlite.engine.profile_lines import FIELDS, HEADER, SAMPLE_CHARS, Facts, cell, profile_line
from mcp_servers_sqlite.engine.rows import RowCount, Rows
from mcp_servers_sqlite.engine.sampling import Sample, Source, draw, source_of
from mcp_servers_sqlite.engine.scans import has_index, scan_distinct, scan_ranges, unique
from mcp_servers_sqlite.engine.schema import (
    Column,
    Index,
    Table,
    connection_notes,
    find,
    read_columns,
    read_indexes,
    read_tables,
)
from mcp_servers_sqlite.engine.sheets import DEFAULT_CHARS, Sheet
from mcp_servers_sqlite.engine.suggesting import nearest
from mcp_servers_sqlite.engine.timebox import Timebox

DEFAULT_SECONDS = 2.0
# The rest is for computing and writing.
_SQL_SHARE = 0.85
MOST_COLUMNS = 60
MOST_SAMPLE_ROWS = 20


class _Subject(NamedTuple):
    source: Source
    all_columns: list[Column]
    columns: list[Column]
    indexes: list[Index]


class _Profile(NamedTuple):
    table: Table
    columns: list[Column]
    sample: Sample
    rows: RowCount
    facts: list[Facts]


def profile_table(conn: sqlite3.Connection, args: Mapping[str, Any]) -> dict[str, Any]:
    """Rows, nulls, distinct values, ranges, means, lengths, types and frequent values of columns.

    A table of up to 10,000 rows is read whole. A larger one is judged by a sample, and what there is time for is then
    counted over the whole table; each figure says which it is.

    Args:
        args: `table_name`, `columns` (names; 60 at most), `budget_s` seconds, `sample_rows` (0 to 20), `max_chars`.

    Raises NotFound with the nearest names, sqlite3.OperationalError for a view that SQLite cannot open.
    """
    tables = read_tables(conn)
    table = find(tables, text(args, "table_name"))
    sample_rows = whole(args, "sample_rows", 0, least=0, most=MOST_SAMPLE_ROWS)
    sheet = Sheet(whole(args, "max_chars", DEFAULT_CHARS, least=1_000, most=2**31))
    sheet.notes += connection_notes(conn)
    columns = [column for column in read_columns(conn, table.name) if column.hidden != "hidden"]
    chosen = _chosen(columns, args.get("columns"))
    if len(chosen) > MOST_COLUMNS:
        sheet.notes.append(f"The first {MOST_COLUMNS} of {len(chosen)} columns: name others in columns.")
        sheet.cut = True
        chosen = chosen[:MOST_COLUMNS]
    known = Rows(conn, tables).of(table)
    subject = _Subject(source_of(conn, table), columns, chosen, read_indexes(conn, table.name))
    with Timebox(conn, _SQL_SHARE * _seconds(args.get("budget_s"))) as timebox:
        profile = _profile(timebox, subject, known)
    _write(sheet, profile)
    _sample(sheet, profile, min(sample_rows, profile.sample.size))
    return sheet.answer()


def _profile(timebox: Timebox, subject: _Subject, known: RowCount) -> _Profile:
    """The sample first, then what there is time for: the count, the ranges, the distinct values."""
    table, columns = subject.source.table, subject.columns
    sample = draw(timebox, subject.source, [column.name for column in columns], known.number)
    measures = [measure(values) for values in sample.columns]
    if sample.how == "all":
        return _Profile(table, columns, sample, RowCount(sample.size), [Facts(one) for one in measures])
    counted = timebox.row(f"SELECT count(*) FROM {quote(table.name)}")
    rows = RowCount(int(counted[0])) if counted else known
    number = rows.number or sample.size
    indexed = {column.name for column in columns if has_index(column, subject.all_columns, subject.indexes)}
    ranges = scan_ranges(timebox, table, columns, indexed, number) if counted else {}
    facts: list[Facts] = []
    for column, one in zip(columns, measures, strict=True):
        found = ranges.get(column.name)
        if unique(column, subject.all_columns, subject.indexes) and (found or not one.nulls):
            distinct = found.present if found else number
        else:
            size = one.lengths[1] if one.lengths else 8.0
            distinct = scan_distinct(timebox, table, column, column.name in indexed, number, size)
        estimate = estimated_distinct(one, number) if sample.how == "random" else None
        facts.append(Facts(one, found, distinct, estimate, number, whole=False))
    return _Profile(table, columns, sample, rows, facts)


def _write(sheet: Sheet, profile: _Profile) -> None:
    sample, rows = profile.sample, profile.rows.plain()
    how = {
        "all": "all of them read",
        "random": f"judged by {sample.size} rows drawn at random",
        "first": f"judged by the first {sample.size} rows, which may not be typical",
    }[sample.how]
    sheet.line(f"{shown(profile.table.name)}: {'unknown' if rows is None else rows} rows, {how}.")
    sheet.field("name", shortened(profile.table.name))
    sheet.field("rows", rows)
    sheet.field("sampled", {"how": sample.how, "rows": sample.size})
    if sample.how != "all":
        counted = sum(facts.range is not None for facts in profile.facts)
        sheet.notes.append(
            f"{counted} of {len(profile.facts)} columns have nulls, range and mean of the whole table; "
            "figures with ~ and all types, lengths and frequent values come from the sample."
        )
    sheet.field("fields", FIELDS)
    lines = [profile_line(column, facts) for column, facts in zip(profile.columns, profile.facts, strict=True)]
    sheet.section(HEADER, "columns", lines)


def _sample(sheet: Sheet, profile: _Profile, count: int) -> None:
    """Some rows of the sample, evenly spread."""
    if not count:
        return
    names = [column.name for column in profile.columns]
    picked = [at * profile.sample.size // count for at in range(count)]
    rows = [[cell(values[at], SAMPLE_CHARS) for values in profile.sample.columns] for at in picked]
    header = f"Sample:\n|{'|'.join(escape(shortened(name)) for name in names)}|\n|{'-|' * len(names)}"
    sheet.field("sample_columns", list(map(shortened, names)))
    lines = ((f"|{'|'.join(text for text, _ in row)}|", [value for _, value in row]) for row in rows)
    sheet.section(header, "sample_rows", lines)


def _chosen(columns: list[Column], wanted: object) -> list[Column]:
    """The wanted columns in the wanted order, or all. Raises NotFound with the nearest names."""
    if not wanted:
        return columns
    if not isinstance(wanted, list):
        raise InvalidInput("'columns' must be a list of names", code="invalid_arguments")
    by_name = {fold(column.name): column for column in reversed(columns)}
    by_name |= {column.name: column for column in columns}
    chosen: dict[str, Column] = {}
    for name in map(str, cast(list[object], wanted)):
        column = by_name.get(name) or by_name.get(fold(name))
        if column is None:
            near = nearest(name, [column.name for column in columns])
            raise NotFound(
                f"there is no column called '{shown(name)}'",
                code="unknown_column",
                hint=f"Did you mean {', '.join(map(shown, near))}?" if near else "describe_table shows the columns.",
                nearest=near,
            )
        chosen[column.name] = column
    return list(chosen.values())


def _seconds(value: object) -> float:
    if value is None:
        return DEFAULT_SECONDS
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 < value <= 60:
        raise InvalidInput("'budget_s' must be a number of seconds up to 60", code="invalid_arguments")
    return float(value)
