"""What kind of statement a text holds, said before SQLite sees it.

The gate explains and chooses; it is not what protects the data. The authorizer in `policy` and the read-only
connection decide, so an unknown verb passes here and gets SQLite's own, more exact error.
"""

from typing import NamedTuple

from mcp_servers_shared.errors import StatementRefused
from mcp_servers_shared.guard.sql.lexer import NAME, Token, significant

MAX_SQL_BYTES = 100_000

READ = "read"
EXPLAIN = "explain"
PRAGMA = "pragma"
WRITE = "write"
DDL = "ddl"
TRANSACTION = "transaction"
ATTACH = "attach"
MAINTENANCE = "maintenance"
UNKNOWN = "unknown"

_KINDS = {
    **dict.fromkeys(("SELECT", "VALUES"), READ),
    "EXPLAIN": EXPLAIN,
    "PRAGMA": PRAGMA,
    **dict.fromkeys(("INSERT", "REPLACE", "UPDATE", "DELETE"), WRITE),
    **dict.fromkeys(("CREATE", "DROP", "ALTER"), DDL),
    **dict.fromkeys(("BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE"), TRANSACTION),
    **dict.fromkeys(("ATTACH", "DETACH"), ATTACH),
    **dict.fromkeys(("VACUUM", "REINDEX", "ANALYZE"), MAINTENANCE),
}
_MAIN_VERBS = frozenset({"SELECT", "VALUES", "INSERT", "REPLACE", "UPDATE", "DELETE"})
_WRITE_HINT = "To change data use execute_sql, which the server offers when started with --allow-writes."
_HINTS = {
    WRITE: _WRITE_HINT,
    DDL: _WRITE_HINT,
    MAINTENANCE: "Only SELECT, VALUES, WITH, EXPLAIN and reading PRAGMAs run here.",
    TRANSACTION: "Every call reads one consistent snapshot by itself: send only the SELECT.",
    ATTACH: "Other files are out of reach; databases are configured when the server starts.",
}


class Statement(NamedTuple):
    """One statement: its kind, its main verb in capitals, and its text.

    `text` ends with the last token, so that a clause can be appended; its offsets are those of the given text.
    `inner` is the statement behind EXPLAIN, `tokens` what SQLite's parser sees of `text`.
    """

    kind: str
    verb: str
    text: str
    tokens: list[Token]
    inner: "Statement | None" = None


def classify(sql: str) -> Statement:
    """The one statement in the text.

    Raises:
        StatementRefused: no text, text that SQLite cannot take, or more than one statement.
    """
    _check_text(sql)
    tokens = significant(sql)
    while tokens and tokens[0].text == ";":
        del tokens[0]
    if not tokens:
        raise StatementRefused(
            "There is no statement in this text", code="empty_statement", rule="gate", hint="Send one SELECT."
        )
    stop = _statement_end(tokens)
    if stop + 1 < len(tokens):
        _refuse_second(tokens[stop + 1 :])
    tokens = tokens[:stop]
    return _statement(sql[: tokens[-1].end], tokens)


def unchecked(sql: str) -> Statement:
    """The text as it is, for a test that shows what holds without the gate."""
    return Statement(UNKNOWN, "", sql, significant(sql))


def require_read(sql: str) -> Statement:
    """The statement, when it is one that a read-only call may try.

    Raises:
        StatementRefused: with the kind that was found and what to use instead.
    """
    statement = classify(sql)
    subject = statement.inner or statement
    if subject.kind in _HINTS:
        what = f"{subject.verb} is a {_describe(subject.kind)}"
        hint = _HINTS[subject.kind]
        if statement.inner is not None:
            what, hint = f"EXPLAIN {what}", "explain_query shows the plan of a write without running it."
        raise StatementRefused(f"{what}; this call only reads", rule="gate", hint=hint, kind=subject.kind)
    if statement.inner is not None and subject.kind not in (READ, UNKNOWN):
        raise StatementRefused(
            f"EXPLAIN works on a SELECT here, not on {subject.verb}", rule="gate", hint="Explain one SELECT."
        )
    return statement


def _check_text(sql: str) -> None:
    def refuse(message: str, code: str, hint: str) -> None:
        raise StatementRefused(message, code=code, rule="gate", hint=hint)

    if "\0" in sql:
        refuse("The SQL holds a NUL character", "bad_text", "Remove it, or pass the value as a parameter.")
    if len(sql) > MAX_SQL_BYTES:
        refuse(f"The SQL is longer than {MAX_SQL_BYTES} bytes", "sql_too_long", "Pass long values as parameters.")
    try:
        size = len(sql.encode("utf-8"))
    except UnicodeEncodeError:
        size = 0
        refuse("The SQL holds half of a surrogate pair, which is not text", "bad_text", "Send valid Unicode.")
    if size > MAX_SQL_BYTES:
        refuse(f"The SQL is longer than {MAX_SQL_BYTES} bytes", "sql_too_long", "Pass long values as parameters.")


def _statement(text: str, tokens: list[Token]) -> Statement:
    first = tokens[0]
    if first.word == "EXPLAIN":
        rest = tokens[1:]
        if len(rest) > 1 and rest[0].word == "QUERY" and rest[1].word == "PLAN":
            rest = rest[2:]
        if not rest:
            return Statement(UNKNOWN, "EXPLAIN", text, tokens)
        return Statement(EXPLAIN, "EXPLAIN", text, tokens, _statement(text, rest))
    verb = _main_verb(tokens) if first.word == "WITH" else first.word
    return Statement(_KINDS.get(verb, UNKNOWN), verb or first.text[:40], text, tokens)


def _statement_end(tokens: list[Token]) -> int:
    """The index of the `;` that ends the statement, or the number of tokens."""
    trigger = _creates_trigger(tokens)
    for index, token in enumerate(tokens):
        if token.text != ";":
            continue
        if not trigger or (tokens[index - 1].word == "END" and tokens[index - 2].text == ";"):
            return index
    return len(tokens)


def _creates_trigger(tokens: list[Token]) -> bool:
    words = [token.word for token in tokens[:4]]
    while words and words[0] in ("EXPLAIN", "QUERY", "PLAN"):
        del words[0]
    if words[:1] != ["CREATE"]:
        return False
    return "TRIGGER" in words[1:2] or (words[1:2] in (["TEMP"], ["TEMPORARY"]) and "TRIGGER" in words[2:3])


def _refuse_second(rest: list[Token]) -> None:
    verb = rest[0].word
    if rest[0].text == ";":
        found, hint = "an extra semicolon", "End the statement with at most one semicolon."
    elif verb in _KINDS or verb == "WITH":
        found, hint = f"a second statement ({verb})", "Send one statement in each call."
    else:
        found, hint = "more text after the semicolon", "Send one statement in each call; double a ' inside text."
    raise StatementRefused(f"The SQL holds {found}; none of it was run", code="many_statements", rule="gate", hint=hint)


def _main_verb(tokens: list[Token]) -> str:
    """The verb that the common table expressions of a WITH serve, or an empty string."""
    index = 2 if len(tokens) > 1 and tokens[1].word == "RECURSIVE" else 1
    while index < len(tokens):
        index += 1
        if index < len(tokens) and tokens[index].text == "(":
            index = _after_parenthesis(tokens, index)
        while index < len(tokens) and tokens[index].word in ("AS", "NOT", "MATERIALIZED"):
            index += 1
        if index >= len(tokens) or tokens[index].text != "(":
            break
        index = _after_parenthesis(tokens, index)
        if index < len(tokens) and tokens[index].text == ",":
            index += 1
            continue
        if index < len(tokens) and tokens[index].word in _MAIN_VERBS:
            return tokens[index].word
        break
    return ""


def _after_parenthesis(tokens: list[Token], index: int) -> int:
    depth = 0
    for position in range(index, len(tokens)):
        if tokens[position].text == "(":
            depth += 1
        elif tokens[position].text == ")":
            depth -= 1
            if depth == 0:
                return position + 1
    return len(tokens)


def _describe(kind: str) -> str:
    return {
        WRITE: "write",
        DDL: "schema change",
        MAINTENANCE: "maintenance statement that writes",
        TRANSACTION: "transaction statement",
        ATTACH: "statement about other files",
    }[kind]


def words(tokens: list[Token]) -> frozenset[str]:
    """The bare words of a statement in capitals."""
    return frozenset(token.word for token in tokens if token.kind == NAME)
