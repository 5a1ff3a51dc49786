"""What a statement does to the schema: sqlite_schema before against after."""

import re
import sqlite3
from typing import Any, NamedTuple

_VIRTUAL = re.compile(r"CREATE\s+VIRTUAL\s", re.IGNORECASE)


class SchemaObject(NamedTuple):
    """One row of sqlite_schema."""

    type: str
    name: str
    table: str
    sql: str
    root: int


class SchemaChange(NamedTuple):
    """An object that came, went, changed or got another name.

    `rows` counts those of a table that came or went at once, or the values that a dropped column held; None where there
    are none to count.
    """

    change: str
    type: str
    name: str
    before: str | None
    after: str | None
    rows: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """JSON, without what does not apply."""
        return {key: value for key, value in self._asdict().items() if value is not None}


def snapshot(connection: sqlite3.Connection) -> list[SchemaObject]:
    """The schema now, without the indexes and tables that SQLite makes by itself."""
    rows = connection.execute("SELECT type, name, tbl_name, sql, rootpage FROM main.sqlite_schema WHERE sql <> ''")
    return [SchemaObject(str(kind), str(name), str(table), str(sql), root) for kind, name, table, sql, root in rows]


def compare(before: list[SchemaObject], after: list[SchemaObject]) -> list[SchemaChange]:
    """What has changed between two snapshots, in the order of the schema."""
    old = {(one.type, one.name): one for one in before}
    new = {(one.type, one.name): one for one in after}
    gone = [one for key, one in old.items() if key not in new]
    come = [one for key, one in new.items() if key not in old]
    by_root = {(one.type, one.root): one for one in gone if one.root}
    changes: list[SchemaChange] = []
    for one in come:
        former = by_root.get((one.type, one.root)) if one.root else None
        if former is None:
            changes.append(SchemaChange("create", one.type, one.name, None, one.sql))
        else:
            gone.remove(former)
            changes.append(SchemaChange("rename", one.type, one.name, former.sql, one.sql))
    changes += [SchemaChange("drop", one.type, one.name, one.sql, None) for one in gone]
    for key, one in new.items():
        former = old.get(key)
        if former is not None and former.sql != one.sql:
            changes.append(SchemaChange("alter", one.type, one.name, former.sql, one.sql))
    return _without_shadows(changes)


def _without_shadows(changes: list[SchemaChange]) -> list[SchemaChange]:
    """Without the tables that come and go with a virtual table."""
    virtual = {(one.change, f"{one.name}_") for one in changes if _VIRTUAL.match(one.after or one.before or "")}
    return [
        one
        for one in changes
        if not any(one.change == change and one.name.startswith(name) for change, name in virtual)
    ]
