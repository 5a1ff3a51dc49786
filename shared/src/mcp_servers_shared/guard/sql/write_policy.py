"""The authorizer for writes: which changes a prepared statement may make, allowed by list.

A statement is prepared twice. First `examining`: SQLite names every table the statement can change, its triggers and
foreign keys included, and the policy decides strictly and takes notes. Then `running`, where virtual tables write to
their own shadow tables: such writes are prepared by their modules while the statement runs and cannot be told from
the statement's own, which has passed by then.
"""

import contextlib
import sqlite3
from collections.abc import Collection, Generator
from typing import NamedTuple

from mcp_servers_shared.errors import StatementRefused
from mcp_servers_shared.guard.sql.policy import ReadPolicy

_OK = sqlite3.SQLITE_OK
_CHANGES = {
    sqlite3.SQLITE_INSERT: "insert",
    sqlite3.SQLITE_UPDATE: "update",
    sqlite3.SQLITE_DELETE: "delete",
}
_SCHEMA_ACTIONS: dict[str, frozenset[int]] = {
    "CREATE": frozenset(
        {
            sqlite3.SQLITE_CREATE_TABLE,
            sqlite3.SQLITE_CREATE_INDEX,
            sqlite3.SQLITE_CREATE_VIEW,
            sqlite3.SQLITE_CREATE_TRIGGER,
            sqlite3.SQLITE_CREATE_VTABLE,
            sqlite3.SQLITE_REINDEX,
        }
    ),
    "DROP": frozenset(
        {
            sqlite3.SQLITE_DROP_TABLE,
            sqlite3.SQLITE_DROP_INDEX,
            sqlite3.SQLITE_DROP_VIEW,
            sqlite3.SQLITE_DROP_TRIGGER,
            sqlite3.SQLITE_DROP_VTABLE,
        }
    ),
    "ALTER": frozenset({sqlite3.SQLITE_ALTER_TABLE}),
}
_TEMPORARY = frozenset(
    getattr(sqlite3, f"SQLITE_{verb}_TEMP_{what}")
    for verb in ("CREATE", "DROP")
    for what in ("TABLE", "INDEX", "VIEW", "TRIGGER")
)
CREATABLE_MODULES = frozenset({"fts5", "rtree", "rtree_i32"})
WRITABLE_MODULES = CREATABLE_MODULES | {"fts3", "fts4"}

_MAIN_ONLY = "only the main database can be used"
_RULES: dict[int, str] = {
    sqlite3.SQLITE_ATTACH: "other files are out of reach",
    sqlite3.SQLITE_DETACH: "other files are out of reach",
    sqlite3.SQLITE_TRANSACTION: "the server alone begins and ends transactions",
    sqlite3.SQLITE_SAVEPOINT: "the server alone begins and ends transactions",
    **dict.fromkeys(_TEMPORARY, "temporary objects would be gone after this call"),
}
_HINTS = {
    "PRAGMA": "Settings of the file are not changed here.",
    "READ": "Leave it out of the statement.",
    "FUNCTION": "Leave it out of the statement.",
    "CREATE_VTABLE": f"Virtual tables can be made with {', '.join(sorted(CREATABLE_MODULES))}.",
}


class Write(NamedTuple):
    """One kind of change that a statement can make. `by` names the trigger that makes it, if any."""

    change: str
    table: str
    by: str | None


class WritePolicy(ReadPolicy):
    """An authorizer that lets one statement change tables of the main database, and nothing else.

    `writes`, `assigned` (columns by table) and `functions` are what the examined statement can do, as SQLite said it.
    """

    def __init__(self, shadow_tables: Collection[str] = ()) -> None:
        super().__init__(shadow_tables)
        self.writable: frozenset[str] = frozenset()
        self.private = ""
        self.writes: list[Write] = []
        self.assigned: dict[str, set[str]] = {}
        self.functions: set[str] = set()
        self._own_work = False
        self._nested = False
        self._verb = ""
        self._new_table = ""
        self.altered_table: str | None = None
        self.dropped_column: str | None = None

    def know(self, tables: Collection[str], shadow_tables: Collection[str]) -> None:
        """Names of tables, views and virtual tables that may be changed, and of those behind virtual tables."""
        self.writable = frozenset(name.lower() for name in tables)
        self.shadow_tables = frozenset(name.lower() for name in shadow_tables)

    @contextlib.contextmanager
    def own_work(self) -> Generator[None]:
        """Allows everything while the server's own code prepares statements, none of it the caller's text."""
        before, self._own_work = self._own_work, True
        try:
            yield
        finally:
            self._own_work = before

    def examine(self, verb: str) -> None:
        """From here on, prepares are those of the caller's statement, strictly; `verb` in capitals."""
        self._verb = verb
        self._nested = False
        self._new_table = ""
        self.altered_table = None
        self.dropped_column = None
        self.writes.clear()
        self.assigned.clear()
        self.functions.clear()
        self.last_denial = None

    def run(self) -> None:
        """From here on, the examined statement runs, and virtual tables may write behind it."""
        self._nested = True

    def __call__(self, action: int, first: str | None, second: str | None, schema: str | None, by: str | None) -> int:
        if self._own_work or (self.private and by is not None and by.startswith(self.private)):
            return _OK
        if action == sqlite3.SQLITE_FUNCTION:
            return self._function(action, first, second, schema, by)
        # A table read without naming a column comes without its schema, so the name must tell.
        if self.private and (first or "").startswith(self.private):
            return self._deny(action, first, "this belongs to the server")
        if action == sqlite3.SQLITE_ALTER_TABLE:
            return self._alter(first, second or "", column=schema)
        if schema is not None and schema != "main" and not self._alters_temp(action, first):
            rule = "temporary objects would be gone after this call" if schema == "temp" else _MAIN_ONLY
            return self._deny(action, first, _RULES.get(action, rule))
        if action in _CHANGES:
            return self._change(action, first or "", second, by)
        if action in (sqlite3.SQLITE_READ, sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE, sqlite3.SQLITE_PRAGMA):
            return super().__call__(action, first, second, schema, by)
        return self._schema(action, first or "", second or "")

    def refusal(self) -> StatementRefused:
        """The last denial as an error for the model."""
        refused = super().refusal()
        refused.hint = _HINTS.get(str(refused.evidence["action"]), "Change ordinary tables, views and indexes by name.")
        return refused

    def _function(self, action: int, first: str | None, second: str | None, schema: str | None, by: str | None) -> int:
        name = (second or "").lower()
        if self.private and name.startswith(self.private):
            return self._deny(action, second, "this function belongs to the server")
        self.functions.add(name)
        return super().__call__(action, first, second, schema, by)

    def _change(self, action: int, table: str, column: str | None, by: str | None) -> int:
        name = table.lower()
        if name in ("sqlite_master", "sqlite_schema", "sqlite_temp_master"):
            # Declaring json_each and its like asks for UPDATE; a real one fails while writable_schema is off.
            if action == sqlite3.SQLITE_UPDATE or self._verb in _SCHEMA_ACTIONS:
                return _OK
            return self._deny(action, table, "the schema changes by CREATE, ALTER and DROP only")
        if name == "sqlite_sequence" or name.startswith("sqlite_stat"):
            if self._verb in ("DROP", "ALTER"):
                return _OK
            return self._deny(action, table, "SQLite keeps this table itself")
        if name in self.shadow_tables or self._belongs_to_new_table(name):
            if self._nested:
                return _OK
            return self._deny(action, table, "a virtual table keeps its data here; change that table instead")
        if name.startswith("sqlite_") or name not in self.writable:
            return self._deny(action, table, "only tables and views of this database can be changed")
        self.writes.append(Write(_CHANGES[action], table, by))
        if column is not None:
            self.assigned.setdefault(table, set()).add(column)
        return _OK

    def _schema(self, action: int, first: str, second: str) -> int:
        if action not in _SCHEMA_ACTIONS.get(self._verb, ()):
            return self._deny(action, first or second, _RULES.get(action, "this statement may not do that"))
        name = first.lower()
        # For an index or a trigger, `second` is its table.
        if not self._nested and not self.shadow_tables.isdisjoint({name, second.lower()}):
            return self._deny(action, first, "a virtual table keeps its data here; change that table instead")
        if action == sqlite3.SQLITE_CREATE_VTABLE:
            if second.lower() not in CREATABLE_MODULES:
                return self._deny(action, second, "this kind of virtual table is not on the list")
            self._new_table = name
        return _OK

    def _alter(self, schema: str | None, table: str, column: str | None) -> int:
        """ALTER TABLE names the schema first; the column is given when it is dropped."""
        if not self._nested:
            self.altered_table, self.dropped_column = table, column
        if schema != "main":
            return self._deny(sqlite3.SQLITE_ALTER_TABLE, table, _MAIN_ONLY)
        return self._schema(sqlite3.SQLITE_ALTER_TABLE, table, "")

    def _belongs_to_new_table(self, name: str) -> bool:
        return bool(self._new_table) and name.startswith(self._new_table + "_")

    def _alters_temp(self, action: int, first: str | None) -> bool:
        """ALTER TABLE also looks at temporary objects that may mention the table; there are none of the caller's."""
        if self._verb != "ALTER":
            return False
        return action in (sqlite3.SQLITE_READ, sqlite3.SQLITE_UPDATE) and (first or "") in (
            "sqlite_temp_master",
            "sqlite_temp_schema",
        )
