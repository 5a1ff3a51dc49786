"""The record of one call, as the pipeline writes it."""

import secrets
from dataclasses import dataclass, field
from typing import Any, Literal

Phase = Literal["begin", "end", "call"]
Kind = Literal["read", "write"]
Decision = Literal["allowed", "refused", "asked", "confirmed", "error", "cancelled"]


def new_call_id() -> str:
    """A random id that joins the two records of a write."""
    return secrets.token_hex(8)


@dataclass(slots=True)
class AuditRecord:
    """One call. A read is one `call` record after it; a write is `begin` before its effect and `end` after it."""

    phase: Phase
    call: str
    server: str
    principal: str
    method: str
    kind: Kind
    target: Any = ""
    """Tool name, resource URI or prompt name, after the argument policy."""
    client: str = ""
    """The host's name, as it says: no identity."""
    client_version: str = ""
    transport: str = ""
    arguments: Any = None
    """After the argument policy."""
    decision: Decision | None = None
    """None in a `begin` record: nobody knows yet."""
    rule: str = ""
    code: str = ""
    rows: int | None = None
    bytes: int | None = None
    duration_ms: float | None = None
    trace_id: str = ""
    pid: int = 0
    notes: dict[str, Any] = field(default_factory=dict[str, Any])
    """Further facts, beside the fields above in the line. They never replace one of those."""

    def to_json(self) -> dict[str, Any]:
        """The fields that say something, in the order above."""
        record: dict[str, Any] = {}
        for name in _FIELDS:
            value = getattr(self, name)
            if value is not None and value != "":
                record[name] = value
        return {**self.notes, **record} if self.notes else record


_FIELDS = tuple(name for name in AuditRecord.__slots__ if name != "notes")
