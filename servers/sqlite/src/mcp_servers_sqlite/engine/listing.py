"""Operation `list_tables`: what is in a database, within a budget.

The most connected tables come with their columns, the rest by name. What is missing is said, and how to get it.
"""

import sqlite3
from collections.abc import Mapping
from typing import Any

from mcp_servers_shared.errors import InvalidInput
from mcp_servers_sqlite.engine.naming import shown
from mcp_servers_sqlite.engine.pages import Budget, Overview, Page, full_page, names_page, summary_page
from mcp_servers_sqlite.engine.ranking import matching, ranked
from mcp_servers_sqlite.engine.rows import Rows
from mcp_servers_sqlite.engine.schema import ForeignKey, Table, in_snapshot, read_foreign_keys, read_tables
from mcp_servers_sqlite.engine.suggesting import nearest

DEFAULT_CHARS = 48_000
SUMMARY_TOKENS = 2_400
_FILLERS = {"names": names_page, "summary": summary_page, "full": full_page}


@in_snapshot
def list_tables(conn: sqlite3.Connection, args: Mapping[str, Any]) -> dict[str, Any]:
    """The tables and views of a database, the most connected and largest first.

    Args:
        args: `pattern`, `detail` (names, summary, full), `max_chars` for text and data together (from 1,000 on),
            `offset` to go on. A summary also keeps to 2,400 tokens a channel.

    Returns text, data, truncated, notes, and `next` (arguments of the following page) while tables are left.
    """
    detail = str(args.get("detail") or "summary")
    if detail not in _FILLERS:
        raise InvalidInput(f"unknown detail {detail[:40]!r}", hint="detail is names, summary or full.")
    pattern, offset = args.get("pattern"), max(0, int(args.get("offset") or 0))
    tables = read_tables(conn)
    overview = _overview(conn, tables, pattern, offset)
    tokens = SUMMARY_TOKENS if detail == "summary" else None
    page = _FILLERS[detail](overview, Budget(int(args.get("max_chars") or DEFAULT_CHARS), tokens))
    left = len(overview.tables) - page.covered
    answer: dict[str, Any] = {
        "text": page.text,
        "data": page.data,
        "truncated": left > 0 or page.cut,
        "notes": _notes(tables, overview, page, detail, pattern),
    }
    return {**answer, "next": {"offset": offset + page.covered}} if left > 0 else answer


def _overview(conn: sqlite3.Connection, tables: Mapping[str, Table], pattern: str | None, offset: int) -> Overview:
    chosen = matching((table for table in tables.values() if table.listed), pattern)
    keys = read_foreign_keys(conn, tables)
    by_table: dict[str, list[ForeignKey]] = {}
    for key in keys:
        by_table.setdefault(key.table, []).append(key)
    rows = Rows(conn, tables).of_all(chosen)
    views = sum(table.kind == "view" for table in chosen)
    counts = {"tables": len(chosen) - views, "views": views, "foreign_keys": len(keys)}
    if offset:
        counts["offset"] = offset
    head = f"{len(chosen) - views} tables, {views} views, {len(keys)} foreign keys."
    if pattern:
        head = f"{len(chosen) - views} tables and {views} views fit the pattern."
    return Overview(conn, ranked(chosen, keys, rows)[offset:], by_table, rows, head, counts)


def _notes(tables: Mapping[str, Table], overview: Overview, page: Page, detail: str, pattern: str | None) -> list[str]:
    """What the page leaves out, and how to get it."""
    notes: list[str] = []
    left = len(overview.tables) - page.covered
    by_name = page.covered - page.described
    if detail == "summary" and by_name:
        notes.append(
            f"{by_name} of {page.covered} tables are shown by name only: "
            "describe_table shows one, search_schema finds by words, pattern narrows the list."
        )
    if left > 0:
        notes.append(f"{left} more are not shown at all: go on with the next page, or narrow with pattern.")
    if page.cut:
        notes.append("Some tables have more columns than shown: describe_table shows them.")
    hidden = sum(not table.listed for table in tables.values())
    if hidden > 1 and not pattern:
        notes.append(f"{hidden} internal tables (sqlite_*, shadow tables of virtual ones) are left out.")
    if pattern and not overview.tables:
        near = nearest(pattern, [table.name for table in tables.values() if table.listed])
        notes.append("No name fits the pattern." + (f" Nearest: {', '.join(map(shown, near))}." if near else ""))
    return notes
