"""Names of tables and columns: how SQLite compares them, and how they are written for a reader."""

import functools
import re

from mcp_servers_shared.guard.sql.identifiers import quote
from mcp_servers_shared.guard.untrusted import visible

LONGEST = 200

_FOLDED = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
_BARE = re.compile(r"[^\W\d][\w$]*\Z")
# The keywords that SQLite does not take as a name without quotes.
_RESERVED_WORDS = """
add all alter and as autoincrement between case check collate commit constraint create default deferrable delete
distinct drop else escape except exists foreign from group having in index insert intersect into is isnull join limit
not notnull null on or order primary references returning select set table then to transaction union unique update
using values when where
"""
_RESERVED = frozenset(_RESERVED_WORDS.split())


def fold(name: str) -> str:
    """The name with ASCII letters lowered: SQLite holds two names for the same when these are equal."""
    return name.lower() if name.isascii() else name.translate(_FOLDED)


@functools.lru_cache(maxsize=4_096)
def shown(name: str) -> str:
    """The name on one line as SQL takes it: quoted where it must be, hidden characters escaped, cut at 200."""
    bare = _BARE.match(name) and fold(name) not in _RESERVED
    return shortened(visible(name if bare else quote(name), escape_layout=True))


def shortened(text: str, longest: int = LONGEST) -> str:
    """The text, or its beginning and how long it is."""
    return text if len(text) <= longest else f"{text[:longest]}... ({len(text):,} characters)"


def one_line(text: str, longest: int = LONGEST) -> str:
    """Text of the schema (a type, a default) on one line, hidden characters escaped, cut."""
    return visible(shortened(" ".join(text.split()), longest), escape_layout=True)
