"""Runs one write inside an open transaction and says everything it did.

Preview and apply both go through `perform`; they differ only in what comes after it, a rollback or a commit.
"""

import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from mcp_servers_shared.guard.sql.gate import DDL, Statement
from mcp_servers_shared.guard.sql.write_policy import WRITABLE_MODULES, WritePolicy
from mcp_servers_sqlite.engine import replacing, volatile
from mcp_servers_sqlite.engine.capture import Capture, Change, RawText
from mcp_servers_sqlite.engine.connection import GuardedConnection
from mcp_servers_sqlite.engine.foreign_keys import Deferred
from mcp_servers_sqlite.engine.naming import fold
from mcp_servers_sqlite.engine.replacing import Replacing
from mcp_servers_sqlite.engine.schema import Table, read_columns, read_tables
from mcp_servers_sqlite.engine.schema_changes import SchemaChange
from mcp_servers_sqlite.engine.trust import asks_for_trust, trust_schema
from mcp_servers_sqlite.engine.volatile import Moment
from mcp_servers_sqlite.engine.whole_tables import SchemaWatch
from mcp_servers_sqlite.engine.write_connection import write_policy

_VOLATILE_WORDS = ("current_", "now", "random")


class Request(NamedTuple):
    """A statement to run. `sample_rows` of each kind of change in each table are kept, and so many RETURNING rows."""

    statement: Statement
    params: Sequence[Any] | Mapping[str, Any]
    sample_rows: int
    returning_rows: int


class Returned(NamedTuple):
    """The rows of a RETURNING clause: the first ones, and how many there were."""

    columns: list[str]
    rows: list[Sequence[Any]]
    total: int


class Volatile(NamedTuple):
    """What may differ when the statement runs again: functions it calls, and when it ran if it reads the clock."""

    moment: Moment | None
    random: list[str]
    counters: list[str]


class Outcome(NamedTuple):
    """What a statement did.

    `affected` counts rows changed by the statement itself, `other` those changed by triggers, foreign keys and REPLACE;
    `counts` has all that were watched by table and change, `replaced` those that REPLACE removed unwatched, by table.
    `target` is the table the statement names, `assigned` has the columns it sets, by table.
    `virtual` and `views` were written to; their rows are not watched. `unwatched` rows are an unexplained rest.
    """

    target: str
    affected: int
    other: int
    counts: dict[tuple[str, str], int]
    replaced: dict[str, int]
    samples: list[Change]
    schema: list[SchemaChange]
    assigned: dict[str, frozenset[str]]
    returned: Returned | None
    virtual: list[Table]
    views: list[str]
    volatile: Volatile
    unwatched: int


class _Reach(NamedTuple):
    """What SQLite says that the statement can change, before it runs."""

    tables: dict[str, Table]
    target: Table | None
    reached: list[Table]

    @property
    def watched(self) -> list[Table]:
        return [table for table in self.reached if table.kind == "table"]

    @property
    def names(self) -> set[str]:
        return {fold(table.name) for table in self.reached} | ({fold(self.target.name)} if self.target else set())


class _Watch(NamedTuple):
    """Everything that is set up before the statement runs."""

    capture: Capture
    replacing: Replacing
    deferred: Deferred
    schema: SchemaWatch | None


def perform(connection: GuardedConnection, request: Request) -> Outcome:
    """Runs the statement in the transaction that is open on `connection`.

    Raises:
        StatementRefused: the policy says no.
        InvalidInput: a deferred foreign key would make the commit fail.
        sqlite3.Error: SQLite says no.
    """
    policy = write_policy(connection)
    started = time.time()
    reach = _examine(connection, policy, request)
    with policy.own_work():
        watch = _set_up(connection, policy, request, reach)
    before = connection.total_changes
    returned = _run(connection, policy, request)
    with policy.own_work():
        changed = connection.total_changes - before - watch.capture.logged()
        watch.deferred.require_none(connection)
        return _outcome(connection, policy, request, reach, watch, started, changed)._replace(returned=returned)


def _examine(connection: GuardedConnection, policy: WritePolicy, request: Request) -> _Reach:
    """Prepares the statement without running it; the policy hears of every table it can change."""
    with policy.own_work():
        tables = read_tables(connection)
    policy.know(
        [table.name for table in tables.values() if _may_change(table)],
        [table.name for table in tables.values() if table.kind == "shadow"],
    )
    try:
        _explain(connection, policy, request)
    except sqlite3.OperationalError as error:
        with policy.own_work():
            if not asks_for_trust(error) or not trust_schema(connection, tables, WRITABLE_MODULES):
                raise
        _explain(connection, policy, request)
    named = [tables[name] for name in dict.fromkeys(write.table for write in policy.writes) if name in tables]
    target = next((tables.get(write.table) for write in policy.writes if write.by is None), None)
    if request.statement.kind == DDL:
        named = [table for table in named if table is not target]
    return _Reach(tables, target, named)


def _explain(connection: GuardedConnection, policy: WritePolicy, request: Request) -> None:
    policy.examine(request.statement.verb)
    connection.execute(f"EXPLAIN {request.statement.text}", request.params).close()


def _may_change(table: Table) -> bool:
    if table.kind == "virtual":
        return table.module.lower() in WRITABLE_MODULES
    return table.kind in ("table", "view")


def _set_up(connection: GuardedConnection, policy: WritePolicy, request: Request, reach: _Reach) -> _Watch:
    schema: SchemaWatch | None = None
    if request.statement.kind == DDL:
        schema = _schema_watch(connection, policy, request, reach)
    replace = replacing.prepare(connection, request.statement, reach.watched, policy.writes)
    deferred = Deferred.before(connection, reach.tables.values(), reach.names)
    capture = Capture(connection, policy, request.sample_rows)
    capture.watch(reach.watched)
    return _Watch(capture, replace, deferred, schema)


def _schema_watch(connection: GuardedConnection, policy: WritePolicy, request: Request, reach: _Reach) -> SchemaWatch:
    if request.statement.verb == "DROP" and reach.target is not None and reach.target.kind in ("table", "virtual"):
        return SchemaWatch.before_drop(connection, reach.target, request.sample_rows)
    if policy.altered_table is not None and policy.dropped_column is not None:
        return SchemaWatch.before_alter(connection, policy.altered_table, policy.dropped_column)
    return SchemaWatch.before(connection)


def _run(connection: GuardedConnection, policy: WritePolicy, request: Request) -> Returned | None:
    policy.run()
    connection.text_factory, decoder = RawText, connection.text_factory
    cursor = connection.execute(request.statement.text, request.params)
    try:
        if cursor.description is None:
            return None
        rows: list[Sequence[Any]] = []
        count = 0
        # To the end, however many: the statement and its checks are finished only then.
        for row in cursor:
            count += 1
            if count <= request.returning_rows:
                rows.append(row)
        return Returned([str(column[0]) for column in cursor.description], rows, count)
    finally:
        cursor.close()
        connection.text_factory = decoder


def _outcome(
    connection: GuardedConnection,
    policy: WritePolicy,
    request: Request,
    reach: _Reach,
    watch: _Watch,
    started: float,
    changed: int,
) -> Outcome:
    counts = watch.capture.counts()
    replaced = watch.replacing.finish(connection, counts)
    samples, schema = watch.capture.changes(), list[SchemaChange]()
    virtual = [table for table in reach.reached if table.kind == "virtual"]
    seen = sum(counts.values())
    others, rest = seen + sum(replaced.values()), 0
    if watch.schema is not None:
        affected, whole, schema = watch.schema.finish(connection, request.sample_rows)
        samples = [*whole, *samples]
    else:
        affected = int(connection.execute("SELECT changes()").fetchone()[0])
        if reach.target in reach.watched:
            others -= affected
        rest = 0 if virtual else max(0, changed - seen)
    return Outcome(
        target=reach.target.name if reach.target else "",
        affected=affected,
        other=others,
        counts=counts,
        replaced=replaced,
        samples=samples,
        schema=schema,
        assigned={table: frozenset(columns) for table, columns in policy.assigned.items()},
        returned=None,
        virtual=virtual,
        views=[table.name for table in reach.reached if table.kind == "view"],
        volatile=_volatile(policy, _defaults(connection, reach.watched), started),
        unwatched=rest,
    )


def _volatile(policy: WritePolicy, defaults: list[str], started: float) -> Volatile:
    clock = volatile.used_in(volatile.CLOCK, policy.functions, defaults)
    return Volatile(
        Moment.since(started) if clock else None,
        volatile.used_in(volatile.RANDOM, policy.functions, defaults),
        volatile.used_in(volatile.COUNTERS, policy.functions, ()),
    )


def _defaults(connection: GuardedConnection, tables: Iterable[Table]) -> list[str]:
    """Default expressions of the tables in which one could differ from run to run."""
    likely = [table for table in tables if any(word in table.sql.lower() for word in _VOLATILE_WORDS)]
    return [column.default for table in likely for column in read_columns(connection, table.name) if column.default]
