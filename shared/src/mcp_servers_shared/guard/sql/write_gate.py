"""Which statements a write call takes, said before SQLite sees them.

Like `gate`, this explains; `write_policy` is what holds.
"""

import difflib

from mcp_servers_shared.errors import StatementRefused
from mcp_servers_shared.guard.sql import gate
from mcp_servers_shared.guard.sql.gate import Statement, classify
from mcp_servers_shared.guard.sql.lexer import IDENTIFIERS

_TRAPS = frozenset({"load_extension", "fts3_tokenizer", "readfile", "writefile"})
# Before a parenthesis, a name after one of these is a table and not a function.
_BEFORE_TABLES = frozenset({"TABLE", "EXISTS", "INTO", "ON", "REFERENCES", "VIEW"})
_VERBS = ("INSERT", "REPLACE", "UPDATE", "DELETE", "CREATE", "ALTER", "DROP", "WITH")
_TAKES = "execute_sql takes one INSERT, REPLACE, UPDATE, DELETE, CREATE, ALTER or DROP."
_HINTS = {
    gate.READ: "Use query_database to read.",
    gate.EXPLAIN: "Use explain_query for a plan; execute_sql itself shows what a write would do before doing it.",
    gate.PRAGMA: "Settings of the file are not changed here; read them with query_database.",
    gate.TRANSACTION: "Every call is one transaction by itself. To write several rows at once, write one statement.",
    gate.ATTACH: "Other files are out of reach; databases are configured when the server starts.",
    gate.MAINTENANCE: "Run it with another program when nobody else uses the file.",
}
_OTHER_DIALECTS = {
    "TRUNCATE": "SQLite has no TRUNCATE: use DELETE FROM t.",
    "MERGE": "SQLite has no MERGE: use INSERT ... ON CONFLICT DO UPDATE.",
    "UPSERT": "SQLite has no UPSERT: use INSERT ... ON CONFLICT DO UPDATE.",
    "RENAME": "Use ALTER TABLE t RENAME TO u.",
    "GRANT": "SQLite has no users and no privileges.",
    "REVOKE": "SQLite has no users and no privileges.",
}


def require_write(sql: str) -> Statement:
    """The statement, when it is one that a write call may try.

    Raises:
        StatementRefused: no statement, several, or one of another kind; with what to use instead.
    """
    statement = classify(sql)
    if statement.kind in (gate.WRITE, gate.DDL):
        _refuse_stored_traps(statement)
        return statement
    shown = statement.verb[:40] or "This"
    if statement.kind in _HINTS:
        raise StatementRefused(
            f"{shown} is not a write", rule="write gate", hint=f"{_HINTS[statement.kind]} {_TAKES}", kind=statement.kind
        )
    raise StatementRefused(
        f"{shown} does not begin a statement that writes", rule="write gate", hint=_guess(shown), kind=statement.kind
    )


def _refuse_stored_traps(statement: Statement) -> None:
    """A schema keeps expressions that other programs run later, without this guard: none may reach outside."""
    if statement.kind != gate.DDL:
        return
    tokens = statement.tokens
    for before, token, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
        called = token.kind in IDENTIFIERS and after.text == "(" and before.word not in _BEFORE_TABLES
        if called and token.name.lower() in _TRAPS:
            raise StatementRefused(
                f"The schema may not call {token.name}(): it reaches outside the database",
                rule="write gate",
                hint="Leave it out of the statement.",
                object=token.name,
            )


def _guess(verb: str) -> str:
    if verb.upper() in _OTHER_DIALECTS:
        return _OTHER_DIALECTS[verb.upper()]
    near = difflib.get_close_matches(verb.upper(), _VERBS, n=1, cutoff=0.6)
    return f"Did you mean {near[0]}? {_TAKES}" if near else _TAKES
