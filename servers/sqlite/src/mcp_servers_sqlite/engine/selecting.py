"""The shape of a plain `SELECT .. FROM one_table [WHERE ..] [ORDER BY columns]`, read from its tokens.

Anything else has no shape here: joins, groups, compounds, windows, limits, expressions to sort by.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mcp_servers_shared.guard.sql.gate import Statement
from mcp_servers_shared.guard.sql.lexer import IDENTIFIERS, ILLEGAL, NUMBER, PARAMETER, STRING, Token

_CLAUSES = frozenset(
    {"GROUP", "HAVING", "WINDOW", "LIMIT", "UNION", "EXCEPT", "INTERSECT", "JOIN", "NATURAL", "CROSS", "INDEXED"}
)
_AFTER_TABLE = frozenset({"WHERE", "ORDER", "NOT", "LEFT", "RIGHT", "FULL", "INNER", "OUTER", "ON", "USING"}) | _CLAUSES
_DIRECTIONS = frozenset({"ASC", "DESC"})


class Output(NamedTuple):
    """One item of the result list: a star, a plain column, or (both empty) an expression. `alias` may be a guess."""

    star: bool
    column: str
    alias: str


class Term(NamedTuple):
    """One ORDER BY term: a name, whether it was written `table.name`, or the number of an output."""

    name: str
    qualified: bool
    position: int
    descending: bool


class Shape(NamedTuple):
    """A plain SELECT: `head` is its text up to its table, which it calls `source`; `where` its condition."""

    table: str
    source: str
    outputs: list[Output]
    head: str
    where: str
    terms: list[Term]


class _NoShape(Exception):
    """The statement is not as plain as that."""


def plain_select(statement: Statement) -> Shape | None:
    """The shape of the statement, or None where it has none."""
    try:
        return _shape(statement)
    except _NoShape:
        return None


def _shape(statement: Statement) -> Shape:
    tokens = statement.tokens
    if tokens[0].word != "SELECT" or any(_unfit(token) for token in tokens):
        raise _NoShape
    depths = list(_depths(tokens))
    if any(depth == 0 and token.word in _CLAUSES for token, depth in zip(tokens, depths, strict=True)):
        raise _NoShape
    start = _find(tokens, depths, "FROM")
    sort = _find(tokens, depths, "ORDER", missing=len(tokens))
    table, source, after = _source(tokens[:sort], start + 1)
    where = ""
    if after < sort:
        if tokens[after].word != "WHERE" or after + 1 >= sort:
            raise _NoShape
        where = statement.text[tokens[after + 1].start : tokens[sort - 1].end]
    return Shape(
        table=table,
        source=source,
        outputs=[_output(item) for item in _split(tokens[1:start])],
        head=statement.text[: tokens[after - 1].end],
        where=where,
        terms=_terms(tokens[sort:]),
    )


def _unfit(token: Token) -> bool:
    """Windows count rows that a page would leave out, and numbered parameters would move."""
    return token.kind == ILLEGAL or token.word == "OVER" or (token.kind == PARAMETER and token.text[1:].isdigit())


def _depths(tokens: Sequence[Token]) -> Iterator[int]:
    depth = 0
    for token in tokens:
        if token.text == ")":
            depth -= 1
        yield depth
        if token.text == "(":
            depth += 1


def _find(tokens: Sequence[Token], depths: Sequence[int], word: str, missing: int = -1) -> int:
    for index, token in enumerate(tokens):
        if depths[index] == 0 and token.word == word:
            return index
    if missing < 0:
        raise _NoShape
    return missing


def _source(tokens: Sequence[Token], at: int) -> tuple[str, str, int]:
    """The table, what it is called in the statement, and the index after it."""
    table = _identifier(tokens, at)
    at += 1
    if at < len(tokens) and tokens[at].text == ".":
        if table.lower() != "main":
            raise _NoShape
        table = _identifier(tokens, at + 1)
        at += 2
    source = table
    if at < len(tokens) and tokens[at].word == "AS":
        source = _identifier(tokens, at + 1)
        at += 2
    elif at < len(tokens) and tokens[at].kind in IDENTIFIERS and tokens[at].word not in _AFTER_TABLE:
        source = tokens[at].name
        at += 1
    return table, source, at


def _identifier(tokens: Sequence[Token], at: int) -> str:
    if at >= len(tokens) or tokens[at].kind not in IDENTIFIERS:
        raise _NoShape
    return tokens[at].name


def _split(tokens: Sequence[Token]) -> list[list[Token]]:
    items: list[list[Token]] = [[]]
    for token, depth in zip(tokens, _depths(tokens), strict=True):
        if depth == 0 and token.text == ",":
            items.append([])
        else:
            items[-1].append(token)
    return items


def _output(item: list[Token]) -> Output:
    if not item or item[0].word in ("DISTINCT", "ALL"):
        raise _NoShape
    if item[-1].text == "*" and (len(item) == 1 or (len(item) == 3 and item[1].text == ".")):
        return Output(True, "", "")
    alias = ""
    if len(item) > 1 and item[-1].kind in (*IDENTIFIERS, STRING) and item[-2].text != ".":
        alias = item[-1].name.strip("'")
        item = item[:-2] if item[-2].word == "AS" else item[:-1]
    if len(item) == 3 and item[0].kind in IDENTIFIERS and item[1].text == "." and item[2].kind in IDENTIFIERS:
        return Output(False, item[2].name, alias)
    if len(item) == 1 and item[0].kind in IDENTIFIERS:
        return Output(False, item[0].name, alias)
    return Output(False, "", alias)


def _terms(tokens: Sequence[Token]) -> list[Term]:
    if not tokens:
        return []
    if len(tokens) < 3 or tokens[1].word != "BY":
        raise _NoShape
    return [_term(item) for item in _split(tokens[2:])]


def _term(item: list[Token]) -> Term:
    descending = bool(item) and item[-1].word == "DESC"
    if item and item[-1].word in _DIRECTIONS:
        item = item[:-1]
    if len(item) == 1 and item[0].kind in IDENTIFIERS:
        return Term(item[0].name, False, 0, descending)
    if len(item) == 1 and item[0].kind == NUMBER and item[0].text.isdecimal():
        return Term("", False, int(item[0].text[:9]), descending)
    if len(item) == 3 and item[1].text == "." and item[0].kind in IDENTIFIERS and item[2].kind in IDENTIFIERS:
        return Term(item[2].name, True, 0, descending)
    raise _NoShape
