import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_databases import ask, database, reading

from mcp_servers_shared.errors import InvalidInput, NotFound
from mcp_servers_sqlite.engine.completing import complete
from mcp_servers_sqlite.engine.schema import read_column_names, read_tables
from mcp_servers_sqlite.engine.suggesting import nearest
from mcp_servers_sqlite.engine.words import split

NAMES = ["users", "user_accounts", "orders", "order_items", "products", "ProductCategories", "invoice", "audit_log"]


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("user", "users"),
        ("USERS", "users"),
        ("usres", "users"),
        ("orderItems", "order_items"),
        ("items_order", "order_items"),
        ("product_category", "ProductCategories"),
        ("invoices", "invoice"),
        ("audit", "audit_log"),
        ("log", "audit_log"),
        ("main.orders", "orders"),
    ],
)
def test_the_meant_name_comes_first(word: str, name: str) -> None:
    assert nearest(word, NAMES)[0] == name


def test_the_same_words_in_the_same_order_come_first() -> None:
    assert nearest("orderItems", ["items_order", "order_items"]) == ["order_items", "items_order"]


@pytest.mark.parametrize("word", ["", "zzzz", "%", "1", "'; --"])
def test_nothing_is_suggested_for_what_is_like_nothing(word: str) -> None:
    assert nearest(word, NAMES) == []


@given(st.text(max_size=300), st.lists(st.text(max_size=30), max_size=30), st.integers(0, 5))
def test_suggestions_are_given_names_without_repeats(word: str, names: list[str], limit: int) -> None:
    found = nearest(word, names, limit)
    assert len(found) == len(set(found)) <= limit
    assert set(found) <= set(names)
    assert all(nearest(name, [name]) == [name] for name in names if name)


def slip(draw: random.Random, name: str) -> str:
    """One letter left out, doubled, swapped with the next or changed."""
    at = draw.randrange(len(name) - 1)
    return draw.choice(
        [
            name[:at] + name[at + 1 :],
            name[: at + 1] + name[at:],
            name[:at] + name[at + 1] + name[at] + name[at + 2 :],
            name[:at] + draw.choice("aeiorstn") + name[at + 1 :],
        ]
    )


def test_of_200_slips_in_the_clinic_95_percent_are_mended() -> None:
    conn = reading(database("clinic"))
    tables = read_tables(conn)
    columns = read_column_names(conn, tables)
    conn.close()
    words = [(name, list(tables)) for name in tables] + [(one, own) for own in columns.values() for one in own]
    draw = random.Random(11)
    tries = [draw.choice([pair for pair in words if len(pair[0]) > 3]) for _ in range(200)]
    right = sum(name in nearest(slip(draw, name), names) for name, names in tries)
    assert right >= 190


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("orderItems2", ("order", "item", "2")),
        ("ORDER_ITEM_2", ("order", "item", "2")),
        ("HTTPServerLogs", ("http", "server", "log")),
        ("addresses", ("address",)),
        ("batteries", ("battery",)),
        ("status", ("status",)),
        ("icd10_code", ("icd", "10", "code")),
        ("Étés_größe", ("été", "größe")),
        ("--", ()),
    ],
)
def test_names_fall_into_words(name: str, words: tuple[str, ...]) -> None:
    assert split(name) == words


def test_tables_are_completed_by_their_beginning_then_by_any_part() -> None:
    found = ask("odd", complete, kind="table", prefix="US")
    assert found["values"] == ["users", "v_users", "x); DROP TABLE users; --"]
    assert found["total"] == 3
    assert not found["has_more"]
    everything = ask("odd", complete, kind="table", prefix="")
    assert "docs" in everything["values"]
    assert "docs_data" not in everything["values"]


def test_more_than_a_hundred_values_are_cut_and_counted() -> None:
    found = ask("wide", complete, kind="table", prefix="")
    assert len(found["values"]) == 100
    assert found["total"] == 500
    assert found["has_more"]
    whole = ask("wide", complete, kind="table", prefix="", all=True)
    assert len(whole["values"]) == 500
    assert not whole["has_more"]


def test_columns_are_completed_for_their_table() -> None:
    assert ask("odd", complete, kind="column", prefix="na", table="USERS")["values"] == ["name"]
    assert ask("odd", complete, kind="column", prefix="", table="docs")["values"] == ["body", "title"]
    assert ask("odd", complete, kind="column", prefix="", table="broken_view")["values"] == []
    with pytest.raises(NotFound):
        ask("odd", complete, kind="column", prefix="", table="nope")
    with pytest.raises(InvalidInput):
        ask("odd", complete, kind="database", prefix="")


def test_completion_reads_no_rows() -> None:
    conn = reading(database("odd"))
    statements: list[str] = []
    conn.set_trace_callback(statements.append)
    complete(conn, {"kind": "table", "prefix": "u"})
    complete(conn, {"kind": "column", "prefix": "u", "table": "users"})
    conn.close()
    assert statements
    # SQLite opens views to see their columns, which prepares statements on them and steps none.
    asked = [one for one in statements if not one.startswith(("PRAGMA main.table_", "--"))]
    assert all(re.search(r" FROM (sqlite_schema|pragma_table_\w+)", one) for one in asked), asked
