"""Innermost: exceptions become what a model reads, and nothing else gets out.

A ServerError is shown whole: code, message, hint. Anything else is logged here with an id and shown as that id only.
For tools the answer is an `isError` result, which models see; for everything else a JSON-RPC error.
"""

import logging
import secrets
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.shared.exceptions import MCPError
from mcp.types import INTERNAL_ERROR, INVALID_PARAMS

from mcp_servers_shared.call import Call, current_call
from mcp_servers_shared.compat import CallNext, HandlerResult, ServerRequestContext, result_envelope
from mcp_servers_shared.errors import InvalidInput, NotFound, RateLimited, Refused, ServerError
from mcp_servers_shared.tooling import Failure

logger = logging.getLogger("mcp_servers")

ERROR_META_KEY = "mcp-servers/error"
RATE_LIMITED = 429
REFUSED = 403


class ErrorsMiddleware:
    """Answers for whatever a handler raised."""

    def __init__(self, answers: "Answers") -> None:
        self._answers = answers

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        try:
            return await call_next(ctx)
        except Failure as failure:
            return self._answers.to(ctx, current_call(), anticipated(failure.__cause__))
        except ServerError as error:
            return self._answers.to(ctx, current_call(), error)


class Answers:
    """Makes the answer to a call that failed or was refused."""

    def __init__(self) -> None:
        self.server: MCPServer[Any] | None = None

    def to(self, ctx: ServerRequestContext[Any, Any], call: Call, error: ServerError) -> HandlerResult:
        """An `isError` result for a tool call. Raises MCPError for any other method."""
        call.decision = "refused" if isinstance(error, Refused) else "error"
        call.code = error.code
        call.rule = error.rule if isinstance(error, Refused) else call.rule
        if ctx.method != "tools/call" or self.server is None:
            raise MCPError(code=_rpc_code(error), message=error.for_model(), data=_machine_readable(error)) from error
        fields, meta = result_envelope(self.server, ctx.protocol_version)
        text = {"type": "text", "text": error.for_model()}
        meta = {**meta, ERROR_META_KEY: _machine_readable(error)}
        return {"content": [text], "isError": True, "_meta": meta, **fields}


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


def _machine_readable(error: ServerError) -> dict[str, Any]:
    return {"code": error.code, "hint": error.hint, **error.evidence}


def _rpc_code(error: ServerError) -> int:
    if isinstance(error, InvalidInput | NotFound):
        return INVALID_PARAMS
    if isinstance(error, RateLimited):
        return RATE_LIMITED
    return REFUSED if isinstance(error, Refused) else INTERNAL_ERROR
