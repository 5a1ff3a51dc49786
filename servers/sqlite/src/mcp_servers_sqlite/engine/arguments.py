"""The arguments of an operation, checked: the worker trusts no caller, not even its own server."""

from collections.abc import Mapping
from typing import Any, cast

from mcp_servers_shared.errors import InvalidInput
from mcp_servers_shared.guard.sql.lexer import PARAMETER, Token

_INT64 = 2**63


def text(args: Mapping[str, Any], name: str) -> str:
    """A text argument."""
    value = args.get(name)
    if not isinstance(value, str):
        raise InvalidInput(f"'{name}' must be text", code="invalid_arguments")
    return value


def whole(args: Mapping[str, Any], name: str, default: int, *, least: int, most: int) -> int:
    """A whole number between `least` and `most`; the default when it is missing or null."""
    value = args.get(name)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InvalidInput(f"'{name}' must be a whole number from {least} to {most}", code="invalid_arguments")
    return value


def parameters(value: Any, tokens: list[Token]) -> list[Any] | dict[str, Any]:
    """Values to bind: a list for `?`, an object for `:name`, `@name` and `$name`.

    Raises:
        InvalidInput: values that SQLite cannot bind, or too few or too many of them.
    """
    named = sorted({token.text[1:] for token in tokens if token.kind == PARAMETER and token.text[0] != "?"})
    if value is None:
        value = {} if named else []
    if isinstance(value, dict):
        given = {str(key).lstrip(":@$"): item for key, item in cast(dict[Any, Any], value).items()}
        return {name: _bindable(f":{name}", _find(given, name)) for name in named} if named else _unnamed(given, tokens)
    if not isinstance(value, list):
        raise InvalidInput("'params' must be a list or an object", code="invalid_params")
    if named:
        raise InvalidInput(
            f"The SQL has named parameters ({', '.join(named[:10])}); 'params' must be an object",
            code="invalid_params",
            hint='For example {"' + named[0] + '": 1}.',
        )
    return [_bindable(f"params[{index}]", item) for index, item in enumerate(cast(list[Any], value))]


def _unnamed(given: dict[str, Any], tokens: list[Token]) -> list[Any]:
    if given or any(token.kind == PARAMETER for token in tokens):
        raise InvalidInput(
            "The SQL has no named parameters, but 'params' is an object",
            code="invalid_params",
            hint="Pass a list for ?, or write :name in the SQL.",
        )
    return []


def _find(given: dict[str, Any], name: str) -> Any:
    if name not in given:
        raise InvalidInput(f"'params' has no value for :{name}", code="invalid_params", hint="Add it to the object.")
    return given[name]


def _bindable(where: str, value: Any) -> Any:
    if isinstance(value, str) and not value.isascii():
        _check_unicode(where, value)
    if value is None or isinstance(value, (str, float)):
        return value
    if isinstance(value, int):
        if -_INT64 <= value < _INT64:
            return value
        raise InvalidInput(f"{where} does not fit into 64 bits", code="invalid_params", hint="Pass it as text.")
    raise InvalidInput(
        f"{where} is {'an object' if isinstance(value, dict) else 'a list'}; SQLite binds only null, numbers and text",
        code="invalid_params",
        hint="Pass JSON as text and use json_extract or json_each on it.",
    )


def _check_unicode(where: str, value: str) -> None:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidInput(
            f"{where} holds half of a surrogate pair, which is not text",
            code="invalid_params",
            hint="Send valid Unicode.",
        ) from None
