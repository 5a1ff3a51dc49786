"""The statement for one page: the caller's own, with a LIMIT where it has none, or starting further down."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mcp_servers_shared.guard.sql.gate import READ, Statement
from mcp_servers_shared.guard.sql.lexer import ILLEGAL

Params = Sequence[Any] | Mapping[str, Any]


class Page(NamedTuple):
    """SQL to run, its parameters, and how many rows to pass over before the page begins."""

    sql: str
    params: Params
    skip: int = 0


def page_at(statement: Statement, params: Params, limit: int, offset: int) -> Page:
    """The page that begins after `offset` rows.

    A LIMIT of our own lets SQLite sort only as many rows as it shows. Where the statement has one, or is no SELECT,
    the rows before the page are read and dropped instead: that keeps the column names that a wrapping SELECT changes.
    """
    if not can_append_limit(statement):
        return Page(statement.text, params, offset)
    clause = f"\nLIMIT {limit + 1}" + (f" OFFSET {offset}" if offset else "")
    return Page(statement.text + clause, params)


def can_append_limit(statement: Statement) -> bool:
    """Whether a LIMIT clause may follow the text: a SELECT without one that does not end in VALUES."""
    if statement.kind != READ or statement.verb != "SELECT":
        return False
    depth, core = 0, ""
    for token in statement.tokens:
        if token.kind == ILLEGAL:
            return False
        if token.text == "(":
            depth += 1
        elif token.text == ")":
            depth -= 1
        elif depth == 0:
            if token.word == "LIMIT":
                return False
            if token.word in ("SELECT", "VALUES"):
                core = token.word
    return depth == 0 and core == "SELECT"
