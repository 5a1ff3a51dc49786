"""The words of a Mermaid `erDiagram`: ids, types and labels that its grammar takes, whatever the real names are."""

import json
import re

_ID = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
_NOT_ID = re.compile(r"[^A-Za-z0-9_]+")
# Anything else could end a quoted label, or begin markup or a directive.
_NOT_LABEL = re.compile(r"[^\w .,()/-]|[^\S ]")
# Mermaid takes any line with these words for a statement, also between quotes.
_DIRECTION = re.compile(r"direction\s+(?=TB|BT|RL|LR)", re.IGNORECASE)
_LONGEST_ID = 40
_LONGEST_LABEL = 60
# Words the grammar takes for itself: cardinalities, statements, key marks, and what begins other diagrams.
_TAKEN_WORDS = """
acctitle accdescr begin class classdef default direction end erdiagram fk identifying many more one only optionally or
pk style subgraph title to u uk zero
"""
_TAKEN_IDS = frozenset(_TAKEN_WORDS.split())
_TAKEN_ATTRIBUTES = frozenset({"fk", "pk", "uk"})


class Ids:
    """Ids for names, the same name always the same id, and no id twice."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}
        self._used: set[str] = set()

    def of(self, name: str) -> str:
        """The id of a name: the name itself where the grammar takes it."""
        if name not in self._ids:
            self._ids[name] = self._new(name)
        return self._ids[name]

    def _new(self, name: str) -> str:
        base = _word(name, "t", _TAKEN_IDS)
        found, number = base, 1
        while found.lower() in self._used:
            number += 1
            found = f"{base}_{number}"
        self._used.add(found.lower())
        return found


def attribute(name: str, otherwise: str) -> str:
    """A column's name or type as one word; `otherwise` begins it where it needs another beginning."""
    return _word(name, otherwise, _TAKEN_ATTRIBUTES)


def label(name: str) -> str:
    """Text that may stand between double quotes."""
    text = _DIRECTION.sub("direction_", _NOT_LABEL.sub("_", name[:_LONGEST_LABEL]))
    return text or " "


def comment(name: str) -> str:
    """The exact name as a JSON string that cannot end a comment or begin a directive."""
    return json.dumps(name[:200]).replace("%", "\\u0025").replace("{", "\\u007b").replace("<", "\\u003c")


def _word(name: str, otherwise: str, taken: frozenset[str]) -> str:
    """Letters, digits and underscores near the name: the name itself where that is one."""
    if _ID.match(name) and len(name) <= _LONGEST_ID and name.lower() not in taken:
        return name
    word = _NOT_ID.sub("_", name).strip("_")[:_LONGEST_ID].strip("_")
    if not word:
        return otherwise
    return word if _ID.match(word) and word.lower() not in taken else f"{otherwise}_{word}"
