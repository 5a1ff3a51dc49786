"""The names a reader may have meant."""

import difflib
import heapq
from collections.abc import Iterable

from mcp_servers_sqlite.engine.naming import fold
from mcp_servers_sqlite.engine.words import split

_LONGEST_WORD = 200
_COMPARED = 40
_LEAST = 0.6


def nearest(word: str, names: Iterable[str], limit: int = 3) -> list[str]:
    """The names most like `word`, best first; none where nothing is like it.

    Case, underscores, plurals, swapped words, prefixes and small typos count for little.
    """
    wanted = fold(word[:_LONGEST_WORD])
    pairs = _pairs(wanted)
    if not wanted:
        return []
    # Character pairs first: difflib on every column of a large schema would take a second.
    likely = heapq.nlargest(_COMPARED, dict.fromkeys(names), key=lambda name: _overlap(pairs, name))
    matcher = difflib.SequenceMatcher(autojunk=False)
    matcher.set_seq2(wanted)
    scored = [(_likeness(word[:_LONGEST_WORD], wanted, name, matcher), name) for name in likely]
    scored = [one for one in scored if one[0] >= _LEAST]
    scored.sort(key=lambda one: (-one[0], abs(len(one[1]) - len(word)), one[1]))
    return [name for _, name in scored[:limit]]


def _pairs(text: str) -> set[str]:
    padded = f"^{text}$"
    return {padded[at : at + 2] for at in range(len(padded) - 1)}


def _overlap(pairs: set[str], name: str) -> float:
    own = _pairs(fold(name[:_LONGEST_WORD]))
    return 2 * len(pairs & own) / (len(pairs) + len(own))


def _likeness(word: str, wanted: str, name: str, matcher: difflib.SequenceMatcher[str]) -> float:
    """From 0 to 1; 1 is the same name but for case."""
    folded = fold(name[:_LONGEST_WORD])
    if folded == wanted:
        return 1.0
    words, own = split(word), split(name)
    if words and words == own:
        return 0.99
    if words and sorted(words) == sorted(own):
        return 0.97
    matcher.set_seq1(folded)
    score = matcher.ratio()
    if len(wanted) >= 3 and folded.startswith(wanted):
        return max(score, 0.8)
    if len(wanted) >= 3 and (wanted in folded or (folded in wanted and len(folded) >= 3)):
        return max(score, 0.7)
    return score
