"""Pages by cursor give exactly the rows of the whole answer, whatever the order, the data and the writer."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading_world import SETTINGS, ask, make, walk

from mcp_servers_shared.errors import InvalidInput
from mcp_servers_sqlite.engine.connection import open_read_only

SCHEMA = """
CREATE TABLE t(id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, grp INTEGER NOT NULL, r REAL, note TEXT);
CREATE TABLE labels(id INTEGER PRIMARY KEY, label TEXT COLLATE NOCASE NOT NULL);
CREATE TABLE pairs(a TEXT, b INTEGER, v, PRIMARY KEY(a, b)) WITHOUT ROWID;
CREATE TABLE keyed(k TEXT PRIMARY KEY, v) WITHOUT ROWID;
CREATE TABLE loose(code TEXT UNIQUE, n INT PRIMARY KEY, d INTEGER);
CREATE TABLE descending(id INTEGER PRIMARY KEY DESC, v);
CREATE TABLE folded(code TEXT NOT NULL UNIQUE COLLATE NOCASE);
CREATE TABLE partly(c TEXT NOT NULL, live INTEGER);
CREATE UNIQUE INDEX partly_c ON partly(c) WHERE live = 1;
CREATE TABLE several(a INTEGER NOT NULL, b INTEGER NOT NULL, UNIQUE(a, b));
CREATE TABLE mixed(code TEXT NOT NULL COLLATE NOCASE);
CREATE UNIQUE INDEX mixed_code ON mixed(code COLLATE BINARY);
CREATE INDEX t_grp ON t(grp);
CREATE UNIQUE INDEX t_partial ON t(note) WHERE note IS NOT NULL;
CREATE VIEW v AS SELECT * FROM t;
"""
KEYED = [
    "SELECT * FROM t",
    "SELECT note, id FROM t WHERE length(code) > 2",
    "SELECT * FROM t WHERE id > 4 AND id < 30",
    "SELECT id FROM t ORDER BY id DESC",
    "SELECT * FROM t ORDER BY grp, id",
    "SELECT x.grp g, x.id FROM t AS x WHERE x.r IS NULL OR x.grp > 1 ORDER BY g DESC, x.id DESC",
    "SELECT code FROM main.t ORDER BY code",
    "SELECT grp, code FROM t ORDER BY 1, 2;",
    'SELECT "id", t.* FROM "t" ORDER BY "id" -- the end',
    "SELECT id AS note, note AS id FROM t ORDER BY t.id",
    "SELECT lower(note) n, id FROM t WHERE id IN (SELECT id FROM t WHERE grp = 1) ORDER BY id",
    "SELECT k FROM keyed ORDER BY k",
    "SELECT label, id FROM labels ORDER BY label, id",
]
COUNTED = [
    "SELECT * FROM t ORDER BY grp",
    "SELECT grp, id FROM t ORDER BY grp, id DESC",
    "SELECT * FROM t ORDER BY r, id",
    "SELECT grp, count(*) FROM t GROUP BY grp ORDER BY grp",
    "SELECT DISTINCT grp FROM t",
    "SELECT id, row_number() OVER (ORDER BY id) FROM t ORDER BY id",
    "SELECT a.id, b.grp FROM t a JOIN t b ON b.id = a.id ORDER BY a.id",
    "SELECT id FROM t UNION ALL SELECT id FROM t",
    "SELECT id FROM t ORDER BY id LIMIT 1000",
    "SELECT * FROM v ORDER BY id",
    "SELECT note FROM t ORDER BY id",
    "SELECT code FROM t ORDER BY code COLLATE NOCASE",
    "SELECT code, grp FROM t ORDER BY code || 'x'",
    "SELECT code AS id, id AS x FROM t ORDER BY code || '', x",
    "SELECT code FROM folded ORDER BY code",
    "SELECT code FROM loose ORDER BY code",
    "SELECT n FROM loose ORDER BY n",
    "SELECT c FROM partly ORDER BY c",
    "SELECT a, b FROM several ORDER BY a",
    "SELECT code FROM mixed ORDER BY code",
    "SELECT id FROM descending ORDER BY id",
    "SELECT note FROM t ORDER BY note",
    "SELECT a, b FROM pairs ORDER BY a, b",
    "SELECT grp, id FROM t INDEXED BY t_grp WHERE grp > 0",
    "SELECT id FROM t WHERE id IN (9, 3, 6, 12, 18)",
    "SELECT note, id FROM t WHERE grp < 3",
    "SELECT id, code FROM t WHERE ?1 IS NULL ORDER BY id",
    "WITH a AS (SELECT * FROM t) SELECT * FROM a ORDER BY id",
    "VALUES (3),(1),(2),(5),(4)",
    "PRAGMA table_info(t)",
    "EXPLAIN SELECT * FROM t",
]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    notes = [None if n % 5 else f"N{n}" for n in range(40)]
    rows = [(n * 3, f"c{n:03d}", n % 4, None if n % 3 else n / 7, notes[n]) for n in range(40)]
    return make(
        tmp_path_factory.mktemp("paging") / "shop.db",
        SCHEMA,
        [
            ("INSERT INTO t VALUES(?,?,?,?,?)", rows),
            ("INSERT INTO labels VALUES(?,?)", [(n, "aBcDb"[n % 5]) for n in range(20)]),
            ("INSERT INTO pairs VALUES(?,?,?)", [(f"p{n % 3}", n, n) for n in range(12)]),
            ("INSERT INTO keyed VALUES(?,?)", [(f"k{n}", n) for n in range(12)]),
            ("INSERT INTO loose VALUES(?,?,?)", [(None if n % 2 else f"l{n}", n, n) for n in range(12)]),
            ("INSERT INTO descending VALUES(?,?)", [(n, n) for n in range(12)]),
            ("INSERT INTO folded VALUES(?)", [(f"f{n}",) for n in range(12)]),
            ("INSERT INTO partly VALUES(?,?)", [("c", 0), ("c", 0), ("c", 1), ("d", 0)]),
            ("INSERT INTO several VALUES(?,?)", [(n // 5, n) for n in range(10)]),
            ("INSERT INTO mixed VALUES(?)", [("a",), ("A",), ("b",), ("B",)]),
        ],
    )


def whole(path: Path, sql: str, params: Any = ()) -> list[list[Any]]:
    connection = sqlite3.connect(path)
    try:
        return [list(row) for row in connection.execute(sql, params)]
    finally:
        connection.close()


@pytest.mark.parametrize("limit", [1, 3, 7])
@pytest.mark.parametrize("sql", KEYED)
def test_an_order_that_ends_in_a_key_pages_by_the_key(shop: Path, sql: str, limit: int) -> None:
    rows, following = walk(shop, sql, limit=limit)
    assert rows == whole(shop, sql)
    assert following
    assert all("keyset" in one for one in following)


@pytest.mark.parametrize("sql", COUNTED)
def test_any_other_order_counts_rows_and_says_so(shop: Path, sql: str) -> None:
    params = [None] if "?1" in sql else []
    rows, following = walk(shop, sql, limit=2, params=params)
    assert rows == whole(shop, sql, params)
    assert following
    assert not any("keyset" in one for one in following)
    first = ask(shop, sql, limit=2, params=params)
    assert any("count rows" in note for note in first["notes"])
    assert [column["name"] for column in first["columns"]] == [
        column["name"] for column in ask(shop, sql, limit=2, params=params, **first["next"])["columns"]
    ]


def test_parameters_keep_their_places(shop: Path) -> None:
    sql = "SELECT ? AS a, id, ? AS b FROM t WHERE grp >= ? ORDER BY id"
    rows, following = walk(shop, sql, limit=5, params=["x", "y", 2])
    assert rows == whole(shop, sql, ["x", "y", 2])
    assert "keyset" in following[0]
    named = "SELECT :a AS a, id FROM t WHERE grp >= :g ORDER BY id"
    assert walk(shop, named, limit=5, params={"a": 1, "g": 2})[0] == whole(shop, named, {"a": 1, "g": 2})


def test_duplicate_column_names_survive_on_every_page(shop: Path) -> None:
    sql = "SELECT id, id, code AS id FROM t ORDER BY t.id"
    first = ask(shop, sql, limit=2)
    second = ask(shop, sql, limit=2, **first["next"])
    assert [column["name"] for column in second["columns"]] == ["id", "id", "id"]


def test_a_keyset_page_searches_instead_of_scanning(shop: Path) -> None:
    from mcp_servers_shared.guard.sql.gate import classify
    from mcp_servers_sqlite.engine.keyset import order_of

    connection = open_read_only(str(shop), SETTINGS)
    try:
        for sql, width, key in [("SELECT * FROM t", 5, [30]), ("SELECT grp, id FROM t ORDER BY grp, id", 2, [2, 30])]:
            order = order_of(connection, classify(sql), [], width)
            assert order is not None
            page = order.page_after(key, [], 5)
            plan = connection.execute(f"EXPLAIN QUERY PLAN {page.sql}", page.params).fetchall()
            assert str(plan[0][3]).startswith("SEARCH t USING"), plan
    finally:
        connection.close()


def test_a_cursor_of_an_order_that_is_gone_is_refused(tmp_path: Path) -> None:
    path = make(tmp_path / "a.db", "CREATE TABLE a(c TEXT NOT NULL UNIQUE); INSERT INTO a VALUES('x'),('y'),('z')")
    following = ask(path, "SELECT c FROM a ORDER BY c", limit=1)["next"]
    make(path, "DROP TABLE a; CREATE TABLE a(c TEXT); INSERT INTO a VALUES('x'),('x'),('y')")
    with pytest.raises(InvalidInput) as caught:
        ask(path, "SELECT c FROM a ORDER BY c", limit=1, **following)
    assert caught.value.code == "stale_cursor"


def test_keys_that_json_or_utf8_cannot_carry_are_not_used(tmp_path: Path) -> None:
    path = make(
        tmp_path / "b.db",
        "CREATE TABLE b(k BLOB NOT NULL UNIQUE); INSERT INTO b VALUES(x'00'),(x'01'),(x'02');"
        "CREATE TABLE s(k TEXT NOT NULL UNIQUE); INSERT INTO s VALUES(CAST(x'61ff' AS TEXT)),('b'),('c');"
        "CREATE TABLE big(k INTEGER PRIMARY KEY); INSERT INTO big VALUES(9007199254740993),(9007199254740995)",
    )
    assert "keyset" not in ask(path, "SELECT k FROM b ORDER BY k", limit=1)["next"]
    assert "keyset" not in ask(path, "SELECT k FROM s ORDER BY k", limit=1)["next"]
    assert ask(path, "SELECT k FROM big", limit=1)["next"]["keyset"] == [9007199254740993]
    assert walk(path, "SELECT k FROM big", limit=1)[0] == [["9007199254740993"], ["9007199254740995"]]


def test_pages_by_key_lose_and_repeat_nothing_while_somebody_writes(tmp_path: Path) -> None:
    path = make(
        tmp_path / "live.db",
        "PRAGMA journal_mode=WAL; CREATE TABLE t(id INTEGER PRIMARY KEY, v)",
        [("INSERT INTO t VALUES(?, 'old')", [(n * 10,) for n in range(1, 101)])],
    )
    writer = sqlite3.connect(path, isolation_level=None)
    seen: list[int] = []
    reply = ask(path, "SELECT id, v FROM t", limit=7)
    while True:
        seen += [row[0] for row in reply["rows"]]
        if reply["next"] is None:
            break
        writer.execute("INSERT INTO t VALUES(?, 'new')", (seen[-1] - 1,))
        writer.execute("DELETE FROM t WHERE id=?", (seen[-1],))
        reply = ask(path, "SELECT id, v FROM t", limit=7, **reply["next"])
    writer.close()
    assert len(seen) == len(set(seen))
    assert {n * 10 for n in range(1, 101)} <= set(seen)


VALUE = st.sampled_from([None, -3, 0, 3, "", "a", "B", "b", "é", 0.5, -1.5])
ROW = st.tuples(st.integers(-50, 2**53 + 9), st.integers(-2, 2), VALUE)
KEYS = ["id", "id DESC", "n, id", "n DESC, id DESC", "x, id", "x", "u", "n, u", "u DESC", "2, 1", "n, x, id", "rowid"]
WHERES = ["", "WHERE n > -2", "WHERE x IS NOT NULL OR id > 5", "WHERE id > 2 AND id < 90", "WHERE n = 1"]
INDEXES = ["", "CREATE INDEX i ON t(n)", "CREATE INDEX i ON t(n, id)", "CREATE INDEX i ON t(x)"]


@settings(deadline=None, max_examples=60)
@given(
    rows=st.lists(ROW, max_size=25, unique_by=lambda row: row[0]),
    order=st.sampled_from(["", *(f"ORDER BY {key}" for key in KEYS)]),
    where=st.sampled_from(WHERES),
    limit=st.integers(1, 6),
    index=st.sampled_from(INDEXES),
)
def test_any_walk_is_the_whole_answer(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[int, int, Any]],
    order: str,
    where: str,
    limit: int,
    index: str,
) -> None:
    path = tmp_path_factory.mktemp("law") / "t.db"
    columns = "id INTEGER PRIMARY KEY, n INTEGER NOT NULL, x, u TEXT NOT NULL UNIQUE"
    values = [(id_, n, x, f"u{id_ % 7}-{id_}") for id_, n, x in rows]
    make(path, f"CREATE TABLE t({columns}); {index}", [("INSERT INTO t VALUES(?,?,?,?)", values)])
    sql = f"SELECT id, n, x, u FROM t {where} {order}"
    unpaged = [list(row) for row in ask(path, sql, limit=1_000)["rows"]]
    assert walk(path, sql, limit=limit)[0] == unpaged
    assert len(unpaged) == len(whole(path, sql))
