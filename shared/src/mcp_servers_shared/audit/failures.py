"""Why the log cannot be written, said with the remedy. Names the file, never its folder: a model may read it."""

import errno
import os

from mcp_servers_shared.audit.heads import DamagedHead, StateGone
from mcp_servers_shared.errors import AuditUnavailable

ELSEWHERE = "restart the server with --audit-log PATH"

_FULL = ("the disk is full", f"Free space on its disk, or {ELSEWHERE} on another one.")
_DENIED = ("permission denied", f"Make the file, its folder and the state folder writable, or {ELSEWHERE}.")
_DESCRIPTORS = ("too many files are open", "Raise the limit (ulimit -n) or restart the server.")
_REASONS: dict[int, tuple[str, str]] = {
    errno.ENOSPC: _FULL,
    errno.EFBIG: ("the file may not grow further", f"Raise the file size limit (ulimit -f), or {ELSEWHERE}."),
    errno.EACCES: _DENIED,
    errno.EPERM: _DENIED,
    errno.EROFS: ("the file system is read-only", f"Mount it writable, or {ELSEWHERE} on another one."),
    errno.EMFILE: _DESCRIPTORS,
    errno.ENFILE: _DESCRIPTORS,
    errno.EIO: ("the disk reports an error", f"Check the disk, or {ELSEWHERE} on another one."),
    errno.ETIMEDOUT: ("another process has it locked", "Look for a stopped or hanging server that writes this log."),
}
if hasattr(errno, "EDQUOT"):
    _REASONS[errno.EDQUOT] = _FULL


def unavailable(name: str, error: OSError) -> AuditUnavailable:
    """The refusal for an operating system error."""
    if isinstance(error, StateGone):
        return refused(name, "state_gone", "its state folder, with key and head, was deleted or moved", RESTORE)
    if isinstance(error, DamagedHead):
        return refused(name, "damaged_head", "its head in the state folder is damaged or of another key", SET_ASIDE)
    what, remedy = _REASONS.get(
        error.errno or 0,
        (error.strerror or "the state folder cannot be used", f"Check the log and the state folder, or {ELSEWHERE}."),
    )
    return refused(name, errno.errorcode.get(error.errno or 0, "OSError"), what, remedy)


def refused(name: str, reason: str, what: str, remedy: str) -> AuditUnavailable:
    """The refusal for a reason that the log found itself. `reason` is a stable slug or errno name."""
    return AuditUnavailable(
        f"the audit log {os.path.basename(name)} cannot be written: {what}", hint=remedy, reason=reason
    )


RESTORE = f"Put the state folder back, or {ELSEWHERE} to begin another log."
SET_ASIDE = f"Check it with `mcp-servers-bundle audit verify PATH`, move it aside, or {ELSEWHERE}."
