"""Schemas of tools: small, and true: what they allow the tool takes, what they forbid it refuses."""

from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from sample_tool import TOOL, refusal, run

from mcp_servers_shared.tooling import StrictTool, compact_schema, tool


def test_the_schema_is_small_and_refuses_unknown_arguments() -> None:
    assert TOOL.parameters["additionalProperties"] is False
    assert TOOL.parameters["type"] == "object"
    assert sorted(TOOL.parameters["required"]) == ["must", "sql"]
    properties = cast("dict[str, Any]", TOOL.parameters["properties"])
    assert properties["limit"] == {
        "type": "integer", "minimum": 1, "maximum": 100, "default": 50, "description": "Rows a page"
    }  # fmt: skip
    assert properties["pattern"] == {"type": "string"}
    assert properties["must"] == {
        "anyOf": [{"type": "integer"}, {"type": "null"}], "description": "May be null, must be there"
    }  # fmt: skip
    assert properties["names"]["items"] == {"anyOf": [{"type": "string"}, {"type": "null"}]}
    assert properties["inner"] == {"$ref": "#/$defs/Inner"}
    assert TOOL.parameters["$defs"]["Inner"]["properties"] == {"title": {"type": "string"}, "note": {"type": "string"}}


def test_a_tool_without_arguments_says_so() -> None:
    @tool(kind="read", title="T")
    async def nothing() -> str:
        return "x"

    made = StrictTool.make(nothing)
    assert made.parameters == {"additionalProperties": False, "properties": {}, "type": "object"}
    assert "no arguments" in refusal({"a": 1}, made).hint


def test_what_is_data_in_a_schema_is_left_alone() -> None:
    schema = {
        "title": "gone",
        "type": "object",
        "properties": {
            "title": {"type": "string", "title": "gone", "default": "x"},
            "default": {"title": "gone", "type": "object", "default": {"title": "stays", "default": None}},
            "choice": {"const": {"title": "stays"}, "examples": [{"title": "stays"}]},
            "either": {"anyOf": [{"type": "null"}, {"type": "integer", "title": "x"}, {"type": "string"}]},
        },
        "$defs": {"title": {"type": "null"}, "properties": {"type": "object", "properties": {"a": {"title": "gone"}}}},
    }  # fmt: skip
    assert compact_schema(schema) == {
        "type": "object",
        "properties": {
            "title": {"type": "string", "default": "x"},
            "default": {"type": "object", "default": {"title": "stays", "default": None}},
            "choice": {"const": {"title": "stays"}, "examples": [{"title": "stays"}]},
            "either": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
        },
        "$defs": {"title": {"type": "null"}, "properties": {"type": "object", "properties": {"a": {}}}},
    }


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.fixed_dictionaries(
        {"sql": st.text(max_size=5), "must": st.none() | st.integers()},
        optional={
            "params": st.lists(json_values, max_size=2) | st.dictionaries(st.text(max_size=3), json_values, max_size=2),
            "limit": st.integers(1, 100),
            "style": st.sampled_from(["markdown", "json"]),
            "pattern": st.text(max_size=5),
            "names": st.lists(st.none() | st.text(max_size=3), max_size=3),
            "inner": st.fixed_dictionaries({"title": st.text(max_size=3)}, optional={"note": st.text(max_size=3)}),
        },
    )
)
def test_what_the_schema_allows_the_tool_takes_unchanged(arguments: dict[str, Any]) -> None:
    found = run(arguments)
    for name, value in arguments.items():
        shown = found[name].model_dump(exclude_unset=True) if isinstance(found[name], BaseModel) else found[name]
        assert shown == value
