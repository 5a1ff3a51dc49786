"""Tools, resources and prompts as this project makes them: strict arguments, small schemas, errors that teach.

    @tool(kind="read", title="Run a query")
    async def query_database(sql: str, limit: int = 50) -> CallToolResult: ...

A function marked so becomes a `StrictTool`. Whatever it raises leaves as one `Failure`, which `pipeline/errors.py`
turns into what a model reads.
"""

import difflib
import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from mcp.server.mcpserver import Context
from mcp.shared.exceptions import MCPError
from mcp.types import INTERNAL_ERROR, CallToolResult, ToolAnnotations
from pydantic import ValidationError

from mcp_servers_shared.call import Kind
from mcp_servers_shared.compat import ArgModelBase, Tool
from mcp_servers_shared.errors import InvalidInput

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])
_MARK = "__mcp_servers_tool__"
_MOST_PROBLEMS = 5
_MOST_NAME_CHARS = 60
_MOST_MESSAGE_CHARS = 300


class Failure(MCPError):
    """An exception on its way through the SDK, which passes MCPError untouched. `__cause__` is what was raised."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(code=INTERNAL_ERROR, message="Internal error")
        self.__cause__ = cause


class StrictTool(Tool):
    """A tool that refuses unknown arguments by name and lets no exception text slip."""

    kind: Kind
    listed: bool = True

    @classmethod
    def make(cls, function: Callable[..., Any]) -> "StrictTool":
        """The tool that `@tool` described on `function`."""
        mark = cast("dict[str, Any]", getattr(function, _MARK))
        base = Tool.from_function(
            function,
            name=mark["name"],
            title=mark["title"],
            description=inspect.cleandoc(function.__doc__ or ""),
            annotations=mark["annotations"],
            structured_output=False,
        )
        if base.resolved_params:
            raise ValueError(
                f"{base.name}: ask with `Asking`, not with Resolve, so that the answer is bound and audited"
            )
        model = base.fn_metadata.arg_model
        model.model_config["extra"] = "forbid"
        model.model_rebuild(force=True)
        fields = {name: getattr(base, name) for name in Tool.model_fields}
        fields["parameters"] = compact_schema(model.model_json_schema(by_alias=True))
        return cls(**fields, kind=mark["kind"], listed=mark["listed"])

    def alias(self, name: str, *, listed: bool = False) -> "StrictTool":
        """The same tool under another name, unlisted unless told so."""
        return self.model_copy(update={"name": name, "listed": listed})

    async def run(self, arguments: dict[str, Any], context: Context[Any, Any], convert_result: bool = False) -> Any:
        try:
            given = self._checked(arguments)
            extra = {self.context_kwarg: context} if self.context_kwarg else {}
            result = await self.fn_metadata.call_fn(self.fn, self.is_async, given, extra)
            return self.fn_metadata.convert_result(result) if convert_result else result
        except MCPError:
            raise
        except Exception as error:
            raise Failure(error) from error

    def _checked(self, arguments: dict[str, Any]) -> dict[str, Any]:
        model = self.fn_metadata.arg_model
        try:
            return model.model_validate(arguments).model_dump_one_level()
        except ValidationError as error:
            wrong = {str(problem["loc"][0]) for problem in error.errors(include_url=False) if problem["loc"]}
        # Some hosts send lists and objects as JSON text. Only what does not fit as it is gets parsed: a text that
        # happens to look like JSON stays one.
        parsed = self.fn_metadata.pre_parse_json({name: arguments[name] for name in wrong & arguments.keys()})
        try:
            return model.model_validate({**arguments, **parsed}).model_dump_one_level()
        except ValidationError as error:
            raise explained(error, model, self.name) from None


def tool(
    *,
    kind: Kind,
    title: str,
    name: str | None = None,
    listed: bool = True,
    destructive: bool = False,
    idempotent: bool | None = None,
    open_world: bool = False,
) -> Callable[[FunctionT], FunctionT]:
    """Describe a function as a tool. Reads are idempotent and never destructive."""

    def mark(function: FunctionT) -> FunctionT:
        annotations = ToolAnnotations(
            read_only_hint=kind == "read",
            destructive_hint=destructive and kind == "write",
            idempotent_hint=kind == "read" if idempotent is None else idempotent,
            open_world_hint=open_world,
        )
        details = {"kind": kind, "title": title, "name": name, "listed": listed, "annotations": annotations}
        setattr(function, _MARK, details)
        return function

    return mark


def carried(function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """A resource or prompt function whose exceptions leave as one `Failure`."""

    @functools.wraps(function)
    async def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return await function(*args, **kwargs)
        except MCPError:
            raise
        except Exception as error:
            raise Failure(error) from error

    return call


def explained(error: ValidationError, model: type[ArgModelBase], tool_name: str) -> InvalidInput:
    """What is wrong with the arguments, by name, without repeating their values."""
    known = [field.alias or name for name, field in model.model_fields.items()]
    found = error.errors(include_url=False, include_input=False, include_context=False)
    problems = list(
        dict.fromkeys(_problem(problem["type"], problem["loc"], problem["msg"], known) for problem in found)
    )
    if len(problems) > _MOST_PROBLEMS:
        problems[_MOST_PROBLEMS:] = [f"and {len(problems) - _MOST_PROBLEMS:,} more"]
    return InvalidInput(
        "; ".join(problems),
        code="invalid_arguments",
        hint=f"{tool_name} takes: {', '.join(known) or 'no arguments'}.",
    )


def _problem(kind: str, loc: tuple[int | str, ...], message: str, known: list[str]) -> str:
    name = ".".join(map(str, loc))[:_MOST_NAME_CHARS]
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(name, known, n=1)
        return f"unknown argument '{name}'" + (f", did you mean '{near[0]}'?" if near else "")
    if kind == "missing":
        return f"'{name}' is required"
    return f"'{name}': {message.removeprefix('Value error, ')[:_MOST_MESSAGE_CHARS]}"


def compact_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """The same schema in fewer tokens: no titles, no null branch and no null default for what may be left out."""
    slim: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "title" and isinstance(value, str):
            continue
        if key in ("properties", "$defs"):
            required = schema.get("required", []) if key == "properties" else value
            parts = {name: compact_schema(part) for name, part in value.items()}
            slim[key] = {name: part if name in required else _never_null(part) for name, part in parts.items()}
        elif key in ("anyOf", "oneOf", "allOf", "prefixItems"):
            slim[key] = [compact_schema(part) for part in value]
        elif key in ("items", "additionalProperties") and isinstance(value, dict):
            slim[key] = compact_schema(cast("dict[str, Any]", value))
        else:
            slim[key] = value
    return slim


def _never_null(part: dict[str, Any]) -> dict[str, Any]:
    """A property that may be left out needs no second way to say so."""
    slim = {key: value for key, value in part.items() if key != "default" or value is not None}
    branches = [branch for branch in slim.get("anyOf", []) if branch != {"type": "null"}]
    if len(branches) == 1:
        del slim["anyOf"]
        return {**branches[0], **slim}
    return {**slim, "anyOf": branches} if branches else slim


def is_error(result: Any) -> bool:
    """Whether a tool result, typed or on the wire, is an error."""
    if isinstance(result, CallToolResult):
        return bool(result.is_error)
    return isinstance(result, dict) and bool(cast("dict[str, Any]", result).get("isError"))
