"""Fourth: one record for every message. A write is recorded before it happens, and completed after.

A log that cannot be written stops writes and lets reads go on, and says so on stderr and in the refusal.
"""

import logging
import os
from functools import lru_cache
from typing import Any, Protocol, cast
from urllib.parse import unquote

from mcp.shared.exceptions import MCPError
from pydantic import ValidationError

from mcp_servers_shared.audit import AuditRecord
from mcp_servers_shared.audit.records import Phase
from mcp_servers_shared.call import Call, current_call
from mcp_servers_shared.compat import CallNext, HandlerResult, ServerRequestContext
from mcp_servers_shared.errors import AuditUnavailable
from mcp_servers_shared.pipeline.errors import Answers, anticipated
from mcp_servers_shared.tooling import is_error

logger = logging.getLogger("mcp_servers")

_CACHED_CHARS = 120


class RecordSink(Protocol):
    """Where records go. `append` raises AuditUnavailable when they cannot."""

    def append(self, record: dict[str, Any]) -> None: ...


class ArgumentView(Protocol):
    """What of a call's arguments is recorded."""

    def apply(self, arguments: Any) -> Any: ...


class AuditTrail:
    """Turns calls into records. `sink` None means that auditing is off."""

    def __init__(self, sink: RecordSink | None, arguments: ArgumentView, server: str) -> None:
        self._sink = sink
        self._arguments = arguments
        self._server = server
        self._failing = False
        # Methods, tools and clients are few and come again with every call.
        self._cached = lru_cache(maxsize=1_000)(arguments.apply)

    def begun(self, call: Call) -> None:
        """A write is about to happen. Raises AuditUnavailable: then it must not."""
        if self._sink is not None:
            self._sink.append(self._record(call, "begin"))
            self._failing = False
        call.recorded = "begun"

    def ended(self, call: Call) -> None:
        """A call is over, or never began."""
        self._append_or_warn(self._record(call, "end" if call.recorded == "begun" else "call"))
        call.recorded = "ended"

    def _append_or_warn(self, record: dict[str, Any]) -> None:
        if self._sink is None:
            return
        try:
            self._sink.append(record)
            self._failing = False
        except AuditUnavailable as error:
            if not self._failing:
                logger.error("audit log: %s Reads go on unrecorded, writes are refused.", error.for_model())
            self._failing = True
        except Exception:
            logger.exception("audit log: a record was lost")

    def _record(self, call: Call, phase: Phase) -> dict[str, Any]:
        record = AuditRecord(
            phase=phase,
            call=call.id,
            server=self._server,
            pid=os.getpid(),
            principal=call.principal.name,
            client=self._text(call.principal.client),
            transport=call.transport,
            method=self._text(call.method),
            target=self._target(call.target),
            kind=call.kind,
            rule=call.rule,
            code=call.code,
            trace_id=call.trace_id,
        )
        if phase != "end" and call.arguments:
            record.arguments = self._arguments.apply(dict(call.arguments))
        if phase != "begin":
            record.decision = call.decision
            record.duration_ms = call.duration_ms()
            record.notes = {
                name: self._text(fact) if isinstance(fact, str) else self._arguments.apply(fact)
                for name, fact in call.notes.items()
            }
        return record.to_json()

    def _target(self, target: str) -> Any:
        """The target as it was written, or as it was meant when only that shows a secret in it."""
        meant = unquote(target)
        shown = self._text(meant)
        return self._text(target) if shown == meant else shown

    def _text(self, text: str) -> Any:
        return self._cached(text) if len(text) <= _CACHED_CHARS else self._arguments.apply(text)


class RecordedMiddleware:
    """Around all stages: whatever they refused or broke on is recorded once, and answered like any other failure.

    The SDK's own check of requestState runs inside of it too.
    """

    def __init__(self, trail: AuditTrail, answers: Answers) -> None:
        self._trail = trail
        self._answers = answers

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        call = current_call()
        try:
            return await call_next(ctx)
        except MCPError as error:
            note_failure(call, error)
            raise self._answers.cleaned(error) from error
        except ValidationError as error:
            note_failure(call, error)
            raise
        except Exception as error:
            return self._answers.to(ctx, call, anticipated(error))
        except BaseException as error:
            note_failure(call, error)
            raise
        finally:
            if call.recorded != "ended":
                self._trail.ended(call)


class AuditMiddleware:
    """Records what happened, also when the client gave up or the server failed."""

    def __init__(self, trail: AuditTrail, answers: Answers) -> None:
        self._trail = trail
        self._answers = answers

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        call = current_call()
        if call.kind == "write":
            try:
                self._trail.begun(call)
            except AuditUnavailable as error:
                return self._answers.to(ctx, call, error)
        try:
            result = await call_next(ctx)
        except BaseException as error:
            note_failure(call, error)
            raise
        else:
            if call.decision == "allowed" and is_error(result):
                call.decision = "error"
            return result
        finally:
            self._trail.ended(call)


def note_failure(call: Call, error: BaseException) -> None:
    """Put on `call` how it ended, unless a stage that knows better has."""
    if isinstance(error, MCPError):
        if call.decision == "allowed":
            call.decision, call.code = "error", _code_of(error)
    elif isinstance(error, ValidationError):
        call.decision, call.code = "error", "invalid_params"
    elif isinstance(error, Exception):
        call.decision, call.code = "error", "internal"
    else:
        call.decision, call.code = "cancelled", "cancelled"


def _code_of(error: MCPError) -> str:
    data: Any = error.data
    reason: Any = cast("dict[str, Any]", data).get("reason") if isinstance(data, dict) else None
    return reason if isinstance(reason, str) else str(error.code)
