"""Completion of table and column names, as clients of both eras ask for it."""

from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.types import Completion, PromptReference, ResourceTemplateReference
from sample_databases import database
from sessions import Era, both_eras, made, play, settings

TEMPLATE = ResourceTemplateReference(type="ref/resource", uri="schema://tables/{table_name}")
ANALYZE = PromptReference(type="ref/prompt", name="analyze_table")


def complete(
    served: Any, ref: Any, name: str, value: str, era: Era = "auto", given: dict[str, str] | None = None
) -> Completion:
    async def scene(client: Client) -> Completion:
        return (await client.complete(ref, {"name": name, "value": value}, given)).completion

    return play(scene, served, era)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    script = (
        "CREATE TABLE orders(id, placed_at, price); CREATE TABLE customers(id); CREATE VIEW old_orders AS SELECT 1;"
    )
    return made(tmp_path / "shop.db", script)


@both_eras
@pytest.mark.parametrize("ref", [TEMPLATE, ANALYZE], ids=["resource", "prompt"])
def test_tables_that_begin_so_come_first(shop: Path, era: Era, ref: Any) -> None:
    assert complete(settings(shop), ref, "table_name", "ORD", era).values == ["orders", "old_orders"]
    assert complete(settings(shop), ref, "table_name", "", era).values == ["customers", "old_orders", "orders"]
    assert complete(settings(shop), ref, "table_name", "zz", era).values == []


@both_eras
def test_columns_once_the_table_is_known(shop: Path, era: Era) -> None:
    assert complete(settings(shop), ANALYZE, "column", "p", era, {"table_name": "orders"}).values == [
        "placed_at",
        "price",
    ]
    for given in (None, {}, {"table_name": "nothing"}, {"table_name": "'; DROP TABLE orders"}):
        assert complete(settings(shop), ANALYZE, "column", "p", era, given).values == []


def test_another_argument_has_no_names() -> None:
    served = settings(database("odd"))
    assert complete(served, ANALYZE, "sql", "SEL").values == []
    assert complete(served, PromptReference(type="ref/prompt", name="mcp-demo"), "topic", "b").values == []


@both_eras
def test_at_most_100_and_says_that_there_are_more(era: Era) -> None:
    found = complete(settings(database("wide", 500)), TEMPLATE, "table_name", "", era)
    assert len(found.values) == 100
    assert found.total == 500
    assert found.has_more is True


def test_several_databases_together_once_each(shop: Path, tmp_path: Path) -> None:
    other = made(tmp_path / "other.db", "CREATE TABLE orders(id); CREATE TABLE order_lines(id);")
    (tmp_path / "broken.db").write_bytes(b"no database at all" * 100)
    found = complete(settings(shop, tmp_path / "broken.db", other), TEMPLATE, "table_name", "order")
    assert sorted(found.values) == ["old_orders", "order_lines", "orders"]
    assert found.total == 3
