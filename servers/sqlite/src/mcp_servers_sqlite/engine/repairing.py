"""From an error message to the mended statement: where it is wrong, which names are near, what to call."""

import re
import sqlite3
from collections.abc import Iterable
from typing import Any, NamedTuple

from mcp_servers_shared.errors import InvalidInput, NotFound, ServerError
from mcp_servers_shared.guard.sql.lexer import IDENTIFIERS, Token, line_and_column, significant
from mcp_servers_sqlite.engine.naming import fold, shown
from mcp_servers_sqlite.engine.schema import Table, read_column_names, read_tables
from mcp_servers_sqlite.engine.suggesting import nearest
from mcp_servers_sqlite.engine.syntax import KEYWORDS, offending, syntax_hint

_NAMED = re.compile(
    r"(no such (?:table|column|function|index|module|collation sequence)|ambiguous column name): (.*)", re.S
)
_STRING_ADVICE = " - should this be a string literal in single-quotes?"
_MOST_TABLES = 6


class _Fix(NamedTuple):
    """What to say beside SQLite's message, and the names it mentions."""

    hint: str
    near: list[str]
    code: str = "sql_error"


def repair(error: sqlite3.Error, connection: sqlite3.Connection | None, sql: str) -> ServerError:
    """The error with its position, near names and the next step."""
    message = str(error)[:300]
    tokens = significant(sql) if len(sql) <= 200_000 else []
    match = _NAMED.match(message)
    token = _token(tokens, match[2]) if match else None
    fix = _Fix("", [])
    try:
        if connection is not None and match:
            fix = _by_name(connection, tokens, token, match[1], match[2].removesuffix(_STRING_ADVICE))
        elif connection is not None and sql:
            token = offending(connection, message, tokens, sql)
            fix = _Fix(*syntax_hint(message, tokens, token, _table_names(connection)))
    except sqlite3.Error:
        fix = _Fix("", [])
    evidence: dict[str, Any] = {"nearest": fix.near} if fix.near else {}
    if token is not None:
        evidence["line"], evidence["column"] = line_and_column(sql, token.start)
        message += f" (line {evidence['line']}, column {evidence['column']})"
    kind = NotFound if fix.code != "sql_error" else InvalidInput
    return kind(message, code=fix.code, hint=fix.hint, **evidence)


def _token(tokens: list[Token], name: str) -> Token | None:
    """The token that spells the last part of a name."""
    wanted = fold(name.removesuffix(_STRING_ADVICE).strip('"'))
    for candidate in (wanted, wanted.rpartition(".")[2]):
        for token in tokens:
            if token.kind in IDENTIFIERS and fold(token.name) == candidate:
                return token
    return None


def _by_name(connection: sqlite3.Connection, tokens: list[Token], token: Token | None, what: str, name: str) -> _Fix:
    name = name.strip('"')
    if what == "no such function":
        rows = connection.execute("SELECT DISTINCT name FROM pragma_function_list")
        near = nearest(name, (str(row[0]) for row in rows))
        return _Fix(_did_you_mean(near) + "SQLite has no stored functions.", near, "unknown_function")
    if what == "no such table":
        return _table_fix(connection, tokens, token, name)
    if what in ("no such column", "ambiguous column name"):
        return _column_fix(connection, tokens, name, ambiguous=what.startswith("ambiguous"))
    return _Fix("describe_table lists a table's indexes." if what == "no such index" else "", [])


def _table_fix(connection: sqlite3.Connection, tokens: list[Token], token: Token | None, name: str) -> _Fix:
    tables = read_tables(connection)
    wanted = name.rpartition(".")[2] if name.startswith("main.") else name
    if token is None:
        views = [shown(table.name) for table in _mentioned(tokens, tables.values()) if table.kind == "view"]
        if views:
            return _Fix(
                f"The view {', '.join(views)} refers to it and is broken; read other tables. list_tables shows them.",
                [],
                "broken_view",
            )
    near = nearest(wanted, (table.name for table in tables.values() if table.listed))
    return _Fix(_did_you_mean(near) + "list_tables shows all tables.", near, "unknown_table")


def _column_fix(connection: sqlite3.Connection, tokens: list[Token], name: str, *, ambiguous: bool) -> _Fix:
    tables = read_tables(connection)
    columns = read_column_names(connection, tables)
    mentioned = [table.name for table in _mentioned(tokens, tables.values())]
    wanted = fold(name.rpartition(".")[2])
    owners = [table for table, names in columns.items() if any(fold(column) == wanted for column in names)]
    if ambiguous:
        qualified = [f"{shown(table)}.{shown(name)}" for table in mentioned if table in owners]
        return _Fix(f"Write which one: {', '.join(qualified[:_MOST_TABLES])}.", [], "sql_error")
    near = nearest(wanted, (column for table in mentioned for column in columns.get(table, ())))
    if not near and not owners:
        likely = set(nearest(wanted, (column for names in columns.values() for column in names)))
        near = [
            f"{shown(table)}.{shown(name)}" for table, names in columns.items() for name in names if name in likely
        ][:3]
    places = ", ".join(f"describe_table('{table}')" for table in mentioned[:3]) or "describe_table"
    elsewhere = [shown(table) for table in owners if table not in mentioned][:3]
    hint = _did_you_mean(near)
    if elsewhere:
        hint += f"{', '.join(elsewhere)} has a column of this name. "
    return _Fix(hint + f"{places} lists the columns. Text needs 'single quotes'.", near, "unknown_column")


def _mentioned(tokens: list[Token], tables: Iterable[Table]) -> list[Table]:
    names = {fold(token.name) for token in tokens if token.kind in IDENTIFIERS and token.word not in KEYWORDS}
    return [table for table in tables if table.listed and fold(table.name) in names]


def _table_names(connection: sqlite3.Connection) -> frozenset[str]:
    return frozenset(fold(str(row[0])) for row in connection.execute("SELECT name FROM sqlite_schema"))


def _did_you_mean(near: list[str]) -> str:
    return f"Did you mean {', '.join(near)}? " if near else ""
