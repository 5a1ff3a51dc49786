"""Random small databases with foreign keys and triggers, and random statements that write to them."""

from typing import NamedTuple

from hypothesis import strategies as st

_VALUES = st.sampled_from(["NULL", "0", "1", "2", "3", "7", "-1", "1.5", "'a'", "'b'", "''", "x'00ff'", "'NULL'"])
_SMALL = st.integers(1, 6)
_ACTIONS = st.sampled_from(["", "CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT", "NO ACTION"])
_KEYS = st.sampled_from(
    ["id INTEGER PRIMARY KEY", "id INTEGER PRIMARY KEY AUTOINCREMENT", "id PRIMARY KEY", "id UNIQUE"]
)
_CONFLICTS = st.sampled_from(["", "", "", " OR IGNORE", " OR REPLACE", " OR FAIL", " OR ABORT", " OR ROLLBACK"])


class World(NamedTuple):
    """A script that makes a database of `tables` tables t0, t1, ... with columns id, a, b, r."""

    script: str
    tables: int


@st.composite
def worlds(draw: st.DrawFn, *, triggers: bool = True) -> World:
    count = draw(st.integers(1, 3))
    parts: list[str] = []
    for index in range(count):
        key = draw(_KEYS)
        without = " WITHOUT ROWID" if key == "id PRIMARY KEY" and draw(st.booleans()) else ""
        target = draw(st.integers(0, count - 1))
        on_delete, on_update = draw(_ACTIONS), draw(_ACTIONS)
        actions = (f" ON DELETE {on_delete}" if on_delete else "") + (f" ON UPDATE {on_update}" if on_update else "")
        deferred = " DEFERRABLE INITIALLY DEFERRED" if draw(st.integers(0, 5)) == 0 else ""
        unique = draw(st.sampled_from(["", " UNIQUE", " UNIQUE ON CONFLICT REPLACE", " CHECK(b <> 7)"]))
        generated = ", g AS (a || '!')" if draw(st.booleans()) else ""
        parts.append(
            f"CREATE TABLE t{index}({key}, a, b{unique}, "
            f"r REFERENCES t{target}(id){actions}{deferred}{generated}){without};"
        )
    parts.append("CREATE TABLE noted(what);")
    for index in range(count):
        for number in range(1, draw(st.integers(0, 6)) + 1):
            a, b = draw(_VALUES), draw(_VALUES)
            parts.append(f"INSERT OR IGNORE INTO t{index}(id, a, b) VALUES({number}, {a}, {b});")
    for index in range(count):
        if draw(st.booleans()):
            parts.append(f"UPDATE OR IGNORE t{index} SET r={draw(_SMALL)} WHERE id={draw(_SMALL)};")
    if triggers:
        parts += [draw(_trigger(number, count)) for number in range(draw(st.integers(0, 2)))]
    return World("".join(parts), count)


@st.composite
def _trigger(draw: st.DrawFn, number: int, tables: int) -> str:
    when = draw(st.sampled_from(["AFTER", "AFTER", "BEFORE"]))
    event = draw(st.sampled_from(["INSERT", "UPDATE", "DELETE", "UPDATE OF a"]))
    row = "old" if event == "DELETE" else "new"
    other = draw(st.integers(0, tables - 1))
    body = draw(
        st.sampled_from(
            [
                f"INSERT INTO noted VALUES({row}.a)",
                f"INSERT OR REPLACE INTO t{other}(id, a) VALUES({row}.id, 'trigger')",
                f"UPDATE t{other} SET a=coalesce(a, 0) + 1 WHERE id <> {row}.id",
                f"DELETE FROM t{other} WHERE id={row}.id",
                f"SELECT CASE WHEN {row}.a=3 THEN raise(IGNORE) END",
                f"SELECT CASE WHEN {row}.a=7 THEN raise(ABORT, 'seven') END",
            ]
        )
    )
    table = draw(st.integers(0, tables - 1))
    return f"CREATE TRIGGER trigger{number} {when} {event} ON t{table} BEGIN {body}; END;"


@st.composite
def statements(draw: st.DrawFn, world: World) -> str:
    table, other = (draw(st.integers(0, world.tables - 1)) for _ in range(2))
    conflict = draw(_CONFLICTS)
    where = draw(
        st.sampled_from(["", f" WHERE id={draw(_SMALL)}", f" WHERE id>{draw(_SMALL)}", " WHERE a IS NOT NULL"])
    )
    column = draw(st.sampled_from(["a", "b", "r", "id"]))
    value = draw(st.sampled_from([draw(_VALUES), f"{column} + 1", f"(SELECT max(id) FROM t{other})"]))
    row = f"{draw(_SMALL)}, {draw(_VALUES)}, {draw(_VALUES)}, {draw(st.one_of(st.just('NULL'), _SMALL.map(str)))}"
    target = f"t{table}(id, a, b, r)"
    made = draw(
        st.sampled_from(
            [
                f"INSERT{conflict} INTO {target} VALUES({row})",
                f"INSERT{conflict} INTO {target} SELECT id + 3, b, a, r FROM t{other}",
                f"INSERT INTO {target} VALUES({row}) ON CONFLICT(id) DO UPDATE SET a=excluded.a",
                f"REPLACE INTO {target} VALUES({row})",
                f"UPDATE{conflict} t{table} SET {column}={value}{where}",
                f"UPDATE t{table} SET a=o.b FROM t{other} o WHERE o.id=t{table}.id",
                f"WITH w(i) AS (SELECT {draw(_SMALL)}) UPDATE t{table} SET a='w' WHERE id IN (SELECT i FROM w)",
                f"DELETE FROM t{table}{where}",
                f"WITH w AS (SELECT id FROM t{other}) DELETE FROM t{table} WHERE id IN w",
                f"CREATE TABLE copied AS SELECT * FROM t{table}{where}",
                f"DROP TABLE t{table}",
                f"ALTER TABLE t{table} ADD COLUMN z DEFAULT 1",
            ]
        )
    )
    return made + (" RETURNING *" if draw(st.booleans()) and made[:2] in ("IN", "UP", "DE", "RE") else "")
