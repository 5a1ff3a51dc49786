"""The real schema of a database, as SQLite reports it.

Names come out exactly as they are, however odd, and go back to SQLite only as bound parameters. A view or virtual table
that SQLite cannot open carries its problem and stops nothing else.
"""

import contextlib
import functools
import re
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from mcp_servers_shared.errors import NotFound
from mcp_servers_shared.guard.untrusted import visible
from mcp_servers_sqlite.engine.naming import fold, one_line, shown
from mcp_servers_sqlite.engine.suggesting import nearest

Operation = Callable[[sqlite3.Connection, Mapping[str, Any]], dict[str, Any]]
Kind = Literal["table", "view", "virtual", "shadow", "internal"]

_HIDDEN = {1: "hidden", 2: "virtual", 3: "stored"}
_ALIASES = {"sqlite_master": "sqlite_schema", "sqlite_schema": "sqlite_master"}
_NAME = r"(?:\"(?:[^\"]|\"\")*+\"|'(?:[^']|'')*+'|`(?:[^`]|``)*+`|\[[^\]]*+\]|[^\s.,()=\"'`\[]++)"
_MODULE = re.compile(rf"CREATE\s+VIRTUAL\s+TABLE\s+{_NAME}\s+USING\s+({_NAME})", re.IGNORECASE)
_CONTENT = re.compile(rf"[(,]\s*content\s*=\s*({_NAME})", re.IGNORECASE)
# What one object may be wrong with: bad SQL, a damaged page, a refusal. Anything else ends the whole operation.
_SURVIVABLE = frozenset({sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_AUTH})


class Table(NamedTuple):
    """A table or view. `owner` is the virtual table a shadow table belongs to, `content` what an FTS table indexes."""

    name: str
    kind: Kind
    strict: bool = False
    without_rowid: bool = False
    sql: str = ""
    module: str = ""
    owner: str = ""
    content: str = ""

    @property
    def listed(self) -> bool:
        """Whether a reader looks for it, rather than SQLite itself."""
        return self.kind not in ("shadow", "internal")


class Column(NamedTuple):
    """A column. `key` is its place in the primary key from 1, `hidden` one of "", hidden, virtual, stored."""

    name: str
    type: str
    not_null: bool
    default: str | None
    key: int
    hidden: str


class ForeignKey(NamedTuple):
    """A foreign key. `target_columns` is empty when it means the primary key, `found` false when no such table is."""

    table: str
    columns: list[str]
    target: str
    target_columns: list[str]
    on_update: str
    on_delete: str
    found: bool


class Index(NamedTuple):
    """An index. `columns` holds None for an expression, `origin` is c (CREATE INDEX), u (UNIQUE) or pk."""

    name: str
    unique: bool
    origin: str
    partial: bool
    columns: list[str | None]
    sql: str


class Trigger(NamedTuple):
    """A trigger with its CREATE statement."""

    name: str
    sql: str


def in_snapshot(operation: Operation) -> Operation:
    """An operation whose statements all see one state of the database, and are cheaper for it.

    An open cursor keeps SQLite's read lock, as BEGIN would, which this connection refuses. For short work only: in
    rollback mode a writer waits meanwhile.
    """

    @functools.wraps(operation)
    def held(conn: sqlite3.Connection, args: Mapping[str, Any]) -> dict[str, Any]:
        with contextlib.closing(conn.execute("SELECT 1 FROM sqlite_schema, (VALUES (1), (2), (3))")):
            answer = operation(conn, args)
        if "notes" in answer:
            answer["notes"] = [*connection_notes(conn), *answer["notes"]]
        return answer

    return held


def connection_notes(conn: sqlite3.Connection) -> list[str]:
    """What the worker noted about its connection, such as that the file was read as a frozen one."""
    return list(getattr(conn, "notes", ()))


def read_tables(conn: sqlite3.Connection) -> dict[str, Table]:
    """Every table and view by its exact name."""
    statements = {
        str(name): str(sql or "")
        for name, sql in conn.execute("SELECT name, sql FROM sqlite_schema WHERE type IN ('table','view')")
    }
    rows = conn.execute("SELECT name, type, wr, strict FROM pragma_table_list WHERE schema='main' ORDER BY name")
    listed = [(str(name), str(kind), bool(wr), bool(strict)) for name, kind, wr, strict in rows]
    folded = {fold(name): name for name, *_ in listed}
    tables: dict[str, Table] = {}
    for name, kind, without_rowid, strict in listed:
        sql = statements.get(name, "")
        tables[name] = Table(
            name=name,
            kind=_kind(name, kind),
            strict=strict,
            without_rowid=without_rowid and kind != "virtual",
            sql=sql,
            module=_spelled(_MODULE, sql) if kind == "virtual" else "",
            owner=folded.get(fold(name.rpartition("_")[0]), "") if kind == "shadow" else "",
            content=_spelled(_CONTENT, sql) if kind == "virtual" else "",
        )
    return tables


def find(tables: Mapping[str, Table], name: str) -> Table:
    """The table called exactly `name`, else the one SQLite would take for it.

    Raises NotFound with the nearest names; a qualified or quoted name is a literal name here.
    """
    wanted = fold(name)
    for candidate in (name, _ALIASES.get(wanted, name)):
        if candidate in tables:
            return tables[candidate]
    for known, table in tables.items():
        if fold(known) == wanted:
            return table
    near = nearest(name, [table.name for table in tables.values() if table.listed])
    raise NotFound(
        f"there is no table or view called '{visible(name[:80], escape_layout=True)}'",
        code="unknown_table",
        hint=(f"Did you mean {', '.join(shown(one) for one in near)}? " if near else "")
        + "list_tables shows all names.",
        nearest=[one[:200] for one in near],
    )


def read_columns(conn: sqlite3.Connection, name: str) -> list[Column]:
    """The columns of a table that exists, hidden and generated ones included.

    Raises sqlite3.OperationalError when it is a view or virtual table that SQLite cannot open.
    """
    rows = conn.execute(
        "SELECT name, type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo(?, 'main')", (name,)
    )
    return [
        Column(str(column), str(kind or ""), bool(not_null), default, int(key), _HIDDEN.get(hidden, ""))
        for column, kind, not_null, default, key, hidden in rows
    ]


def try_columns(conn: sqlite3.Connection, name: str) -> tuple[list[Column], str]:
    """The columns, or none and the problem in SQLite's words."""
    try:
        return read_columns(conn, name), ""
    except sqlite3.DatabaseError as error:
        return [], problem(error)


def read_column_names(conn: sqlite3.Connection, tables: Mapping[str, Table]) -> dict[str, list[str]]:
    """The column names of all tables in one go, without those of broken views."""
    # One row a table takes half the time of one row a column, and no name can hold a NUL.
    rows = conn.execute(
        "SELECT s.name, group_concat(x.name, char(0)) FROM sqlite_schema s JOIN pragma_table_xinfo(s.name, 'main') x "
        "WHERE s.type='table' AND s.rootpage > 0 GROUP BY s.rowid"
    )
    names: dict[str, list[str]] = {str(table): str(columns).split("\0") for table, columns in rows}
    for table in tables.values():
        if table.kind in ("view", "virtual"):
            names[table.name] = [column.name for column in try_columns(conn, table.name)[0]]
    return names


def read_foreign_keys(conn: sqlite3.Connection, tables: Mapping[str, Table]) -> list[ForeignKey]:
    """Every foreign key, with the target under its real name where it exists."""
    folded = {fold(name): name for name in tables}
    rows = conn.execute(
        'SELECT s.name, f.id, f."table", f."from", f."to", f.on_update, f.on_delete FROM sqlite_schema s '
        "JOIN pragma_foreign_key_list(s.name, 'main') f "
        "WHERE s.type='table' AND s.sql LIKE '%references%' ORDER BY s.rowid, f.id DESC, f.seq"
    )
    keys: dict[tuple[str, int], ForeignKey] = {}
    for table, number, target, column, target_column, on_update, on_delete in rows:
        real = folded.get(fold(target))
        key = keys.setdefault(
            (table, number),
            ForeignKey(table, [], real if real is not None else target, [], on_update, on_delete, real is not None),
        )
        key.columns.append(str(column))
        if target_column is not None:
            key.target_columns.append(str(target_column))
    return list(keys.values())


def read_indexes(conn: sqlite3.Connection, name: str) -> list[Index]:
    """The indexes of a table, in SQLite's order."""
    rows = conn.execute(
        'SELECT l.name, l."unique", l.origin, l.partial, x.name, s.sql '
        "FROM pragma_index_list(?1, 'main') l JOIN pragma_index_xinfo(l.name, 'main') x "
        "LEFT JOIN sqlite_schema s ON s.type='index' AND s.name=l.name WHERE x.key=1 ORDER BY l.seq, x.seqno",
        (name,),
    )
    indexes: dict[str, Index] = {}
    for index, unique, origin, partial, column, sql in rows:
        found = indexes.setdefault(index, Index(index, bool(unique), origin, bool(partial), [], sql or ""))
        found.columns.append(column)
    return list(indexes.values())


def read_triggers(conn: sqlite3.Connection, name: str) -> list[Trigger]:
    """The triggers of a table or view."""
    rows = conn.execute(
        "SELECT name, sql FROM sqlite_schema WHERE type='trigger' AND tbl_name=? COLLATE NOCASE ORDER BY name", (name,)
    )
    return [Trigger(str(trigger), str(sql)) for trigger, sql in rows]


def problem(error: sqlite3.DatabaseError) -> str:
    """What is wrong with one object. Raises `error` again where it is about the call and not the object."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code not in _SURVIVABLE:
        raise error
    return one_line(str(error))


def _kind(name: str, kind: str) -> Kind:
    if fold(name).startswith("sqlite_"):
        return "internal"
    if kind in ("view", "virtual", "shadow"):
        return kind
    return "table"


def _spelled(pattern: re.Pattern[str], sql: str) -> str:
    """The name that the pattern found in a CREATE statement, without its quotes."""
    match = pattern.search(sql)
    if match is None:
        return ""
    text = match[1]
    if text[0] not in "\"'`[":
        return text
    return text[1:-1] if text[0] == "[" else text[1:-1].replace(text[-1] * 2, text[-1])
