import contextlib
import sqlite3
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_databases import ask, database, made, reading

from mcp_servers_shared.errors import InvalidInput, NotFound
from mcp_servers_sqlite.engine.entries import compact
from mcp_servers_sqlite.engine.measures import estimated_distinct, measure
from mcp_servers_sqlite.engine.profiling import profile_table
from mcp_servers_sqlite.engine.sampling import Value
from mcp_servers_sqlite.engine.timebox import Timebox

ENDLESS = "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM n) SELECT i FROM n"


# For what must be exact: more time than any machine needs.
PLENTY = 60


def columns_of(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    fields = answer["data"]["fields"]
    return {row[0]: dict(zip(fields, row, strict=True)) for row in answer["data"]["columns"]}


def test_a_small_table_is_read_whole() -> None:
    answer = ask("odd", profile_table, table_name="USERS", sample_rows=3, budget_s=PLENTY)
    assert answer["data"]["rows"] == 2_000
    assert answer["data"]["sampled"] == {"how": "all", "rows": 2_000}
    columns = columns_of(answer)
    with contextlib.closing(reading(database("odd"))) as conn:
        nulls, ages, least, most, mean = conn.execute(
            "SELECT sum(age IS NULL), count(DISTINCT age), min(age), max(age), avg(age) FROM users"
        ).fetchone()
    age = columns["age"]
    assert (age["nulls"], age["distinct"], age["min"], age["max"]) == (nulls, ages, least, most)
    assert age["mean"] == pytest.approx(mean, rel=1e-5)
    assert columns["id"]["distinct"] == 2_000
    assert columns["email"]["length"] == [14, 16.45, 17]
    assert columns["name"]["most_frequent"][0][1] > 4
    assert len(answer["data"]["sample_rows"]) == 3
    assert answer["text"].count("\n") == 2 + 4 + 3 + 3


def test_a_large_table_is_sampled_and_counted_where_there_is_time() -> None:
    answer = ask("big", profile_table, table_name="orders", budget_s=PLENTY)
    assert answer["data"]["rows"] == 20_000
    assert answer["data"]["sampled"]["how"] == "random"
    assert answer["data"]["sampled"]["rows"] <= 10_000
    columns = columns_of(answer)
    with contextlib.closing(reading(database("big"))) as conn:
        exact = conn.execute(
            "SELECT count(note), min(total_cents), max(total_cents), avg(total_cents), count(DISTINCT customer_id), "
            "count(DISTINCT note) FROM orders"
        ).fetchone()
    assert columns["note"]["nulls"] == 20_000 - exact[0]
    assert (columns["total_cents"]["min"], columns["total_cents"]["max"]) == exact[1:3]
    assert columns["total_cents"]["mean"] == pytest.approx(exact[3], rel=1e-5)
    assert columns["customer_id"]["distinct"] == exact[4]
    assert columns["note"]["distinct"] == exact[5]
    assert columns["id"]["distinct"] == 20_000
    assert {column["range_of"] for column in columns.values()} == {"all"}
    assert columns["status"]["most_frequent"][0][1] == pytest.approx(16.7, abs=2)
    assert "figures with ~" in answer["notes"][0]


def test_without_time_the_sample_alone_speaks_and_says_so() -> None:
    answer = ask("big", profile_table, table_name="orders", budget_s=0.05)
    columns = columns_of(answer)
    sampled = [column for column in columns.values() if column["range_of"] == "sample"]
    assert answer["data"]["sampled"]["rows"] < 1_000
    assert all(str(column["nulls"]).startswith("~") for column in sampled)
    assert len(columns) == 8


@pytest.mark.requirement("SQL-3")
def test_the_budget_ends_a_view_that_never_ends(tmp_path: Path) -> None:
    path = made(
        tmp_path / "endless.db",
        f"CREATE VIEW endless AS {ENDLESS}; CREATE VIEW slow AS SELECT sum(i) AS s FROM endless;",
    )
    for name, rows in (("endless", True), ("slow", False)):
        with contextlib.closing(reading(path)) as conn:
            started = time.monotonic()
            answer = profile_table(conn, {"table_name": name, "budget_s": 0.3, "sample_rows": 2})
            # A hang limit, not a measurement.
            assert time.monotonic() - started < 20
            assert conn.execute("SELECT 1").fetchone() == (1,)
        assert answer["data"]["sampled"]["how"] == "first"
        assert bool(answer["data"]["sampled"]["rows"]) is rows
        assert "unknown rows" in answer["text"]


def test_mixed_types_blobs_and_long_values() -> None:
    column = columns_of(ask("odd", profile_table, table_name="types", budget_s=PLENTY))["v"]
    assert column["types"] == {"text": 12, "integer": 4, "real": 3, "blob": 2}
    assert column["nulls"] == 3
    assert column["min"] == "-Inf"
    assert column["length"] == [0, pytest.approx(7171.0), 100_000]
    assert column["distinct"] == "~21"


def test_a_cut_blob_keeps_its_size(tmp_path: Path) -> None:
    path = made(tmp_path / "blob.db", "CREATE TABLE b(v); INSERT INTO b VALUES(zeroblob(5000)), (zeroblob(5000));")
    with contextlib.closing(reading(path)) as conn:
        answer = profile_table(conn, {"table_name": "b", "sample_rows": 1, "budget_s": PLENTY})
    column = columns_of(answer)["v"]
    assert column["min"] == "<blob 5000 B, 00000000..>"
    assert column["most_frequent"] == [["<blob 5000 B, 00000000..>", 100.0]]
    assert answer["data"]["sample_rows"] == [["<blob 5000 B, 00000000..>"]]


def test_the_mean_leaves_text_out_where_a_column_mixes(tmp_path: Path) -> None:
    path = made(
        tmp_path / "mixed.db",
        "CREATE TABLE m(id INTEGER PRIMARY KEY, v);"
        "WITH n(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM n WHERE i<12000) INSERT INTO m SELECT i, 10 FROM n;"
        "UPDATE m SET v='text' WHERE id % 2;",
    )
    with contextlib.closing(reading(path)) as conn:
        column = columns_of(profile_table(conn, {"table_name": "m", "budget_s": PLENTY}))["v"]
    assert (column["min"], column["max"], column["range_of"]) == (10, "text", "all")
    assert column["mean"] == "~10.0"


@pytest.mark.parametrize(
    "name", ["docs", "boxes", "v_users", "gen", "worowid", "strict_t", "", "new\nline", "sqlite_master"]
)
def test_every_kind_of_table_has_a_profile(name: str) -> None:
    answer = ask("odd", profile_table, table_name=name, sample_rows=1, budget_s=PLENTY)
    assert answer["data"]["sampled"]["how"] == "all"
    assert answer["data"]["columns"]


def test_only_the_wanted_columns_in_the_wanted_order() -> None:
    answer = ask("odd", profile_table, table_name="users", columns=["AGE", "name"], budget_s=PLENTY)
    assert list(columns_of(answer)) == ["age", "name"]
    with pytest.raises(NotFound) as caught:
        ask("odd", profile_table, table_name="users", columns=["emial"])
    assert caught.value.evidence["nearest"][0] == "email"


@pytest.mark.parametrize(
    "args", [{"budget_s": 0}, {"budget_s": "2"}, {"columns": "age"}, {"sample_rows": -1}, {"sample_rows": 21}]
)
def test_arguments_that_make_no_sense_are_refused(args: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        ask("odd", profile_table, table_name="users", **args)


def test_a_broken_view_is_sqlites_error() -> None:
    with pytest.raises(sqlite3.OperationalError, match="no_such_table"):
        ask("odd", profile_table, table_name="broken_view")


def test_many_columns_are_cut_and_named() -> None:
    answer = ask("clinic", profile_table, table_name="patients", max_chars=1_000, sample_rows=5)
    assert len(answer["text"]) + len(compact(answer["data"])) <= 1_000


def test_a_broad_table_shows_its_first_columns(tmp_path: Path) -> None:
    path = made(tmp_path / "broad.db", f"CREATE TABLE broad({', '.join(f'c{number}' for number in range(900))});")
    with contextlib.closing(reading(path)) as conn:
        answer = profile_table(conn, {"table_name": "broad", "budget_s": PLENTY})
    assert answer["truncated"]
    assert "first 60 of 900" in answer["notes"][0]
    assert len(answer["data"]["columns"]) == 60


def test_an_interrupt_by_the_worker_is_an_error_and_not_a_short_answer() -> None:
    with contextlib.closing(reading(database("big"))) as conn:
        conn.set_progress_handler(lambda: 1, 20_000)
        with pytest.raises(sqlite3.OperationalError, match="interrupted"):
            profile_table(conn, {"table_name": "orders"})


def test_a_timebox_leaves_the_connection_usable() -> None:
    with contextlib.closing(sqlite3.connect(":memory:")) as conn:
        with Timebox(conn, 0.05) as timebox:
            assert timebox.row("SELECT 1") == (1,)
            assert list(timebox.rows(ENDLESS))
            assert timebox.left == 0
            assert timebox.row("SELECT 1") is None
        assert conn.execute("SELECT 2").fetchone() == (2,)


VALUES = (
    st.none()
    | st.integers(-50, 50)
    | st.floats(allow_nan=False, width=16)
    | st.text(max_size=3)
    | st.binary(max_size=3)
)


@given(st.lists(VALUES, max_size=60))
def test_measures_are_what_sqlite_computes(values: list[Any]) -> None:
    with contextlib.closing(sqlite3.connect(":memory:")) as conn:
        conn.execute("CREATE TABLE t(v)")
        conn.executemany("INSERT INTO t VALUES(?)", [(value,) for value in values if not _holds_surrogate(value)])
        stored = [row[0] for row in conn.execute("SELECT v FROM t")]
        nulls, distinct, least, most = conn.execute(
            "SELECT count(*) - count(v), count(DISTINCT v), min(v), max(v) FROM t"
        ).fetchone()
        kinds = dict(conn.execute("SELECT typeof(v), count(*) FROM t WHERE v IS NOT NULL GROUP BY 1").fetchall())
    found = measure([Value(v, len(v) if isinstance(v, (str, bytes)) else None) for v in stored])
    assert (found.nulls, found.distinct, found.types) == (nulls, distinct, kinds)
    assert (found.least.value, found.most.value) == (least, most)
    assert found.once == sum(count == 1 for count in Counter(v for v in stored if v is not None).values())


def _holds_surrogate(value: object) -> bool:
    return isinstance(value, str) and any("\ud800" <= char <= "\udfff" for char in value)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=200), st.integers(1, 100))
def test_estimates_lie_between_what_was_seen_and_all_rows(values: list[int], times: int) -> None:
    found = measure([Value(value) for value in values])
    rows = len(values) * times
    assert found.distinct <= estimated_distinct(found, rows) <= rows
    if times == 1:
        assert estimated_distinct(found, rows) == found.distinct


def test_estimates_of_the_extremes() -> None:
    unique = measure([Value(number) for number in range(1_000)])
    assert estimated_distinct(unique, 50_000) == 50_000
    few = measure([Value(number % 6) for number in range(1_000)])
    assert estimated_distinct(few, 50_000) == 6
