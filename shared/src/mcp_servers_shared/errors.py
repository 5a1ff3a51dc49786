"""Everything a server says no with.

    ServerError                 base: code, message, hint, evidence
    ├── InvalidInput            the arguments make no sense here
    ├── NotFound                a name that does not exist; evidence holds the nearest ones
    ├── Refused                 a rule said no; `rule` names it
    │   ├── PathRefused         a path outside what the server may touch
    │   ├── StatementRefused    SQL that this mode does not run
    │   ├── WritesDisabled      a write while the server is read-only
    │   ├── RateLimited         too many calls; `retry_after` seconds
    │   └── NotConfirmed        a write nobody confirmed
    ├── LimitExceeded           time, memory or size ran out
    ├── Busy                    the queue is full; try again
    └── Unavailable             the thing behind the server does not answer
        └── AuditUnavailable    the audit log cannot be written, so no write may happen

`message` and `hint` reach the model: they never hold secrets or paths outside what the user configured. `evidence`
goes to the audit log and to the result's `_meta`, and is plain JSON.
"""

from typing import Any


class ServerError(Exception):
    """An anticipated failure, said so that a model can act on it.

    Args:
        message: what was wrong, one sentence without a final period is fine.
        code: stable machine name, `snake_case`; the class default when omitted.
        hint: what to do next.
        evidence: JSON values that prove the decision (names, limits, counts).
    """

    code = "error"

    def __init__(self, message: str, *, code: str | None = None, hint: str = "", **evidence: Any) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.hint = hint
        self.evidence = evidence

    def for_model(self) -> str:
        """The text a model reads: code, message, and what to try next."""
        text = f"[{self.code}] {self.message.rstrip()}"
        if not text.endswith((".", "?", "!", ":")):
            text += "."
        return f"{text} {self.hint}".rstrip()


class InvalidInput(ServerError):
    """The arguments make no sense here."""

    code = "invalid_input"


class NotFound(ServerError):
    """A name that does not exist."""

    code = "not_found"


class Refused(ServerError):
    """A rule said no. `rule` is the id in docs/security.md or the layer that refused."""

    code = "refused"

    def __init__(
        self, message: str, *, rule: str = "", code: str | None = None, hint: str = "", **evidence: Any
    ) -> None:
        super().__init__(message, code=code, hint=hint, **evidence)
        self.rule = rule or self.code


class PathRefused(Refused):
    """A path outside what the server may touch."""

    code = "outside_roots"


class StatementRefused(Refused):
    """SQL that this mode does not run."""

    code = "statement_refused"


class WritesDisabled(Refused):
    """A write while the server is read-only."""

    code = "writes_disabled"


class RateLimited(Refused):
    """Too many calls. `retry_after` is in seconds."""

    code = "rate_limited"

    def __init__(self, message: str, *, retry_after: float, rule: str = "", hint: str = "", **evidence: Any) -> None:
        super().__init__(message, rule=rule, hint=hint, retry_after_s=round(retry_after, 3), **evidence)
        self.retry_after = retry_after


class NotConfirmed(Refused):
    """A write that nobody confirmed, or a confirmation that does not fit."""

    code = "not_confirmed"


class LimitExceeded(ServerError):
    """Time, memory or size ran out."""

    code = "limit_exceeded"


class Busy(ServerError):
    """The queue is full."""

    code = "busy"


class Unavailable(ServerError):
    """The thing behind the server does not answer."""

    code = "unavailable"


class AuditUnavailable(Unavailable):
    """The audit log cannot be written, so no write may happen."""

    code = "audit_unavailable"
