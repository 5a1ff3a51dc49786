"""Results: both channels say everything, notices first, never over the budget and never cut unseen."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp.types import CallToolResult, EmbeddedResource, ResourceLink, TextContent, TextResourceContents

from mcp_servers_shared.errors import LimitExceeded
from mcp_servers_shared.results import (
    Answer,
    Channels,
    answer,
    compact_json,
    require_budget,
    result_chars,
    room_for_data,
)

channels = st.sampled_from(["both", "text", "structured"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=200),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=5),
    max_leaves=20,
)
answers = st.builds(
    Answer,
    text=st.text(max_size=1_500),
    data=st.dictionaries(st.text(max_size=12), json_values, max_size=5),
    notices=st.lists(st.text(min_size=1, max_size=80), max_size=2),
    next_cursor=st.none() | st.text("abcXYZ-_0", min_size=1, max_size=120),
    truncated=st.booleans(),
)


def text_of(result: CallToolResult) -> str:
    (block,) = result.content
    assert isinstance(block, TextContent)
    return block.text


def shown_chars(result: CallToolResult) -> int:
    """What a host shows, counted from the wire form and not by the code under test."""
    wire = json.loads(result.model_dump_json(by_alias=True, exclude_none=True))
    size = sum(len(block["text"]) for block in wire["content"])
    if "structuredContent" in wire:
        size += len(json.dumps(wire["structuredContent"], separators=(",", ":"), ensure_ascii=False))
    return size


@pytest.mark.requirement("OUT-1")
@given(answers, channels, st.integers(min_value=100, max_value=6_000))
def test_an_answer_is_within_the_budget_or_refused_whole(found: Answer, way: Channels, budget: int) -> None:
    size = shown_chars(answer(found, budget=10**9, channels=way))
    if size <= budget:
        assert shown_chars(answer(found, budget=budget, channels=way)) == size
        return
    with pytest.raises(LimitExceeded) as caught:
        answer(found, budget=budget, channels=way)
    assert caught.value.code == "over_budget"
    assert caught.value.evidence == {"characters": size, "budget": budget}
    assert "smaller limit" in caught.value.hint


@pytest.mark.requirement("OUT-1")
@given(answers, channels, st.integers(min_value=2_000, max_value=10_000))
def test_what_fits_the_room_for_data_is_never_refused(found: Answer, way: Channels, budget: int) -> None:
    if len(found.text) + len(compact_json(found.data)) <= room_for_data(budget, way):
        answer(found, budget=budget, channels=way)


@pytest.mark.requirement("OUT-1")
@given(answers, channels)
def test_each_channel_tells_what_is_missing_before_the_data(found: Answer, way: Channels) -> None:
    result = answer(found, budget=10_000_000, channels=way)
    wire = json.loads(result.model_dump_json(by_alias=True, exclude_none=True))
    text = wire["content"][0]["text"]
    if way != "structured":
        assert found.text.strip("\n") in text
    assert "\n".join(found.notices).strip("\n") in text
    if found.next_cursor:
        assert f"cursor={found.next_cursor}" in text
    if way == "text":
        assert "structuredContent" not in wire
        return
    data = wire["structuredContent"]
    head: dict[str, Any] = {}
    if found.notices:
        head["notices"] = found.notices
    if found.truncated:
        head["truncated"] = True
    if found.next_cursor:
        head["next_cursor"] = found.next_cursor
    assert list(data)[: len(head)] == list(head)
    assert {name: data[name] for name in head} == head
    assert {name: value for name, value in data.items() if name not in head} == {
        name: value for name, value in found.data.items() if name not in head
    }


def test_notices_stand_above_the_text() -> None:
    found = Answer("| id |\n| 1 |", {"rows": [[1]]}, ["Cut: 50 of 900 rows."], next_cursor="abc", truncated=True)
    result = answer(found, budget=2_000)
    assert text_of(result).splitlines() == [
        "Cut: 50 of 900 rows.",
        "More rows: call again with cursor=abc",
        "",
        "| id |",
        "| 1 |",
    ]
    assert compact_json(result.structured_content or {}) == (
        '{"notices":["Cut: 50 of 900 rows."],"truncated":true,"next_cursor":"abc","rows":[[1]]}'
    )


@pytest.mark.requirement("OUT-1")
def test_data_cannot_hide_that_something_was_cut() -> None:
    data = {"notices": [], "truncated": False, "next_cursor": None, "rows": []}
    result = answer(Answer("", data, ["Cut."], next_cursor="abc", truncated=True), budget=2_000)
    assert result.structured_content == {"notices": ["Cut."], "truncated": True, "next_cursor": "abc", "rows": []}


def test_nothing_to_notice_adds_nothing() -> None:
    result = answer(Answer("fine", {"ok": True}), budget=2_000)
    assert text_of(result) == "fine"
    assert result.structured_content == {"ok": True}
    assert not result.is_error


def test_the_structured_channel_alone_keeps_notices_as_text() -> None:
    only = answer(Answer("rows", {"rows": []}, ["Cut."]), budget=2_000, channels="structured")
    assert text_of(only) == "Cut."
    assert text_of(answer(Answer("rows", {"rows": []}), budget=2_000, channels="structured")) == "ok"


def test_an_answer_does_not_change_what_was_found() -> None:
    found = Answer("t", {"rows": [1]}, ["n"], next_cursor="c")
    answer(found, budget=2_000)
    assert found == Answer("t", {"rows": [1]}, ["n"], next_cursor="c")


@pytest.mark.requirement("OUT-1")
def test_the_budget_is_exact() -> None:
    found = Answer("x" * 2_000, {"rows": ["y" * 500]}, ["Cut."], next_cursor="abc")
    size = shown_chars(answer(found, budget=10_000))
    answer(found, budget=size)
    with pytest.raises(LimitExceeded):
        answer(found, budget=size - 1)


@pytest.mark.requirement("OUT-1")
@pytest.mark.parametrize("budget", [4_000, 48_000])
def test_a_full_room_leaves_space_for_notices_and_a_cursor(budget: int) -> None:
    room = room_for_data(budget, "both")
    data = {"rows": ["y" * (room // 2)]}
    text = "x" * (room - len(compact_json(data)))
    answer(Answer(text, data, ["n" * 100, "m" * 100], next_cursor="c" * 200, truncated=True), budget=budget)


@pytest.mark.requirement("OUT-1")
def test_other_kinds_of_content_count_too() -> None:
    resource = TextResourceContents(uri="x://y", text="a" * 3_000)
    embedded = CallToolResult(content=[EmbeddedResource(type="resource", resource=resource)])
    assert result_chars(embedded) >= 3_000
    with pytest.raises(LimitExceeded):
        require_budget(embedded, 2_000)
    link = CallToolResult(content=[ResourceLink(type="resource_link", name="n" * 3_000, uri="x://y")])
    assert result_chars(link) >= 3_000
