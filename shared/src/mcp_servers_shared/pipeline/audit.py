"""Fourth: one record for every message. A write is recorded before it happens, and completed after.

A log that cannot be written stops writes and lets reads go on, and says so on stderr and in the refusal.
"""

import logging
import os
from typing import Any, Protocol

from mcp.shared.exceptions import MCPError

from mcp_servers_shared.call import Call, current_call
from mcp_servers_shared.compat import CallNext, HandlerResult, ServerRequestContext
from mcp_servers_shared.errors import AuditUnavailable
from mcp_servers_shared.pipeline.errors import Answers
from mcp_servers_shared.tooling import is_error

logger = logging.getLogger("mcp_servers")


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

    def begun(self, call: Call) -> None:
        """A write is about to happen. Raises AuditUnavailable: then it must not."""
        if self._sink is not None:
            self._sink.append(self._record(call, "begin"))
            self._failing = False

    def ended(self, call: Call) -> None:
        """A call is over."""
        self._append_or_warn(self._record(call, "end" if call.kind == "write" else "call"))

    def refused(self, call: Call) -> None:
        """A call never began."""
        self._append_or_warn(self._record(call, "call"))

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

    def _record(self, call: Call, phase: str) -> dict[str, Any]:
        record: dict[str, Any] = {
            "phase": phase,
            "call": call.id,
            "server": self._server,
            "pid": os.getpid(),
            "principal": call.principal.name,
            "client": call.principal.client,
            "transport": call.transport,
            "method": call.method,
            "target": self._arguments.apply(call.target),
            "kind": call.kind,
        }
        if phase != "end":
            record["arguments"] = self._arguments.apply(dict(call.arguments))
        if phase != "begin":
            record |= {"decision": call.decision, "duration_ms": call.duration_ms(), **call.notes}
        optional = {"rule": call.rule, "code": call.code, "trace_id": call.trace_id}
        return record | {name: value for name, value in optional.items() if value}


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
        except MCPError as error:
            if call.decision == "allowed":
                call.decision, call.code = "error", str(error.code)
            raise
        except Exception:
            call.decision, call.code = "error", "internal"
            raise
        except BaseException:
            call.decision, call.code = "cancelled", "cancelled"
            raise
        else:
            if call.decision == "allowed" and is_error(result):
                call.decision = "error"
            return result
        finally:
            self._trail.ended(call)
