"""When the database's own triggers may write to full-text tables.

`trusted_schema=OFF` keeps what a file stores (triggers, checks, defaults) from calling functions that reach outside.
Before SQLite 3.41 it also forbids triggers to write to FTS tables, which is how most applications keep a search index.
A function can only be called by its name, so a schema in which no such name stands can be trusted.
"""

import itertools
import sqlite3
from collections.abc import Mapping

from mcp_servers_shared.guard.sql.lexer import IDENTIFIERS, significant
from mcp_servers_shared.guard.sql.policy import DENIED_FUNCTIONS
from mcp_servers_sqlite.engine.schema import Table

_UNSAFE = "unsafe use of virtual table"


def asks_for_trust(error: sqlite3.Error) -> bool:
    """Whether the statement failed only because a trigger or view uses a virtual table."""
    return _UNSAFE in str(error)


def trust_schema(connection: sqlite3.Connection, tables: Mapping[str, Table], writable: frozenset[str]) -> bool:
    """Trusts the schema for the rest of this connection if nothing in it can reach outside; says whether it does."""
    modules = {table.module.lower() for table in tables.values() if table.kind == "virtual"}
    if not modules <= writable:
        return False
    statements = connection.execute("SELECT sql FROM main.sqlite_schema WHERE sql <> ''")
    if any(_reaches_outside(str(sql)) for (sql,) in statements):
        return False
    connection.execute("PRAGMA trusted_schema=ON").close()
    return True


def _reaches_outside(sql: str) -> bool:
    tokens = significant(sql)
    return any(
        token.kind in IDENTIFIERS and token.name.lower() in DENIED_FUNCTIONS and following.text == "("
        for token, following in itertools.pairwise(tokens)
    )
