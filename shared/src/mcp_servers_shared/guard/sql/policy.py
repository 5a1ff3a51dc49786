"""The authorizer: what a prepared statement may touch, allowed by list.

SQLite asks for every table, column, function and pragma while it prepares a statement, so views, triggers, CTEs and
table-valued functions cannot hide anything. The last refusal is kept, so that the error can say which rule said no.
"""

import sqlite3
from collections.abc import Collection
from typing import NamedTuple

from mcp_servers_shared.errors import StatementRefused

_OK = sqlite3.SQLITE_OK
_DENY = sqlite3.SQLITE_DENY

_SCHEMA_TABLES = frozenset({"sqlite_master", "sqlite_schema", "sqlite_temp_master", "sqlite_temp_schema"})
HIDDEN_TABLES = frozenset({"sqlite_dbpage", "sqlite_stmt", "sqlite_dbdata", "sqlite_dbptr"})
_OUTSIDE = "load_extension readfile writefile edit fsdir lsmode zipfile zipfile_cds sqlite_log fts3_tokenizer optimize"
_INSPECTING = """
    table_info table_xinfo table_list index_list index_info index_xinfo foreign_key_list foreign_key_check
    integrity_check quick_check
"""
_READING = """
    user_version application_id schema_version data_version encoding page_count page_size freelist_count journal_mode
    auto_vacuum foreign_keys query_only collation_list compile_options function_list module_list pragma_list
"""
DENIED_FUNCTIONS = frozenset(_OUTSIDE.split())
PRAGMAS_WITH_ARGUMENT = frozenset(_INSPECTING.split())
PRAGMAS_WITHOUT_ARGUMENT = PRAGMAS_WITH_ARGUMENT | frozenset(_READING.split())

_ACTION_NAMES = """
    CREATE_INDEX CREATE_TABLE CREATE_TEMP_INDEX CREATE_TEMP_TABLE CREATE_TEMP_TRIGGER CREATE_TEMP_VIEW CREATE_TRIGGER
    CREATE_VIEW DELETE DROP_INDEX DROP_TABLE DROP_TEMP_INDEX DROP_TEMP_TABLE DROP_TEMP_TRIGGER DROP_TEMP_VIEW
    DROP_TRIGGER DROP_VIEW INSERT PRAGMA READ SELECT TRANSACTION UPDATE ATTACH DETACH ALTER_TABLE REINDEX ANALYZE
    CREATE_VTABLE DROP_VTABLE FUNCTION SAVEPOINT RECURSIVE
"""
_ACTIONS: dict[int, str] = {getattr(sqlite3, f"SQLITE_{name}"): name for name in _ACTION_NAMES.split()}


class Denial(NamedTuple):
    """What was refused: the action, the object it was about, and the rule in words."""

    action: str
    object: str
    rule: str


class ReadPolicy:
    """An authorizer for `Connection.set_authorizer` that lets statements read and nothing else.

    Args:
        shadow_tables: tables that `PRAGMA table_list` calls `shadow`. R-tree and FTS prepare their writes on them
            when a table is opened; the read-only connection stops such a write from running.
    """

    def __init__(self, shadow_tables: Collection[str] = ()) -> None:
        self.shadow_tables = frozenset(name.lower() for name in shadow_tables)
        self.last_denial: Denial | None = None

    def __call__(self, action: int, first: str | None, second: str | None, schema: str | None, by: str | None) -> int:
        if action == sqlite3.SQLITE_READ:
            if first is not None and first.lower() in HIDDEN_TABLES:
                return self._deny(action, first, "this table shows the raw file or other statements")
            return _OK
        if action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE):
            return _OK
        if action == sqlite3.SQLITE_FUNCTION:
            if (second or "").lower() in DENIED_FUNCTIONS:
                return self._deny(action, second, "this function reaches outside the database")
            return _OK
        if action == sqlite3.SQLITE_PRAGMA:
            return self._pragma(action, (first or "").lower(), second)
        return self.write(action, first or "", second)

    def write(self, action: int, first: str, second: str | None) -> int:
        """Decides everything that is not reading; the two exceptions keep json_each, pragmas and R-tree working."""
        name = first.lower()
        if action == sqlite3.SQLITE_UPDATE and name == "sqlite_master":
            return _OK
        if action in (sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE):
            return _OK if name in self.shadow_tables else self._deny(action, first, "this connection only reads")
        return self._deny(action, first or second, "only reading statements are allowed")

    def refusal(self) -> StatementRefused:
        """The last denial as an error for the model."""
        denial = self.last_denial or Denial("STATEMENT", "", "not authorized")
        what = f"{denial.action} {denial.object}".strip()
        return StatementRefused(
            f"SQLite refused {what}: {denial.rule}",
            rule="authorizer",
            hint=_hint(denial),
            action=denial.action,
            object=denial.object,
        )

    def _pragma(self, action: int, name: str, argument: str | None) -> int:
        if argument is None:
            if name in PRAGMAS_WITHOUT_ARGUMENT:
                return _OK
            return self._deny(action, name, "this pragma is not on the list of reading pragmas")
        if name in PRAGMAS_WITH_ARGUMENT:
            return _OK
        rule = (
            "with a value this pragma would change a setting"
            if name in PRAGMAS_WITHOUT_ARGUMENT
            else ("this pragma is not on the list of reading pragmas")
        )
        return self._deny(action, name, rule)

    def _deny(self, action: int, name: str | None, rule: str) -> int:
        self.last_denial = Denial(_ACTIONS.get(action, f"ACTION {action}"), (name or "")[:200], rule)
        return _DENY


class PlanPolicy(ReadPolicy):
    """The same for EXPLAIN QUERY PLAN of a write: it may be prepared, and EXPLAIN never runs it."""

    def write(self, action: int, first: str, second: str | None) -> int:
        """Also lets INSERT, UPDATE and DELETE on the database's own tables be prepared."""
        changes = (sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE)
        if action in changes and first.lower() not in _SCHEMA_TABLES | HIDDEN_TABLES:
            return _OK
        return super().write(action, first, second)


def _hint(denial: Denial) -> str:
    if denial.action == "PRAGMA":
        return "Reading pragmas such as table_info(t), index_list(t) and user_version work; describe_table shows more."
    if denial.action in ("READ", "FUNCTION"):
        return "Leave it out of the statement."
    return "Use one SELECT; changes need execute_sql and a server started with --allow-writes."
