"""The call being answered: who asks for what, and what the server notes about it on the way.

The pipeline makes one `Call` a message and every room below may read it or note facts on it (rows, bytes, the rule
that decided). The audit record is made from it.
"""

import secrets
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["read", "write"]
Decision = Literal["allowed", "refused", "asked", "confirmed", "error", "cancelled"]


@dataclass(frozen=True)
class Principal:
    """Who calls. `name` is what limits, cursors and confirmations are bound to."""

    name: str
    client: str = ""
    """The host's own name and version, as it says: never an identity."""


@dataclass
class Call:
    """One message from a client."""

    method: str
    target: str
    """Tool name, resource URI or prompt name; empty for the rest."""
    kind: Kind
    principal: Principal
    transport: str
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    trace_id: str = ""
    lifespan: Any = None
    """What the server's lifespan yielded, for resources, which the SDK gives no context."""
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    started: float = field(default_factory=time.perf_counter)
    decision: Decision = "allowed"
    rule: str = ""
    code: str = ""
    notes: dict[str, Any] = field(default_factory=dict[str, Any])
    recorded: Literal["", "begun", "ended"] = ""
    """How far the audit is with it."""

    def note(self, **facts: Any) -> None:
        """Add facts to the audit record: rows, bytes, database, ... JSON values only, no secrets."""
        self.notes.update(facts)

    def duration_ms(self) -> float:
        """Milliseconds since the message was read."""
        return round((time.perf_counter() - self.started) * 1000, 3)


_current: ContextVar[Call] = ContextVar("mcp_servers_call")


def current_call() -> Call:
    """The call being answered. Raises LookupError outside of one."""
    return _current.get()


@contextmanager
def answering(call: Call) -> Generator[Call, None, None]:
    """Make `call` the current one."""
    token = _current.set(call)
    try:
        yield call
    finally:
        _current.reset(token)
