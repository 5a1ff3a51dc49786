"""Strict tools: unknown arguments refused by name, JSON text read where it is meant, no exception text slips."""

import asyncio
import json
from typing import Annotated, Any, cast

import pytest
from mcp.server.mcpserver import Elicit, Resolve
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, TextContent
from pydantic import AfterValidator, BaseModel
from sample_tool import SECRET, TOOL, refusal, run, sample

from mcp_servers_shared.errors import NotFound
from mcp_servers_shared.tooling import Failure, StrictTool, carried, is_error, tool


def test_what_the_decorator_says_is_what_is_listed() -> None:
    assert (TOOL.name, TOOL.title, TOOL.kind, TOOL.listed) == ("sample", "Sample", "read", True)
    assert TOOL.description == "One sentence.\n\nAnother one."
    assert TOOL.annotations is not None
    assert TOOL.annotations.model_dump(exclude_none=True) == {
        "read_only_hint": True, "destructive_hint": False, "idempotent_hint": True, "open_world_hint": False
    }  # fmt: skip
    assert TOOL.output_schema is None


@pytest.mark.parametrize(
    ("options", "hints"),
    [
        ({"kind": "write"}, (False, False, False, False)),
        ({"kind": "write", "destructive": True, "idempotent": True, "open_world": True}, (False, True, True, True)),
        ({"kind": "read", "destructive": True}, (True, False, True, False)),
        ({"kind": "read", "idempotent": False}, (True, False, False, False)),
    ],
)
def test_all_four_hints_are_always_set(options: dict[str, Any], hints: tuple[bool, ...]) -> None:
    @tool(title="T", **options)
    async def made() -> str:
        return ""

    annotations = StrictTool.make(made).annotations
    assert annotations is not None
    assert hints == (
        annotations.read_only_hint,
        annotations.destructive_hint,
        annotations.idempotent_hint,
        annotations.open_world_hint,
    )


@pytest.mark.requirement("AUTH-2")
@pytest.mark.parametrize(
    ("name", "advice"),
    [("querry", ""), ("limits", "did you mean 'limit'?"), ("Limit", "did you mean 'limit'?"), ("parms", "'params'?")],
)
def test_an_unknown_argument_is_refused_with_the_nearest_name(name: str, advice: str) -> None:
    error = refusal({"sql": "x", name: SECRET})
    assert f"unknown argument '{name}'" in error.message
    assert advice in error.message
    assert error.hint == "sample takes: sql, params, limit, style, pattern, must, names, inner."
    assert SECRET not in error.for_model()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "'sql' is required"),
        ({"sql": 7}, "'sql': Input should be a valid string"),
        ({"sql": "x", "limit": 0}, "'limit': Input should be greater than or equal to 1"),
        ({"sql": "x", "limit": "many"}, "'limit': Input should be a valid integer"),
        ({"sql": "x", "style": SECRET}, "'style': Input should be 'markdown' or 'json'"),
        ({"sql": "x", "params": SECRET}, "'params."),
        ({"sql": "x", "inner": {"title": 1}}, "'inner.title': Input should be a valid string"),
    ],
)
def test_bad_arguments_are_named_without_their_values(arguments: dict[str, Any], said: str) -> None:
    error = refusal(arguments)
    assert said in error.message
    assert SECRET not in error.for_model()
    assert "pydantic" not in error.for_model()


def test_a_flood_of_wrong_arguments_gives_a_short_answer() -> None:
    error = refusal({"sql": "x", **{f"no_{number}" + "x" * 500: 1 for number in range(5_000)}})
    assert "and 4,995 more" in error.message
    assert len(error.for_model()) < 1_000

    def talkative(value: str) -> str:
        raise ValueError("no" * 10_000)

    @tool(kind="read", title="T")
    async def validated(text: Annotated[str, AfterValidator(talkative)]) -> str:
        return text

    error = refusal({"text": "x"}, StrictTool.make(validated))
    assert error.message.startswith("'text': nono")
    assert len(error.for_model()) < 1_000


@pytest.mark.parametrize(
    ("given_as", "becomes"),
    [("[1, 2]", [1, 2]), ('{"id": 7}', {"id": 7}), ([1], [1]), ({"a": "[1]"}, {"a": "[1]"}), (None, None)],
)
def test_lists_and_objects_may_come_as_json_text(given_as: Any, becomes: Any) -> None:
    assert run({"sql": "x", "params": given_as})["params"] == becomes


@pytest.mark.parametrize("text", ["[1, 2]", '{"a": 1}', "null", "true", "7", '"quoted"', "[abc]%"])
def test_a_text_that_looks_like_json_stays_a_text(text: str) -> None:
    assert run({"sql": text, "pattern": text, "params": "[1]"}) == {
        **run({"sql": "x"}), "sql": text, "pattern": text, "params": [1]
    }  # fmt: skip


def test_json_text_beside_another_mistake_is_still_read() -> None:
    assert "params" not in refusal({"sql": "x", "params": "[1]", "limit": 0}).message
    assert refusal({"sql": "x", "params": "[1", "pattern": "[1]"}).message.startswith("'params.")


def test_numbers_may_come_as_text() -> None:
    assert run({"sql": "x", "limit": "7"})["limit"] == 7


def made_to_raise(error: BaseException) -> StrictTool:
    @tool(kind="read", title="T")
    async def raising() -> str:
        raise error

    return StrictTool.make(raising)


@pytest.mark.requirement("ERR-1")
@pytest.mark.parametrize("error", [RuntimeError(SECRET), KeyError(SECRET), NotFound("no"), OSError(2, SECRET, SECRET)])
def test_whatever_is_raised_leaves_as_one_failure_without_its_text(error: Exception) -> None:
    with pytest.raises(Failure) as caught:
        run({}, made_to_raise(error))
    assert caught.value.__cause__ is error
    assert SECRET not in str(caught.value)
    assert SECRET not in json.dumps(caught.value.error.model_dump())


def test_errors_of_the_protocol_pass() -> None:
    with pytest.raises(MCPError) as caught:
        run({}, made_to_raise(MCPError(code=-32601, message="no")))
    assert not isinstance(caught.value, Failure)


@pytest.mark.requirement("ERR-1")
def test_exceptions_of_resources_and_prompts_leave_the_same_way() -> None:
    async def raising(name: str) -> str:
        """Doc."""
        raise KeyError(SECRET + name)

    wrapped = carried(raising)
    assert wrapped.__doc__ == "Doc."
    with pytest.raises(Failure) as caught:
        asyncio.run(cast("Any", wrapped("x")))
    assert isinstance(caught.value.__cause__, KeyError)


def test_a_sync_function_runs_beside_the_loop() -> None:
    @tool(kind="read", title="T")
    def blocking(text: str) -> str:
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        return text

    assert run({"text": "x"}, StrictTool.make(blocking)) == "x"


def test_an_alias_is_the_same_tool_under_another_name() -> None:
    alias = TOOL.alias("read_query")
    assert (alias.name, alias.listed, TOOL.name, TOOL.listed) == ("read_query", False, "sample", True)
    assert refusal({"sql": 1}, alias).hint.startswith("read_query takes: ")
    assert run({"sql": "x", "must": 1}, alias)["sql"] == "x"


def test_making_a_tool_leaves_the_function_and_other_tools_alone() -> None:
    again = StrictTool.make(sample)
    assert again.fn_metadata.arg_model is not TOOL.fn_metadata.arg_model
    assert again.parameters == TOOL.parameters
    assert asyncio.run(sample("x", must=1))["sql"] == "x"


class Sure(BaseModel):
    yes: bool


def ask() -> Elicit[Sure]:
    return Elicit("Sure?", Sure)


def test_the_sdks_own_questions_are_refused_when_the_tool_is_made() -> None:
    @tool(kind="write", title="T")
    async def asking(answer: Annotated[Sure, Resolve(ask)]) -> str:
        return str(answer)

    with pytest.raises(ValueError, match="ask with `Asking`"):
        StrictTool.make(asking)


def test_an_error_is_one_typed_or_on_the_wire() -> None:
    block = TextContent(type="text", text="x")
    assert is_error(CallToolResult(content=[block], is_error=True))
    assert is_error({"content": [], "isError": True})
    assert not is_error(CallToolResult(content=[block]))
    assert not is_error({"content": []})
    assert not is_error(None)
