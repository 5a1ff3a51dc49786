"""Files whose content nobody gets through this server, by the patterns of .gitignore, whatever their case.

A name that is denied may still be listed; what it holds is neither read, written, searched, copied nor moved.
"""

import os
import re
from collections.abc import Sequence
from functools import lru_cache

from mcp_servers_shared.errors import PathRefused
from mcp_servers_shared.guard.path_errors import AnyPath, quoted

Parts = tuple[bytes, ...]

TRASH = b".mcp-trash"
SECRETS = (
    ".env",
    ".env.*",
    "!.env.example",
    "!.env.sample",
    "!.env.template",
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    "*.kdbx",
    "*.keystore",
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    ".ssh/",
    ".gnupg/",
    "**/.aws/credentials",
    ".netrc",
    ".pypirc",
    ".npmrc",
    ".git-credentials",
)
# What runs later by itself: a write here would be more than a write.
NEVER_WRITTEN = (
    "**/.git/hooks/",
    "**/.git/config",
    "**/.git/config.worktree",
    "**/.git/commondir",
    "**/.git/modules/**/config",
    "**/.git/modules/**/commondir",
    "**/.git/modules/**/hooks/",
)
_GIT = b".git"


class Deny:
    """The rules of one server.

    Args:
        patterns: more of them.
        secrets: whether the built-in ones hold.
        own: places below a root that are this server's own, closed whatever else is open.
    """

    def __init__(self, patterns: Sequence[str], *, secrets: bool = True, own: Sequence[Parts] = ()) -> None:
        self._patterns = (*SECRETS, *patterns) if secrets else tuple(patterns)
        self._patterns += tuple(map(_literal, own))
        self.reading = lru_cache(maxsize=4096)(_matcher(self._patterns))
        self.writing = lru_cache(maxsize=4096)(_matcher(self.written_patterns))

    @staticmethod
    def hides(parts: Parts) -> bool:
        """Whether not even the name is shown."""
        return any(part.lower() == TRASH for part in parts)

    @property
    def patterns(self) -> tuple[str, ...]:
        """Those that close files to readers."""
        return self._patterns

    @property
    def written_patterns(self) -> tuple[str, ...]:
        """Those that close files to writers."""
        return (*self._patterns, *NEVER_WRITTEN)

    def check(self, parts: Parts, path: AnyPath, *, writing: bool = False) -> None:
        """Raises PathRefused (`denied`) where a rule covers `parts`, the components below a root."""
        if self.hides(parts):
            raise _refused(path, "belongs to this server's own trash", "Use list_changes and undo to get files back.")
        if writing and parts and parts[-1].lower() == _GIT:
            # As a whole it could be exchanged for one with hooks, or for a file that names another.
            raise _refused(path, "is a repository's own", "Use git for it.")
        if self.writing(parts) if writing else self.reading(parts):
            hint = "Its name may be listed, its content is closed to this server. Work without it, or ask the user."
            raise _refused(path, "is closed by a deny pattern", hint)


def _refused(path: AnyPath, why: str, hint: str) -> PathRefused:
    return PathRefused(f"Access denied: {quoted(path)} {why}", code="denied", rule="FILE-9", hint=hint)


class _matcher:
    """Whether the patterns cover a path; compiled at its first use."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = [_folded(pattern.encode(errors="surrogateescape")) for pattern in patterns]
        self._spec = None

    def __call__(self, parts: Parts) -> bool:
        if not self._patterns or not parts:
            return False
        if self._spec is None:
            from pathspec import GitIgnoreSpec

            self._spec = GitIgnoreSpec.from_lines(self._patterns, backend="simple")
        # With the slash, patterns for directories fit whatever stands there: a rule must not depend on a race.
        return self._spec.match_file(_folded(b"/".join(parts)) + "/") or self._spec.match_file(
            _folded(b"/".join(parts))
        )


def _folded(raw: bytes) -> str:
    """Casefolded, one character a byte, as pathspec's patterns are then."""
    folded = raw.decode(errors="surrogateescape").casefold()
    # To pathspec's expressions a line end is the end, or no character at all.
    return folded.encode(errors="surrogateescape").decode("latin-1").replace("\n", "\0")


def _literal(parts: Parts) -> str:
    """A pattern for this very place. What was rotated away from it has a longer name."""
    return "/" + re.sub(r"([\\*?\[\] !#])", r"\\\1", os.fsdecode(b"/".join(parts))) + "*"
