"""Every way in which a row can change is seen by the preview, whatever the table and its values look like."""

from pathlib import Path

import pytest
from write_world import applied, dump, make, outcome, previewed, rows, writing

from mcp_servers_shared.guard.sql.write_gate import require_write
from mcp_servers_sqlite.engine.capture import RawText
from mcp_servers_sqlite.engine.change import Request, perform
from mcp_servers_sqlite.engine.transaction import transaction

CASES = {
    "cascade": (
        "CREATE TABLE p(id INTEGER PRIMARY KEY);"
        "CREATE TABLE c(id INTEGER PRIMARY KEY, p REFERENCES p ON DELETE CASCADE);"
        "INSERT INTO p VALUES(1),(2); INSERT INTO c VALUES(1,1),(2,1),(3,2)",
        "DELETE FROM p WHERE id=1",
        1,
        2,
        {("p", "delete"): 1, ("c", "delete"): 2},
    ),
    "cascade into itself": (
        "CREATE TABLE t(id INTEGER PRIMARY KEY, up REFERENCES t ON DELETE CASCADE);"
        "INSERT INTO t VALUES(1,NULL),(2,1),(3,2)",
        "DELETE FROM t WHERE id=1",
        1,
        2,
        {("t", "delete"): 3},
    ),
    "set null": (
        "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p REFERENCES p ON DELETE SET NULL);"
        "INSERT INTO p VALUES(1); INSERT INTO c VALUES(1),(1)",
        "DELETE FROM p",
        1,
        2,
        {("p", "delete"): 1, ("c", "update"): 2},
    ),
    "a trigger on the same row": (
        "CREATE TABLE t(a, at); INSERT INTO t VALUES(1,0); CREATE TRIGGER u AFTER UPDATE OF a ON t BEGIN "
        "UPDATE t SET at=at+1 WHERE rowid=new.rowid; END",
        "UPDATE t SET a=2",
        1,
        1,
        {("t", "update"): 2},
    ),
    "raise ignore after": (
        "CREATE TABLE t(a); INSERT INTO t VALUES(1),(2);"
        "CREATE TRIGGER u AFTER UPDATE ON t BEGIN SELECT raise(IGNORE); END",
        "UPDATE t SET a=a+1",
        2,
        0,
        {("t", "update"): 2},
    ),
    "upsert": (
        "CREATE TABLE t(k PRIMARY KEY, n) WITHOUT ROWID; INSERT INTO t VALUES('a',1)",
        "INSERT INTO t VALUES('a',5),('b',6) ON CONFLICT DO UPDATE SET n=n+excluded.n",
        2,
        0,
        {("t", "update"): 1, ("t", "insert"): 1},
    ),
    "a view": (
        "CREATE TABLE t(a); CREATE VIEW v AS SELECT a FROM t; CREATE TRIGGER i INSTEAD OF INSERT ON v BEGIN "
        "INSERT INTO t VALUES(new.a),(new.a); END",
        "INSERT INTO v VALUES(1)",
        0,
        2,
        {("t", "insert"): 2},
    ),
    "a table that an index trigger keeps searchable": (
        "CREATE TABLE t(id INTEGER PRIMARY KEY, body);"
        "CREATE VIRTUAL TABLE f USING fts5(body, content=t, content_rowid=id);"
        "CREATE TRIGGER i AFTER INSERT ON t BEGIN INSERT INTO f(rowid, body) VALUES(new.id, new.body); END",
        "INSERT INTO t VALUES(1,'x'),(2,'y')",
        2,
        0,
        {("t", "insert"): 2},
    ),
    "delete everything": (
        "CREATE TABLE t(a); INSERT INTO t VALUES(1),(2),(3)",
        "DELETE FROM t",
        3,
        0,
        {("t", "delete"): 3},
    ),
    "nothing": ("CREATE TABLE t(a)", "UPDATE t SET a=1", 0, 0, {}),
}


@pytest.mark.requirement("WRITE-3")
@pytest.mark.parametrize("name", CASES)
def test_every_way_to_change_a_row_is_counted(tmp_path: Path, name: str) -> None:
    script, sql, direct, other, counts = CASES[name]
    path = make(tmp_path / "x.db", script)
    before = dump(path)
    seen = outcome(path, sql)
    assert (seen.affected, seen.other, seen.counts) == (direct, other, counts)
    assert dump(path) == before


@pytest.mark.requirement("WRITE-3")
def test_rows_that_replace_removes_are_counted_where_triggers_hide_them(tmp_path: Path) -> None:
    path = make(
        tmp_path / "x.db",
        "CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE); INSERT INTO t VALUES(1,'a'),(2,'b'),(3,'c');"
        "CREATE TABLE n(x);"
        "CREATE TRIGGER d AFTER DELETE ON t BEGIN INSERT INTO n VALUES(old.id); END",
    )
    seen = outcome(path, "REPLACE INTO t VALUES(1,'b')")
    assert seen.replaced == {"t": 2}
    assert (seen.affected, seen.other) == (1, 2)
    shown = previewed(path, "REPLACE INTO t VALUES(1,'b')")
    assert shown["destructive"]
    assert any("REPLACE removes 2 rows" in note for note in shown["notes"])
    applied(path, "REPLACE INTO t VALUES(1,'b')")
    assert rows(path, "SELECT count(*) FROM n") == [(0,)], "the database's own delete trigger does not fire for REPLACE"


def test_before_and_after_hold_every_kind_of_value(tmp_path: Path) -> None:
    path = make(
        tmp_path / "x.db",
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v);"
        "INSERT INTO t VALUES(1,NULL),(2,9223372036854775807),(3,-1e999),(4,''),"
        "(5,x'00'),(6,CAST(x'61ff62' AS TEXT)),(7,'a|b'),(8,'NULL')",
    )
    seen = outcome(path, "UPDATE t SET v=typeof(v)")
    old = [change.before["v"] for change in seen.samples if change.before]
    assert old == [None, 2**63 - 1, float("-inf"), b"", b"\0", b"a\xffb", b"a|b", b"NULL"]
    assert [type(value) for value in old[3:6]] == [RawText, bytes, RawText]
    shown = previewed(path, "UPDATE t SET v=typeof(v)", sample_rows=8)
    values = [sample["before"]["v"] for sample in shown["samples"]]
    assert values == [None, "9223372036854775807", "-Inf", "", "<blob 1 B, 00>", "a\ufffdb", "a|b", "NULL"]
    assert "|7|a\\|b → text|" in shown["text"]


@pytest.mark.parametrize(
    "name",
    ['with "quotes"', "semi;colon", "new\nline", "x'); DROP TABLE t; --", "café😀", "select", "rowid", "a.b", ""],
)
def test_odd_names_of_tables_and_columns(tmp_path: Path, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    path = make(tmp_path / "x.db", f"CREATE TABLE {quoted}({quoted}, b); INSERT INTO {quoted} VALUES(1,2)")
    sql = f"UPDATE {quoted} SET {quoted}=5"
    seen = outcome(path, sql)
    assert seen.counts == {(name, "update"): 1}
    assert applied(path, sql)["applied"]
    assert rows(path, f"SELECT {quoted} FROM {quoted}") == [(5,)]


def test_a_table_of_2000_columns(tmp_path: Path) -> None:
    columns = ", ".join(f"column_{number}" for number in range(2_000))
    path = make(tmp_path / "x.db", f"CREATE TABLE t({columns}); INSERT INTO t(column_7) VALUES(1)")
    seen = outcome(path, "UPDATE t SET column_7=2")
    (change,) = seen.samples
    assert change.after is not None
    assert (change.after["column_7"], len(change.after)) == (2, 2_001)
    shown = previewed(path, "DELETE FROM t", max_chars=3_000)
    assert len(shown["text"]) < 3_000


def test_triggers_stand_only_where_the_statement_can_reach(tmp_path: Path) -> None:
    script = "".join(f"CREATE TABLE t{number}(a);" for number in range(300))
    path = make(tmp_path / "x.db", script)
    made: list[str] = []
    with writing(path) as connection, transaction(connection):
        connection.set_trace_callback(
            lambda text: made.append(text) if text.startswith("CREATE TEMP TRIGGER") else None
        )
        perform(connection, Request(require_write("INSERT INTO t7 VALUES(1)"), [], 5, 50))
    assert len(made) == 3
