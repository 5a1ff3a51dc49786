"""Random small databases with foreign keys and triggers, and random statements that write to them.

Drawn evenly from a seed: Hypothesis' own liking for simple values would seldom make two tables depend on each other.
"""

from random import Random
from typing import NamedTuple

from hypothesis import strategies as st

_VALUES = ["NULL", "0", "1", "2", "3", "7", "-1", "1.5", "'a'", "'b'", "''", "x'00ff'", "'NULL'"]
_ACTIONS = ["CASCADE", "CASCADE", "SET NULL", "SET NULL", "SET DEFAULT", "RESTRICT", "NO ACTION"]
_KEYS = ["id INTEGER PRIMARY KEY", "id INTEGER PRIMARY KEY AUTOINCREMENT", "id PRIMARY KEY", "id UNIQUE"]
_RULES = ["", "", "", " UNIQUE", " UNIQUE ON CONFLICT REPLACE", " CHECK(b <> 7)"]
_CONFLICTS = ["", "", "", " OR IGNORE", " OR REPLACE", " OR FAIL", " OR ABORT", " OR ROLLBACK"]


class Writing(NamedTuple):
    """A script that makes tables t0, t1, ... with columns id, a, b, r, and a statement that writes to them."""

    script: str
    sql: str


def writings(*, triggers: bool = True, replacing: bool = False) -> st.SearchStrategy[Writing]:
    """`replacing` keeps those that can remove rows by REPLACE."""
    made = st.integers(0, 2**32).map(lambda seed: _writing(Random(seed), triggers))
    return made.filter(lambda one: "REPLACE" in one.script + one.sql) if replacing else made


def _writing(random: Random, triggers: bool) -> Writing:
    tables = random.randint(1, 3)
    targets = [random.randrange(tables) for _ in range(tables)]
    parts = ["CREATE TABLE noted(what);", *(_table(random, index, target) for index, target in enumerate(targets))]
    for index in range(tables):
        for number in range(1, random.randint(0, 6) + 1):
            a, b, r = random.choice(_VALUES), random.choice(_VALUES), random.choice(["1", "2", "3", "NULL"])
            parts.append(f"INSERT OR IGNORE INTO t{index}(id, a, b, r) VALUES({number}, {a}, {b}, {r});")
    # Two rounds, because a key may itself be the key of another table: no row points nowhere at the start.
    parts += 2 * [
        f"UPDATE t{index} SET r=NULL WHERE r NOT IN (SELECT id FROM t{target} WHERE id IS NOT NULL);"
        for index, target in enumerate(targets)
    ]
    if triggers:
        parts += [_trigger(random, number, tables) for number in range(random.randint(0, 4))]
    return Writing("".join(parts), _statement(random, tables))


def _table(random: Random, index: int, target: int) -> str:
    key = random.choice(_KEYS)
    without = " WITHOUT ROWID" if key == "id PRIMARY KEY" and random.random() < 0.5 else ""
    actions = (
        f" ON DELETE {random.choice(_ACTIONS)} ON UPDATE {random.choice(_ACTIONS)}" if random.random() < 0.8 else ""
    )
    deferred = " DEFERRABLE INITIALLY DEFERRED" if random.random() < 0.15 else ""
    generated = ", g AS (a || '!')" if random.random() < 0.3 else ""
    reference = f"r REFERENCES t{target}(id){actions}{deferred}"
    return f"CREATE TABLE t{index}({key}, a, b{random.choice(_RULES)}, {reference}{generated}){without};"


def _trigger(random: Random, number: int, tables: int) -> str:
    when = random.choice(["AFTER", "AFTER", "BEFORE"])
    event = random.choice(["INSERT", "UPDATE", "DELETE", "UPDATE OF a"])
    row = "old" if event == "DELETE" else "new"
    other = random.randrange(tables)
    bodies = [
        f"INSERT INTO noted VALUES({row}.a)",
        f"INSERT INTO noted SELECT id FROM t{other}",
        f"SELECT CASE WHEN {row}.a=3 THEN raise(IGNORE) END",
        f"SELECT CASE WHEN {row}.a=7 THEN raise(ABORT, 'seven') END",
    ]
    if when == "AFTER":  # SQLite does not define what happens when a BEFORE trigger changes the row itself
        bodies += [
            f"INSERT OR REPLACE INTO t{other}(id, a) VALUES({row}.id, 'trigger')",
            f"UPDATE t{other} SET a=coalesce(a, 0) + 1 WHERE id <> {row}.id",
            f"DELETE FROM t{other} WHERE id={row}.id",
        ]
    table = random.randrange(tables)
    return f"CREATE TRIGGER trigger{number} {when} {event} ON t{table} BEGIN {random.choice(bodies)}; END;"


def _statement(random: Random, tables: int) -> str:
    table, other = random.randrange(tables), random.randrange(tables)
    conflict, number = random.choice(_CONFLICTS), random.randint(1, 6)
    where = random.choice(
        ["", f" WHERE id={number}", f" WHERE id>{number}", f" WHERE id<={number}", " WHERE a IS NOT NULL"]
    )
    column = random.choice(["a", "b", "r", "id"])
    value = random.choice([random.choice(_VALUES), f"{column} + 1", f"(SELECT max(id) FROM t{other})"])
    a, b, r = random.choice(_VALUES), random.choice(_VALUES), random.choice(["NULL", "1", "2"])
    row = f"{random.randint(1, 9)}, {a}, {b}, {r}"
    target = f"t{table}(id, a, b, r)"
    made = random.choice(
        [
            f"INSERT{conflict} INTO {target} VALUES({row})",
            f"INSERT{conflict} INTO {target} SELECT id + 3, b, a, r FROM t{other}",
            f"INSERT INTO {target} VALUES({row}) ON CONFLICT(id) DO UPDATE SET a=excluded.a",
            f"REPLACE INTO {target} VALUES({row})",
            f"UPDATE{conflict} t{table} SET {column}={value}{where}",
            f"UPDATE{conflict} t{table} SET id=id+10{where}",
            f"UPDATE t{table} SET a=o.b FROM t{other} o WHERE o.id=t{table}.id",
            f"WITH w(i) AS (SELECT {number}) UPDATE t{table} SET a='w' WHERE id IN (SELECT i FROM w)",
            f"DELETE FROM t{table}{where}",
            f"WITH w AS (SELECT id FROM t{other}) DELETE FROM t{table} WHERE id IN w",
            f"CREATE TABLE copied AS SELECT * FROM t{table}{where}",
            f"DROP TABLE t{table}",
            f"ALTER TABLE t{table} ADD COLUMN z DEFAULT 1",
        ]
    )
    returns = made.startswith(("INSERT", "REPLACE", "UPDATE", "DELETE")) and random.random() < 0.3
    return made + (" RETURNING *" if returns else "")
