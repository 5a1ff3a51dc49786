"""The audit log: who did what, when, and whether anybody changed the answer since.

    log = AuditLog(path, server="sqlite")        # opens nothing yet
    log.append(AuditRecord(...).to_json())       # one sealed line; raises AuditUnavailable
    verify(path).ok                              # every line genuine, in place, none missing

Knows nothing of MCP: the pipeline makes the records.
"""

from mcp_servers_shared.audit.arguments import ArgumentPolicy, Mode, Redactor
from mcp_servers_shared.audit.findings import Kind, Problem, Verification
from mcp_servers_shared.audit.log import AuditLog
from mcp_servers_shared.audit.reader import iterate, tail
from mcp_servers_shared.audit.records import AuditRecord, new_call_id
from mcp_servers_shared.audit.verify import verify

__all__ = [
    "ArgumentPolicy",
    "AuditLog",
    "AuditRecord",
    "Kind",
    "Mode",
    "Problem",
    "Redactor",
    "Verification",
    "iterate",
    "new_call_id",
    "tail",
    "verify",
]
