import contextlib
import json
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sample_databases import ask, database, made, reading

from mcp_servers_shared.errors import InvalidInput
from mcp_servers_sqlite.engine.entries import compact
from mcp_servers_sqlite.engine.listing import list_tables
from mcp_servers_sqlite.engine.rows import Rows
from mcp_servers_sqlite.engine.schema import read_tables
from mcp_servers_sqlite.engine.tokens import estimate


def names_in(data: dict[str, Any]) -> list[str]:
    """Every table and view a page tells of, in full or by name."""
    found = [entry[0] for entry in data.get("described", [])]
    for field in ("table_names", "view_names"):
        found += data.get(field, [])
        for prefix, rest in data.get(f"{field}_by_prefix", {}).items():
            found += [prefix + tail for tail in rest.split(" ")]
    return found


def names_in_text(text: str) -> list[str]:
    """The same from the text of a database with plain names."""
    found: list[str] = []
    for line in text.splitlines()[1:]:
        head, _, rest = line.partition(": ")
        if line.startswith(("Marks", "Tables by shared", "Views by shared")):
            continue
        if head.endswith(" by name"):
            found += rest.split(" ")
        elif head.endswith("_"):
            found += [head + tail for tail in rest.split(" ")]
        else:
            found.append(head.split(" ")[0])
    return found


def test_five_hundred_tables_fit_the_budget_in_both_channels() -> None:
    answer = ask("wide", list_tables)
    with contextlib.closing(reading(database("wide"))) as conn:
        every = {name for name, table in read_tables(conn).items() if table.listed}
    assert len(every) == 500
    assert sorted(names_in(answer["data"])) == sorted(every)
    assert sorted(names_in_text(answer["text"])) == sorted(every)
    assert estimate(answer["text"]) <= 2_400
    assert estimate(compact(answer["data"])) <= 2_400
    assert not answer["truncated"]
    assert "next" not in answer
    assert "495 of 500 tables are shown by name only" in answer["notes"][0]


# Counted with o200k_base (npm gpt-tokenizer 4.0.0).
COUNTED = [
    (
        27,
        "orders ~1000000 rows: id INTEGER*, customer_id INTEGER! ->customers.id, "
        "total_cents INTEGER!, created_at TEXT!",
    ),
    (
        40,
        '{"tables":500,"views":0,"foreign_keys":291,'
        '"described":[["poor_broken_52","table",0,["id INTEGER*","late_0 TEXT"]]]}',
    ),
    (23, "again_: average_387 cold_69 early_349 extra_292 fine_60 great_127 heavy_197"),
    (15, "insuranceClaims policyId invoiceId rejectedReason VARCHAR(255) DEFAULT CURRENT_TIMESTAMP"),
    (36, "TBL_XQ7_ACCT_HDR TBL_XQ7_ACCT_DTL fk_zzqx_8821 IDX_PRMRY_0001 xmlhttprequest_log"),
    (31, '"café_😀" "new\\x0aline" "x); DROP TABLE users; --" "日本語テーブル" "with space"'),
    (22, "unpaid_invoices [view]: id INTEGER, payer_id INTEGER, total_cents INTEGER, due_date TEXT"),
]


@pytest.mark.parametrize(("tokens", "text"), COUNTED)
def test_the_estimate_is_not_below_what_a_tokenizer_counts(tokens: int, text: str) -> None:
    assert tokens <= estimate(text) <= tokens * 1.8


def test_the_most_connected_tables_come_first_with_their_columns() -> None:
    described = ask("clinic", list_tables)["data"]["described"]
    assert described[0][0] == "patients"
    assert described[0][3][0] == "id INTEGER*"
    assert "insurance_policy_id INTEGER ->insurance_policies.id" in described[0][3]
    assert {entry[0] for entry in described[-2:]} == {"unpaid_invoices", "ward_occupancy"}


def test_rows_are_exact_when_few_and_marked_when_estimated() -> None:
    rows = {entry[0]: entry[2] for entry in ask("big", list_tables)["data"]["described"]}
    assert rows["customers"] == 1_000
    assert rows["orders"] == "~20000"
    assert rows["revenue_by_city"] is None
    assert "orders ~20000 rows" in ask("big", list_tables)["text"]


def test_no_table_is_counted_whole() -> None:
    statements: list[str] = []
    with contextlib.closing(reading(database("big"))) as conn:
        conn.set_trace_callback(statements.append)
        list_tables(conn, {})
    counts = [part for one in statements for part in one.split("count(*)")[1:]]
    assert counts
    assert all(re.match(r" FROM \(SELECT 1 FROM \S+ LIMIT 1001\)", part) for part in counts)


def test_row_ids_with_gaps_are_no_count(tmp_path: Path) -> None:
    path = made(
        tmp_path / "gaps.db",
        "CREATE TABLE hashed(id INTEGER PRIMARY KEY, a);"
        "WITH n(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM n WHERE i<1500) "
        "INSERT INTO hashed SELECT i*7919*104729, i FROM n;"
        "CREATE TABLE taken(rowid TEXT, oid TEXT, _rowid_ TEXT);"
        "INSERT INTO taken SELECT 9000000+id, 1, 1 FROM hashed;",
    )
    with contextlib.closing(reading(path)) as conn:
        tables = read_tables(conn)
        counter = Rows(conn, tables)
        assert counter.of(tables["hashed"]).plain() == ">1000"
        assert counter.of(tables["taken"]).plain() == ">1000"
    with contextlib.closing(sqlite3.connect(path)) as conn:
        conn.execute("ANALYZE")
    with contextlib.closing(reading(path)) as conn:
        tables = read_tables(conn)
        assert Rows(conn, tables).of(tables["hashed"]).plain() == "~1500"


def test_all_odd_objects_are_listed_on_a_line_each() -> None:
    answer = ask("odd", list_tables)
    assert len(answer["text"].splitlines()) == 2 + 23
    assert "broken_view [view, broken: no such table" in answer["text"]
    assert "docs [fts5]: title, body" in answer["text"]
    assert '"new\\x0aline"' in answer["text"]
    assert "docs_data" not in answer["text"]
    assert "9 internal tables" in answer["notes"][0]


PAGES = [
    (detail, which, room)
    for detail in ("names", "summary", "full")
    for which, room in (("odd", 1_000), ("odd", 1_700), ("clinic", 1_000), ("clinic", 4_000), ("wide", 40_000))
]


@pytest.mark.parametrize(("detail", "which", "room"), [*PAGES, ("names", "wide", 3_000), ("summary", "wide", 6_000)])
def test_pages_keep_to_their_characters_and_together_show_all(detail: str, which: str, room: int) -> None:
    found: list[str] = []
    offset, pages = 0, 0
    while True:
        answer = ask(which, list_tables, detail=detail, max_chars=room, offset=offset)
        assert len(answer["text"]) + len(json.dumps(answer["data"], ensure_ascii=False, separators=(",", ":"))) <= room
        found += names_in(answer["data"])
        pages += 1
        following = answer.get("next")
        assert bool(following) == any("not shown at all" in note for note in answer["notes"])
        if not following:
            break
        assert answer["truncated"]
        assert following["offset"] > offset
        offset = following["offset"]
    with contextlib.closing(reading(database(which))) as conn:
        every = [name for name, table in read_tables(conn).items() if table.listed]
    assert sorted(found) == sorted(every)


def test_full_shows_defaults_and_indexes() -> None:
    answer = ask("clinic", list_tables, detail="full", pattern="diagnoses")
    entry = answer["data"]["described"][0]
    assert entry[0] == "diagnoses"
    assert ["patient_id", "INTEGER", "", "patients.id"] in entry[3]
    assert entry[4] == [["diagnoses_unique_icd", ["patient_id", "icd10_code"]]]
    assert "unique index diagnoses_unique_icd(patient_id, icd10_code)" in answer["text"]


def test_a_table_with_more_columns_than_fit_says_so(tmp_path: Path) -> None:
    columns = ", ".join(f"a_rather_long_column_name_{number} TEXT DEFAULT 'x'" for number in range(1_500))
    path = made(tmp_path / "broad.db", f"CREATE TABLE broad({columns});")
    for detail in ("summary", "full"):
        with contextlib.closing(reading(path)) as conn:
            answer = list_tables(conn, {"detail": detail, "max_chars": 6_000})
        assert len(answer["text"]) + len(compact(answer["data"])) <= 6_000
        assert answer["truncated"]
        assert "more columns" in answer["text"]
        assert any("describe_table" in note for note in answer["notes"])


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("user", ["users", "v_users", "x); DROP TABLE users; --"]),
        ("USER*", ["users"]),
        ("?osts", ["posts"]),
        ("v%", ["v_ins", "v_users"]),
        ("[a-z]*", []),
        ("_", ["broken_view", "strict_t", "v_ins", "v_users"]),
    ],
)
def test_patterns(pattern: str, names: list[str]) -> None:
    assert sorted(names_in(ask("odd", list_tables, pattern=pattern)["data"])) == names


def test_a_pattern_nothing_fits_brings_near_names() -> None:
    answer = ask("odd", list_tables, pattern="usrs")
    assert "Nearest: users" in answer["notes"][-1]
    assert not answer["truncated"]


def test_many_wildcards_take_no_time() -> None:
    answer = ask("wide", list_tables, pattern="*a" * 90 + "x")
    assert names_in(answer["data"]) == []


@pytest.mark.parametrize("args", [{"detail": "everything"}, {"pattern": "x" * 201}])
def test_what_makes_no_sense_is_refused(args: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        ask("odd", list_tables, **args)


def test_an_empty_database_has_no_tables(tmp_path: Path) -> None:
    path = made(tmp_path / "empty.db", "")
    with contextlib.closing(reading(path)) as conn:
        answer = list_tables(conn, {})
    assert answer["text"] == "0 tables, 0 views, 0 foreign keys."
    assert answer["data"] == {"tables": 0, "views": 0, "foreign_keys": 0}


def test_a_damaged_table_leaves_the_others(tmp_path: Path) -> None:
    path = made(tmp_path / "hurt.db", "PRAGMA page_size=1024; CREATE TABLE good(a); CREATE TABLE hurt(a);")
    with contextlib.closing(sqlite3.connect(path)) as conn:
        root = conn.execute("SELECT rootpage FROM sqlite_schema WHERE name='hurt'").fetchone()[0]
    raw = bytearray(path.read_bytes())
    raw[(root - 1) * 1024 : root * 1024] = b"\xff" * 1024
    path.write_bytes(raw)
    with contextlib.closing(reading(path)) as conn:
        rows = {entry[0]: entry[2] for entry in list_tables(conn, {})["data"]["described"]}
    assert rows == {"good": 0, "hurt": None}
