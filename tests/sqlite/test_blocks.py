"""Rows taken many at once look exactly like rows taken one by one."""

import asyncio
import json
import sqlite3
from collections.abc import Sequence
from math import inf
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_servers_shared.errors import LimitExceeded
from mcp_servers_sqlite.databases import DatabaseFile
from mcp_servers_sqlite.engine.blocks import plain_block
from mcp_servers_sqlite.engine.cells import SAFE_INTEGER, Cells
from mcp_servers_sqlite.engine.table import Table
from mcp_servers_sqlite.limits import Limits
from mcp_servers_sqlite.pool import WorkerPool

WORDS = st.sampled_from(["", "a", "NULL", "NU", "LL", "a|b", 'say "x"', "back\\slash", "tab\t", "‮abc", "é", "x" * 30])
NUMBERS = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-9, 9),
    st.sampled_from([SAFE_INTEGER, SAFE_INTEGER + 1, -SAFE_INTEGER - 1]),
    st.floats(allow_nan=False),
)
VALUES = st.one_of(st.none(), WORDS, NUMBERS, st.binary(max_size=3))
# Columns of one kind are the ones that take the fast way.
COLUMN_KINDS = st.sampled_from([WORDS, NUMBERS, st.integers(-9, 9), st.none() | WORDS, st.none() | NUMBERS, VALUES])
PLAIN_KINDS = st.sampled_from(
    [st.sampled_from(["a", "b c", 'say "x"', "é"]), st.integers(-9, 9), st.none(), st.just(0.5)]
)


@st.composite
def tables(draw: st.DrawFn, kinds: st.SearchStrategy[Any] = COLUMN_KINDS) -> list[tuple[Any, ...]]:
    columns = draw(st.lists(kinds, min_size=1, max_size=4))
    return draw(st.lists(st.tuples(*columns), min_size=1, max_size=20))


@given(tables(), st.sampled_from([20, 2_000]))
def test_a_block_is_what_its_rows_are_one_by_one(rows: list[tuple[Any, ...]], cell_chars: int) -> None:
    block = plain_block(rows, cell_chars)
    if block is None:
        return
    cells = Cells(len(rows[0]), cell_chars)
    single = [cells.row(row) for row in rows]
    lines = "\n".join(line for line, _, _ in single)
    assert block.lines.decode() == lines
    assert json.loads(b'"%b"' % block.escaped_lines) == lines
    assert rows == [tuple(values) for _, values, _ in single]
    assert block.chars == sum(len(line) for line, _, _ in single)
    assert block.size == sum(size for _, _, size in single)
    assert block.json.decode() == ",".join(json.dumps(row, separators=(",", ":"), ensure_ascii=False) for row in rows)
    assert block.kinds == [{type(value) for value in column} for column in zip(*rows, strict=True)]


@given(tables(PLAIN_KINDS))
def test_ordinary_rows_do_take_the_fast_way(rows: list[tuple[Any, ...]]) -> None:
    assert plain_block(rows, 2_000) is not None


@pytest.mark.parametrize(
    "value",
    [
        "NULL",
        "a|b",
        "back\\slash",
        "tab\t",
        "\u202eabc",
        "x" * 2_001,
        SAFE_INTEGER + 1,
        -SAFE_INTEGER - 1,
        b"",
        inf,
    ],
)
def test_what_needs_care_is_left_to_the_slow_way(value: Any) -> None:
    usual = "a" if isinstance(value, str) else 1
    assert plain_block([(usual, 1)], 2_000) is not None
    assert plain_block([(usual, 1), (value, 2)], 2_000) is None


@given(tables(), st.integers(0, 30), st.integers(200, 1_500), st.booleans())
def test_a_page_does_not_depend_on_how_many_rows_are_read_at_once(
    rows: list[tuple[Any, ...]], limit: int, room: int, as_json: bool
) -> None:
    assert _page(rows, limit, room, as_json, 1) == _page(rows, limit, room, as_json, 64)


def _page(rows: Sequence[tuple[Any, ...]], limit: int, room: int, as_json: bool, at_once: int) -> Any:
    connection = sqlite3.connect(":memory:")
    marks = ",".join("?" * len(rows[0]))
    connection.execute(f"CREATE TABLE t({', '.join(f'c{index}' for index in range(len(rows[0])))})")
    connection.executemany(f"INSERT INTO t VALUES({marks})", rows)
    table = Table(connection.execute("SELECT * FROM t"), as_json=as_json, cell_chars=20, room=room)
    try:
        table.fill(limit, most_at_once=at_once)
    except LimitExceeded as error:
        return error.code
    finally:
        connection.close()
    text = table.text()
    shown = [list(values) for values in table.rows]
    rows_part, text_part = table.rows_part(), table.text_part()
    assert json.loads(rows_part.json) == shown
    assert rows_part.chars == len(rows_part.json.decode())
    assert (json.loads(text_part.json), text_part.chars) == (text, len(text))
    return text, shown, table.columns(), table.cut_by, table.cut_columns, table.squeezed, list(table.last)


LARGE_LATER = (
    "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 400)"
    " SELECT i, CASE WHEN i < 200 THEN 'x' ELSE hex(zeroblob(3500000)) END AS v FROM c"
)


def test_values_too_large_to_hold_many_at_once_are_read_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    sqlite3.connect(path).close()

    async def ask() -> dict[str, Any]:
        pool = WorkerPool({"empty": DatabaseFile("empty", path)}, Limits(deadline=30), size=1)
        try:
            return await pool.run("query", "empty", {"sql": LARGE_LATER, "limit": 205})
        finally:
            await pool.aclose()

    found = asyncio.run(ask())
    assert found["row_count"] == 205
    assert found["rows"][-1] == [205, "0" * 2_000 + "... [7000000 chars]"]
