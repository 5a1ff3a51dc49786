"""The lexer reads text as SQLite does: checked against SQLite itself wherever it can be asked."""

import sqlite3
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_servers_shared.guard.sql.lexer import (
    BLOB,
    COMMENT,
    ILLEGAL,
    NAME,
    NUMBER,
    OPERATOR,
    PARAMETER,
    QUOTED,
    SPACE,
    STRING,
    line_and_column,
    scan,
    significant,
)

QUOTES = ["'", "''", "'a;b'", '"', '"a;"', "`", "`;`", "[", "[;]", "]"]
COMMENTS = ["--", "-- ;\n", "--;\r", "/*", "*/", "/* ; */", "/**/", "/*/"]
PLAIN = [
    ";",
    " ",
    "\n",
    "\t",
    "\r",
    "\f",
    "SELECT",
    "x",
    "1",
    ".5",
    "-",
    "/",
    "*",
    "(",
    ")",
    ",",
    "é",
    "x'00'",
    "x'0'",
    "\\",
]
PIECES = st.sampled_from([*QUOTES, *COMMENTS, *PLAIN])
HOSTILE = [*QUOTES, *COMMENTS, "$a(", "(", "1e", ".", "$:", ":", "?", "\x0b", "é", "->", "x", "x'", "x'0"]


def kinds(sql: str) -> list[tuple[str, str]]:
    return [(token.kind, token.text) for token in significant(sql)]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("x'00ff'", [(BLOB, "x'00ff'")]),
        ("x'0'", [(ILLEGAL, "x'0'")]),
        ("'it''s'", [(STRING, "'it''s'")]),
        ("'open", [(ILLEGAL, "'open")]),
        ('"a""b"', [(QUOTED, '"a""b"')]),
        ("[a]]", [(QUOTED, "[a]"), (ILLEGAL, "]")]),
        ("`a``b`", [(QUOTED, "`a``b`")]),
        ("1.5e-3", [(NUMBER, "1.5e-3")]),
        ("0xFf", [(NUMBER, "0xFf")]),
        ("1a", [(ILLEGAL, "1a")]),
        ("1.", [(NUMBER, "1.")]),
        (".5", [(NUMBER, ".5")]),
        ("a.b", [(NAME, "a"), (OPERATOR, "."), (NAME, "b")]),
        ("?1 :a @b $c", [(PARAMETER, "?1"), (PARAMETER, ":a"), (PARAMETER, "@b"), (PARAMETER, "$c")]),
        ("$a::b(;x)", [(PARAMETER, "$a::b(;x)")]),
        ("$", [(ILLEGAL, "$")]),
        ("$a(b c", [(ILLEGAL, "$a(b"), (NAME, "c")]),
        (":::a", [(PARAMETER, ":::a")]),
        ("::::", [(ILLEGAL, ":::"), (ILLEGAL, ":")]),
        ("a$b", [(NAME, "a$b")]),
        ("v->>'$.x'", [(NAME, "v"), (OPERATOR, "->>"), (STRING, "'$.x'")]),
        ("a-- c\r;\nb", [(NAME, "a"), (NAME, "b")]),
        ("a/* /* */ b", [(NAME, "a"), (NAME, "b")]),
        ("a /* open ; b", [(NAME, "a")]),
        ("a /*", [(NAME, "a"), (OPERATOR, "/"), (OPERATOR, "*")]),
        ("\ufeffSELECT", [(NAME, "SELECT")]),
        ("a\u00a0b", [(NAME, "a\u00a0b")]),
        ("\u200bDELETE", [(NAME, "\u200bDELETE")]),
        ("\x0bDELETE", [(ILLEGAL, "\x0b"), (NAME, "DELETE")]),
        (" \x0bDELETE", [(NAME, "DELETE")]),
    ],
)
def test_tokens(sql: str, expected: list[tuple[str, str]]) -> None:
    assert kinds(sql) == expected


def test_words_fold_ascii_only() -> None:
    assert [token.word for token in significant('sElEcT ſelect "select"')] == ["SELECT", "ſelect", ""]


def test_names_lose_their_quotes() -> None:
    assert [token.name for token in significant('"a""b" `c``d` [e"f] g')] == ['a"b', "c`d", 'e"f', "g"]


def test_lines_and_columns() -> None:
    sql = "SELECT\n  a,\n\tb"
    assert [line_and_column(sql, token.start) for token in significant(sql)] == [(1, 1), (2, 3), (2, 4), (3, 2)]


@settings(deadline=None)
@given(st.text())
def test_nothing_is_lost_and_nothing_crashes(sql: str) -> None:
    tokens = list(scan(sql))
    assert "".join(token.text for token in tokens) == sql
    assert all(sql[token.start : token.end] == token.text != "" for token in tokens)


@settings(deadline=None)
@given(st.lists(PIECES, max_size=12).map("".join))
def test_completeness_agrees_with_sqlite(sql: str) -> None:
    tokens = list(scan(sql))
    left_open = tokens and tokens[-1].kind in (COMMENT, ILLEGAL) and not tokens[-1].text.startswith("--")
    visible = [token for token in tokens if token.kind not in (SPACE, COMMENT)]
    ours = bool(visible) and visible[-1].text == ";" and not (left_open and not tokens[-1].text.endswith("*/"))
    assert ours == sqlite3.complete_statement(sql)


@settings(deadline=None)
@given(st.lists(PIECES, max_size=6).map("".join))
def test_statement_ends_agree_with_sqlite(tail: str) -> None:
    """SQLite finds a second statement exactly where the lexer sees a token after the first semicolon."""
    sql = "SELECT 1" + tail
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute(sql).close()
        one = True
    except sqlite3.ProgrammingError as error:
        one = "one statement" not in str(error)
    except sqlite3.Error:
        return
    finally:
        connection.close()
    texts = [token.text for token in significant(sql)]
    assert one == (";" not in texts or texts.index(";") == len(texts) - 1)


@pytest.mark.parametrize("piece", HOSTILE)
def test_time_is_linear(piece: str) -> None:
    """A quadratic lexer needs minutes for this; the limit only catches that."""
    sql = piece * (60_000 // len(piece))
    started = time.monotonic()
    assert sum(len(token.text) for token in scan(sql)) == len(sql)
    assert time.monotonic() - started < 30
