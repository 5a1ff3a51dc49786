"""The preview is exact: what it counts and shows is what happens, whichever way it happens, and it leaves no trace."""

import contextlib
import sqlite3
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from random_writes import Writing, writings
from write_world import applied, dump, make, outcome, previewed, rows, run

from mcp_servers_shared.errors import ServerError
from mcp_servers_sqlite.engine.capture import RawText
from mcp_servers_sqlite.engine.change import Outcome

# Hundreds of commits: in memory where the system has such a folder.
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
LAWS = settings(
    max_examples=250,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)


def tables(path: Path) -> dict[str, Counter[Any]]:
    """The rows of every ordinary table, as bags."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.text_factory = RawText
        names = [
            str(row[0], "utf-8")
            for row in connection.execute(
                "SELECT name FROM pragma_table_list WHERE schema='main' AND type='table' AND name NOT LIKE 'sqlite_%'"
            )
        ]
        return {name: Counter(map(_hashable, connection.execute(f'SELECT * FROM "{name}"'))) for name in names}


def _hashable(row: Any) -> tuple[Any, ...]:
    return tuple((type(value), value) for value in row)


def _plain(row: Any) -> tuple[Any, ...]:
    return _hashable([value for name, value in row.items() if name != "rowid"])


def replayed(before: dict[str, Counter[Any]], seen: Outcome) -> dict[str, Counter[Any]]:
    """The rows after the captured changes: bags need no order."""
    after = {name: Counter(bag) for name, bag in before.items()}
    for change in seen.samples:
        bag = after.setdefault(change.table, Counter())
        if change.before is not None:
            bag[_plain(change.before)] -= 1
        if change.after is not None:
            bag[_plain(change.after)] += 1
    return after


def by_kind(seen: Outcome) -> dict[tuple[str, str], list[Any]]:
    found: dict[tuple[str, str], list[Any]] = {}
    for change in seen.samples:
        found.setdefault((change.table, change.change), []).append((change.before, change.after))
    return found


@contextlib.contextmanager
def fresh(script: str, *, copies: int = 2) -> Any:
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        yield [make(Path(folder) / f"{number}.db", script) for number in range(copies)]


@pytest.mark.requirement("WRITE-2", "WRITE-3")
@LAWS
@given(writings())
def test_a_preview_changes_nothing_and_counts_what_apply_does(one: Writing) -> None:
    script, sql = one
    with fresh(script) as (path, plain):
        before, bags = dump(path), tables(path)
        try:
            shown = previewed(path, sql)
        except (ServerError, sqlite3.Error):
            assert dump(path) == before
            assert_sqlite_refuses(plain, sql)
            return
        assert dump(path) == before
        whole = outcome(path, sql)
        event(f"changes {'other rows too' if whole.other else 'rows' if whole.affected else 'nothing'}")
        assert dump(path) == before
        done = applied(path, sql, expect=shown["digest"])
        assert done["applied"]
        direct = run(plain, sql)
        assert dump(path) == dump(plain), "the guard must not change what a statement does"
        assert (done["affected_rows"], done["other_rows"]) == (shown["affected_rows"], shown["other_rows"])
        if sql[:2] not in ("CR", "DR", "AL"):
            assert shown["affected_rows"] == direct
        assert shown["data"]["changes"] == done["data"]["changes"]
        if not whole.replaced and not sql.startswith(("DROP", "ALTER")):
            assert_same_rows(replayed(bags, whole), tables(plain))
            assert whole.unwatched == 0


def assert_sqlite_refuses(path: Path, sql: str) -> None:
    """Plain SQLite says no too, or lets in a row that points nowhere: 3.40 misses some of those that REPLACE makes,
    unless the table has an update trigger, as ours has while it is watched."""
    broken = rows(path, "PRAGMA foreign_key_check")
    try:
        run(path, sql)
    except sqlite3.Error:
        return
    assert len(rows(path, "PRAGMA foreign_key_check")) > len(broken)


def assert_same_rows(expected: dict[str, Counter[Any]], found: dict[str, Counter[Any]]) -> None:
    for name in found:
        assert +expected.get(name, Counter()) == +found[name], name
        assert not -expected.get(name, Counter()), f"{name} lost rows that it did not have"


@pytest.mark.requirement("WRITE-3")
@LAWS
@given(writings(), st.integers(0, 3))
def test_samples_are_the_first_rows(one: Writing, limit: int) -> None:
    script, sql = one
    with fresh(script, copies=1) as (path,):
        try:
            whole = outcome(path, sql)
        except (ServerError, sqlite3.Error):
            return
        some = outcome(path, sql, limit)
        assert some.counts == whole.counts
        assert by_kind(some) == {kind: found[:limit] for kind, found in by_kind(whole).items() if limit}
        if not sql.startswith(("CREATE", "DROP")):
            assert {kind: len(found) for kind, found in by_kind(whole).items()} == whole.counts


@pytest.mark.requirement("WRITE-3")
@LAWS
@given(writings(triggers=False, replacing=True))
def test_without_triggers_even_replaced_rows_are_all_seen(one: Writing) -> None:
    script, sql = one
    with fresh(script) as (path, plain):
        bags = tables(path)
        try:
            whole = outcome(path, sql)
        except (ServerError, sqlite3.Error):
            return
        run(plain, sql)
        assert not whole.replaced
        if not sql.startswith(("DROP", "ALTER")):
            assert_same_rows(replayed(bags, whole), tables(plain))
