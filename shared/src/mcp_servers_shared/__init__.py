"""The guard under every mcp-servers server.

Light on purpose: worker processes import it with the standard library only. What needs the SDK is imported from its
own module (`mcp_servers_shared.app`, `.settings`, `.results`).
"""

from mcp_servers_shared.errors import (
    AuditUnavailable,
    Busy,
    InvalidInput,
    LimitExceeded,
    NotConfirmed,
    NotFound,
    PathRefused,
    RateLimited,
    Refused,
    ServerError,
    StatementRefused,
    Unavailable,
    WritesDisabled,
)

__version__ = "0.1.0"

__all__ = [
    "AuditUnavailable",
    "Busy",
    "InvalidInput",
    "LimitExceeded",
    "NotConfirmed",
    "NotFound",
    "PathRefused",
    "RateLimited",
    "Refused",
    "ServerError",
    "StatementRefused",
    "Unavailable",
    "WritesDisabled",
    "__version__",
]
