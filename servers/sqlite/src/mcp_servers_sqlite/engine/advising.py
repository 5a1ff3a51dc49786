"""What a query plan means for its cost, in words."""

import re
import sqlite3
from collections.abc import Mapping
from typing import NamedTuple

from mcp_servers_shared.guard.sql.gate import Statement
from mcp_servers_shared.guard.sql.lexer import IDENTIFIERS, Token, significant
from mcp_servers_sqlite.engine.naming import fold, shown
from mcp_servers_sqlite.engine.rows import Rows
from mcp_servers_sqlite.engine.schema import Table, read_indexes, read_tables

BIG = 10_000
_MANY_PAIRS = 1_000_000
_MOST_INDEXES = 6
_NOT_ALIASES = frozenset(
    {"WHERE", "ORDER", "GROUP", "HAVING", "LIMIT", "JOIN", "LEFT", "RIGHT", "FULL", "INNER", "CROSS", "NATURAL"}
    | {"OUTER", "ON", "USING", "UNION", "EXCEPT", "INTERSECT", "WINDOW", "INDEXED", "NOT", "SET", "VALUES", "SELECT"}
)
_WHOLE_TABLE = re.compile(r"SCAN (?:TABLE )?(.+?)( USING (?:COVERING )?INDEX .*)?( VIRTUAL TABLE .*)?(?: LEFT-JOIN)?")
_SORTED = re.compile(r"USE TEMP B-TREE FOR (.+)")
_AUTOMATIC = re.compile(r"SEARCH (?:TABLE )?(.+?) USING AUTOMATIC .*?INDEX \((.*)\)")


class Step(NamedTuple):
    """One line of a query plan: how deep it stands, the step it belongs to, and SQLite's words."""

    depth: int
    parent: int
    detail: str


class _Scan(NamedTuple):
    name: str
    table: Table | None
    rows: int
    through_index: bool


def advise(connection: sqlite3.Connection, statement: Statement, steps: list[Step]) -> list[str]:
    """Plain sentences about what is slow in this plan; one that says so when nothing is."""
    tables = read_tables(connection)
    counts = Rows(connection, tables)
    names = _meanings(statement.tokens, tables)
    scans: dict[int, list[_Scan]] = {}
    for step in steps:
        found = _scan(step.detail, names, counts)
        if found is not None:
            scans.setdefault(step.parent, []).append(found)
    advice = [line for loop in scans.values() for line in _about_loop(connection, loop)]
    for step in steps:
        line = _about_step(step.detail, names)
        if line and line not in advice:
            advice.append(line)
    return advice or ["Nothing stands out: no large table is read whole and nothing is sorted in memory."]


def _meanings(tokens: list[Token], tables: Mapping[str, Table]) -> dict[str, Table]:
    """Tables by every name the plan may use for them, aliases within views included."""
    folded = {fold(name): table for name, table in tables.items()}
    found = dict(folded)
    pending, seen = [tokens], set[str]()
    while pending:
        current = pending.pop()
        for index, token in enumerate(current):
            table = folded.get(fold(token.name)) if token.kind in IDENTIFIERS else None
            if table is None:
                continue
            if table.kind == "view" and table.name not in seen:
                seen.add(table.name)
                pending.append(significant(table.sql))
            after = index + 2 if index + 1 < len(current) and current[index + 1].word == "AS" else index + 1
            if after < len(current) and current[after].kind in IDENTIFIERS and current[after].word not in _NOT_ALIASES:
                found.setdefault(fold(current[after].name), table)
    return found


def _scan(detail: str, names: Mapping[str, Table], counts: Rows) -> _Scan | None:
    match = _WHOLE_TABLE.fullmatch(detail)
    if match is None or match[3] or match[1].endswith("CONSTANT ROW"):
        return None
    table = names.get(fold(match[1]))
    number = counts.of(table).number if table is not None else None
    return _Scan(match[1], table, number or 0, match[2] is not None)


def _about_loop(connection: sqlite3.Connection, loop: list[_Scan]) -> list[str]:
    """Advice about the tables that one nested loop reads whole."""
    advice = [
        f"{shown(scan.name)} is read whole (about {scan.rows} rows). {_indexes(connection, scan.table)}"
        for scan in loop
        if scan.rows >= BIG and not scan.through_index and scan.table is not None
    ]
    pairs = 1
    for scan in loop:
        pairs *= max(scan.rows, 1)
    if len(loop) > 1 and pairs >= _MANY_PAIRS:
        what = " x ".join(shown(scan.name) for scan in loop)
        advice.insert(
            0,
            f"Cartesian product: {what} compares about {pairs} combinations of rows. "
            "Join on an indexed column, or check that the join condition is there.",
        )
    return advice


def _indexes(connection: sqlite3.Connection, table: Table) -> str:
    listed = [
        f"({', '.join(shown(column) if column else 'an expression' for column in index.columns)})"
        for index in read_indexes(connection, table.name)[:_MOST_INDEXES]
    ]
    if not listed:
        return "It has no index; one on the columns in WHERE or ON would help."
    return f"Indexed: {', '.join(listed)}. A condition on the first column of one is faster."


def _about_step(detail: str, names: Mapping[str, Table]) -> str:
    if match := _SORTED.fullmatch(detail):
        return f"{match[1]} collects and sorts rows in memory; an index in that order, or fewer rows, avoids it."
    if match := _AUTOMATIC.match(detail):
        columns = ", ".join(part.partition("=")[0].strip("<>") for part in match[2].split(" AND "))
        table = names.get(fold(match[1]))
        name = shown(table.name) if table is not None else match[1]
        return f"SQLite builds an index on {name} ({columns}) for this statement alone; a lasting one would be faster."
    if detail.startswith("CORRELATED"):
        return "A correlated subquery runs once for every outer row; a join or a CTE may be faster."
    return ""
