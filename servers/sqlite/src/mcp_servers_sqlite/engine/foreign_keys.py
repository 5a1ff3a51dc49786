"""Foreign keys that are checked only at the commit, which a preview never reaches: they are checked by hand."""

import re
import sqlite3
from collections.abc import Collection, Iterable
from typing import NamedTuple

from mcp_servers_shared.errors import InvalidInput
from mcp_servers_shared.guard.sql.identifiers import quote
from mcp_servers_sqlite.engine.naming import fold
from mcp_servers_sqlite.engine.schema import Table

_DEFERRED = re.compile(r"\bdeferrable\s+initially\s+deferred\b", re.IGNORECASE)


class Deferred(NamedTuple):
    """Violations that were there before the statement, of each table with a deferred foreign key that it can touch."""

    violations: dict[str, int]

    @classmethod
    def before(cls, connection: sqlite3.Connection, tables: Iterable[Table], touched: Collection[str]) -> "Deferred":
        """Counts them; `touched` holds folded names. Free for databases without deferred keys."""
        found: dict[str, int] = {}
        for table in tables:
            if table.kind == "table" and _DEFERRED.search(table.sql):
                related = {fold(table.name), *_parents(connection, table.name)}
                if not related.isdisjoint(touched):
                    found[table.name] = _violations(connection, table.name)
        return cls(found)

    def require_none(self, connection: sqlite3.Connection) -> None:
        """Raises InvalidInput when the statement has left more violations than it found, so that COMMIT would fail."""
        for table, before in self.violations.items():
            if _exists(connection, table) and _violations(connection, table) > before:
                raise InvalidInput(
                    f"FOREIGN KEY constraint failed: rows of {table[:200]} would point to rows that do not exist",
                    code="constraint",
                    hint="Nothing was changed. This key is checked at the end of the transaction, and a call is one "
                    "transaction: change both tables in one statement, or write the parent first.",
                )


def _parents(connection: sqlite3.Connection, table: str) -> set[str]:
    rows = connection.execute("SELECT \"table\" FROM pragma_foreign_key_list(?, 'main')", (table,))
    return {fold(str(row[0])) for row in rows}


def _violations(connection: sqlite3.Connection, table: str) -> int:
    return sum(1 for _ in connection.execute(f"PRAGMA main.foreign_key_check({quote(table)})"))


def _exists(connection: sqlite3.Connection, table: str) -> bool:
    found = connection.execute("SELECT 1 FROM main.sqlite_schema WHERE type='table' AND name=?", (table,))
    return found.fetchone() is not None
