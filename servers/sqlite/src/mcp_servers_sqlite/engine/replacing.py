"""Rows that REPLACE removes to make room: SQLite counts them nowhere and fires their triggers only on request.

Where the tables have no triggers of their own, asking for recursive triggers changes nothing but that our capture sees
these rows too. Where they have, it would change what those triggers do; there the rows are counted instead.
"""

import re
import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from mcp_servers_shared.guard.sql.gate import Statement
from mcp_servers_shared.guard.sql.identifiers import quote
from mcp_servers_shared.guard.sql.write_policy import Write
from mcp_servers_sqlite.engine.naming import fold
from mcp_servers_sqlite.engine.schema import Table

_REPLACE = re.compile(r"\breplace\b(?!\s*\()", re.IGNORECASE)


class Replacing(NamedTuple):
    """Row counts before the statement, of the tables in which a REPLACE cannot be watched."""

    rows: dict[str, int]

    def finish(self, connection: sqlite3.Connection, counts: dict[tuple[str, str], int]) -> dict[str, int]:
        """Rows replaced without being watched, by table: what the other counts do not explain."""
        found: dict[str, int] = {}
        for table, before in self.rows.items():
            inserted, deleted = counts.get((table, "insert"), 0), counts.get((table, "delete"), 0)
            missing = before + inserted - deleted - _count(connection, table)
            if missing > 0:
                found[table] = missing
        return found


def prepare(
    connection: sqlite3.Connection, statement: Statement, tables: Iterable[Table], writes: Iterable[Write]
) -> Replacing:
    """Gets ready for REPLACE where the statement, a constraint of the tables or a trigger may do it."""
    reached = {fold(write.table) for write in writes}
    triggers = [
        str(sql)
        for name, sql in connection.execute("SELECT tbl_name, sql FROM main.sqlite_schema WHERE type='trigger'")
        if fold(str(name)) in reached
    ]
    written = [table for table in tables if not table.name.startswith("sqlite_")]
    texts = [statement.text, *(table.sql for table in written), *triggers]
    if not any(_REPLACE.search(text) for text in texts):
        return Replacing({})
    if not triggers:
        connection.execute("PRAGMA recursive_triggers=ON").close()
        return Replacing({})
    return Replacing({table.name: _count(connection, table.name) for table in written})


def _count(connection: sqlite3.Connection, table: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM main.{quote(table)}").fetchone()[0])
