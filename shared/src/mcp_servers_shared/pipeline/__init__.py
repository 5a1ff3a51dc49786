"""What every message passes, exactly once, in this order: identify, authorize, rate limit, audit, errors.

Around all but the first lies `RecordedMiddleware`: what a stage refuses, or breaks on, is recorded and answered too.
"""

from mcp_servers_shared.pipeline.audit import AuditMiddleware, AuditTrail, RecordedMiddleware
from mcp_servers_shared.pipeline.authorize import AuthorizeMiddleware, Catalogue
from mcp_servers_shared.pipeline.errors import Answers, ErrorsMiddleware
from mcp_servers_shared.pipeline.identify import IdentifyMiddleware
from mcp_servers_shared.pipeline.ratelimit import RateLimitMiddleware

__all__ = [
    "Answers",
    "AuditMiddleware",
    "AuditTrail",
    "AuthorizeMiddleware",
    "Catalogue",
    "ErrorsMiddleware",
    "IdentifyMiddleware",
    "RateLimitMiddleware",
    "RecordedMiddleware",
]
