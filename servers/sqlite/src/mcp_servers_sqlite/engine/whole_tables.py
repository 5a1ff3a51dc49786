"""What CREATE, ALTER and DROP do to the rows of whole tables, for which no trigger fires."""

import sqlite3
from typing import NamedTuple

from mcp_servers_shared.guard.sql.identifiers import quote
from mcp_servers_sqlite.engine.capture import DELETE, INSERT, Change, first_rows
from mcp_servers_sqlite.engine.schema import Table, read_tables
from mcp_servers_sqlite.engine.schema_changes import SchemaChange, SchemaObject, compare, snapshot


class SchemaEffect(NamedTuple):
    """Rows that came or went with their table, the first of them, and the changes of the schema."""

    rows: int
    samples: list[Change]
    changes: list[SchemaChange]


class SchemaWatch(NamedTuple):
    """What must be known before a schema change, to say afterwards what it did.

    `rows` counts those of the table that is dropped, or the values of the column that is.
    """

    schema: list[SchemaObject]
    dropped: Table | None
    samples: list[Change]
    rows: int | None

    @classmethod
    def before_drop(cls, connection: sqlite3.Connection, table: Table, limit: int) -> "SchemaWatch":
        """Before DROP TABLE."""
        samples = first_rows(connection, table, DELETE, limit) if table.kind == "table" else []
        return cls(snapshot(connection), table, samples, _count(connection, table.name))

    @classmethod
    def before_alter(cls, connection: sqlite3.Connection, table: str, column: str) -> "SchemaWatch":
        """Before ALTER TABLE DROP COLUMN."""
        return cls(snapshot(connection), None, [], _count(connection, table, quote(column)))

    @classmethod
    def before(cls, connection: sqlite3.Connection) -> "SchemaWatch":
        """Before any other change of the schema."""
        return cls(snapshot(connection), None, [], None)

    def finish(self, connection: sqlite3.Connection, limit: int) -> SchemaEffect:
        """Compares with the schema as it is now."""
        changes = compare(self.schema, snapshot(connection))
        if self.dropped is not None:
            name = self.dropped.name
            changes = [one._replace(rows=self.rows) if one.name == name and not one.after else one for one in changes]
            return SchemaEffect(self.rows or 0, self.samples, changes)
        if self.rows is not None:
            changes = [one._replace(rows=self.rows) if one.type == "table" else one for one in changes]
            return SchemaEffect(0, [], changes)
        return _filled(connection, changes, limit)


def _filled(connection: sqlite3.Connection, changes: list[SchemaChange], limit: int) -> SchemaEffect:
    """CREATE TABLE ... AS SELECT brings rows along."""
    made = [one for one in changes if (one.change, one.type) == ("create", "table")]
    if len(made) != 1 or len(changes) != 1:
        return SchemaEffect(0, [], changes)
    table = read_tables(connection).get(made[0].name)
    rows = _count(connection, table.name) if table is not None and table.kind == "table" else 0
    if table is None or not rows:
        return SchemaEffect(0, [], changes)
    return SchemaEffect(rows, first_rows(connection, table, INSERT, limit), [made[0]._replace(rows=rows)])


def _count(connection: sqlite3.Connection, table: str, what: str = "*") -> int:
    return int(connection.execute(f"SELECT count({what}) FROM main.{quote(table)}").fetchone()[0])
