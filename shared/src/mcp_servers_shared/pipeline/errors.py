"""Innermost: exceptions become what a model reads, and nothing else gets out.

A ServerError is shown whole: code, message, hint. Anything else is logged here with an id and shown as that id only.
For tools the answer is an `isError` result, which models see; for everything else a JSON-RPC error.
"""

import logging
import secrets
from collections.abc import Callable
from typing import Any, cast

from mcp.server.mcpserver import MCPServer
from mcp.shared.exceptions import MCPError
from mcp.types import INTERNAL_ERROR, INVALID_PARAMS
from pydantic import ValidationError

from mcp_servers_shared.call import Call, current_call
from mcp_servers_shared.compat import CallNext, HandlerResult, ServerRequestContext, result_envelope
from mcp_servers_shared.errors import InvalidInput, NotFound, RateLimited, Refused, ServerError
from mcp_servers_shared.tooling import Failure

logger = logging.getLogger("mcp_servers")

ERROR_META_KEY = "mcp-servers/error"
RATE_LIMITED = 429
REFUSED = 403
_MOST_CHARS = 4_000


class ErrorsMiddleware:
    """Answers for whatever a handler raised.

    Args:
        answers: makes them.
        literal: takes the server's own secrets out of a text; given, results pass it too.
    """

    def __init__(self, answers: "Answers", literal: Callable[[str], str] | None = None) -> None:
        self._answers = answers
        self._literal = literal

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        try:
            result = await call_next(ctx)
            return _each_text(result, self._literal) if self._literal else result
        except Failure as failure:
            return self._answers.to(ctx, current_call(), anticipated(failure.__cause__))
        except (MCPError, ValidationError):
            # The SDK's own: its texts name no values.
            raise
        except Exception as error:
            return self._answers.to(ctx, current_call(), anticipated(_misused_prompt(ctx, error) or error))


class Answers:
    """Makes the answer to a call that failed or was refused.

    Args:
        clean: takes secrets out of any JSON value.
    """

    def __init__(self, clean: Callable[[Any], Any] = lambda value: value) -> None:
        self.server: MCPServer[Any] | None = None
        self._clean = clean

    def to(self, ctx: ServerRequestContext[Any, Any], call: Call, error: ServerError) -> HandlerResult:
        """An `isError` result for a tool call. Raises MCPError for any other method."""
        call.decision = "refused" if isinstance(error, Refused) else "error"
        call.code = error.code
        call.rule = error.rule if isinstance(error, Refused) else call.rule
        if error.evidence:
            call.note(evidence=error.evidence)
        text = self._clean(_shortened(error.for_model()))
        details: dict[str, Any] = self._clean({"code": error.code, "hint": _shortened(error.hint), **error.evidence})
        if ctx.method != "tools/call" or self.server is None:
            raise MCPError(code=_rpc_code(error), message=text, data=details) from error
        fields, meta = result_envelope(self.server, ctx.protocol_version)
        content = [{"type": "text", "text": text}]
        return {"content": content, "isError": True, "_meta": {**meta, ERROR_META_KEY: details}, **fields}

    def cleaned(self, error: MCPError) -> MCPError:
        """The same error without secrets, also those that the caller wrote."""
        return MCPError(code=error.code, message=self._clean(error.message), data=self._clean(error.data))


def anticipated(cause: BaseException | None) -> ServerError:
    """`cause` itself when it was meant for the reader, else an error that only names its log entry."""
    if isinstance(cause, ServerError):
        return cause
    incident = secrets.token_hex(4)
    logger.error("incident %s", incident, exc_info=cause)
    return ServerError(
        f"something went wrong inside the server (incident {incident})",
        code="internal",
        hint="The server's log has the details under that id.",
        incident=incident,
    )


def _misused_prompt(ctx: ServerRequestContext[Any, Any], error: BaseException) -> InvalidInput | None:
    """The SDK checks a prompt's arguments while it renders, and wraps what it finds in ValueErrors."""
    cause: BaseException | None = error
    while ctx.method == "prompts/get" and cause is not None:
        if isinstance(cause, ValidationError):
            problems = cause.errors(include_url=False, include_input=False, include_context=False)
            wrong = "; ".join(f"'{'.'.join(map(str, one['loc']))[:60]}': {one['msg']}" for one in problems[:5])
            return InvalidInput(wrong, code="invalid_arguments", hint="prompts/list says what the prompt takes.")
        cause = cause.__cause__
    return None


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        whole = cast("dict[str, Any]", value)
        return {change(name): _each_text(part, change) for name, part in whole.items()}
    if isinstance(value, list):
        return [_each_text(part, change) for part in cast("list[Any]", value)]
    return value


def _shortened(text: str) -> str:
    return (
        text if len(text) <= _MOST_CHARS else f"{text[:_MOST_CHARS]}... ({len(text) - _MOST_CHARS:,} more characters)"
    )


def _rpc_code(error: ServerError) -> int:
    if isinstance(error, InvalidInput | NotFound):
        return INVALID_PARAMS
    if isinstance(error, RateLimited):
        return RATE_LIMITED
    return REFUSED if isinstance(error, Refused) else INTERNAL_ERROR
