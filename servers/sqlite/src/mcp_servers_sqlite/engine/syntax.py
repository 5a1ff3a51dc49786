"""Where a statement stops being SQL, and which keyword was probably meant there."""

import re
import sqlite3

from mcp_servers_shared.guard.sql.lexer import ILLEGAL, NAME, Token
from mcp_servers_sqlite.engine.naming import fold
from mcp_servers_sqlite.engine.suggesting import nearest

_NEAR = re.compile(r'(?:near|unrecognized token:) "(.*)"(?:: syntax error)?', re.S)
_MOST_TRIES = 40
_KEYWORDS = """
    ALL AND AS ASC BETWEEN BY CASE CAST COLLATE CROSS CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP DELETE DESC DISTINCT
    ELSE END ESCAPE EXCEPT EXISTS EXPLAIN FILTER FIRST FOLLOWING FROM FULL GLOB GROUP HAVING IN INDEXED INNER INSERT
    INTERSECT INTO IS ISNULL JOIN LAST LEFT LIKE LIMIT MATCH MATERIALIZED NATURAL NOT NOTNULL NULL NULLS OFFSET ON OR
    ORDER OUTER OVER PARTITION PLAN PRAGMA PRECEDING QUERY RANGE RECURSIVE REGEXP REPLACE RIGHT ROW ROWS SELECT SET THEN
    TIES UNBOUNDED UNION UPDATE USING VALUES WHEN WHERE WINDOW WITH
"""
KEYWORDS = frozenset(_KEYWORDS.split())
_FOREIGN = {
    "ILIKE": "LIKE ignores the case of ASCII letters already.",
    "TOP": "Use LIMIT at the end.",
    "FETCH": "Use LIMIT at the end.",
    "SHOW": "list_tables and describe_table show the schema.",
    "DESCRIBE": "describe_table shows the columns of a table.",
    "DESC": "describe_table shows the columns of a table.",
    "USE": "Choose the database with the database argument.",
    "INTERVAL": "Use date(x, '-1 day') or datetime(x, '+1 hour').",
    "FOR": "SQLite has no row locks; leave FOR UPDATE out.",
    "INTO": "SELECT INTO is not SQLite.",
}


def offending(connection: sqlite3.Connection, message: str, tokens: list[Token], sql: str) -> Token | None:
    """The token SQLite stumbled over.

    The message names it without its place. Where it occurs more than once, the text is prepared up to each place:
    as long as it is only incomplete, the mistake comes later.
    """
    match = _NEAR.fullmatch(message)
    if match is None:
        return None
    places = [token for token in tokens if token.text == match[1] or (match[1] and token.text.startswith(match[1]))]
    if not places:
        return next((token for token in tokens if token.kind == ILLEGAL), None)
    for token in places[:_MOST_TRIES]:
        if len(places) == 1 or _fails_at(connection, sql[: token.end], message):
            return token
    return None


def _fails_at(connection: sqlite3.Connection, text: str, message: str) -> bool:
    try:
        connection.execute(f"EXPLAIN {text}").close()
    except sqlite3.Error as error:
        return str(error) == message
    return False


def syntax_hint(
    message: str, tokens: list[Token], token: Token | None, tables: frozenset[str]
) -> tuple[str, list[str]]:
    """What to do about a syntax error, and the keywords that were probably meant; `tables` are folded names."""
    if message == "incomplete input":
        return "The statement ends too early: a clause, a parenthesis or a quote is not finished.", []
    if message.startswith("unrecognized token"):
        return "SQLite knows no such character here; text needs 'single quotes', and each quote its end.", []
    if token is None:
        return "", []
    at = tokens.index(token)
    suspects = [tokens[index] for index in (at, at - 1) if index >= 0 and tokens[index].kind == NAME]
    for suspect in suspects:
        if suspect.word in _FOREIGN:
            return _FOREIGN[suspect.word], []
    for suspect in suspects:
        sound = suspect.word in KEYWORDS or len(suspect.text) < 3 or fold(suspect.name) in tables
        near = [] if sound else nearest(suspect.word, KEYWORDS)
        if near:
            return f"Did you mean {near[0]} instead of {suspect.text[:40]}?", near
    if token.word in KEYWORDS:
        return _keyword_hint(tokens[:at], token), []
    return "Check the text just before this place.", []


def _keyword_hint(before: list[Token], token: Token) -> str:
    opened = sum(1 for one in before if one.text == "(") - sum(1 for one in before if one.text == ")")
    if before and before[-1].text == ",":
        return f"Remove the comma before {token.word}."
    if opened > 0:
        return f"A parenthesis before {token.word} is not closed."
    return f'Something is missing or extra before {token.word}; as a name it needs double quotes, "{token.text}".'
