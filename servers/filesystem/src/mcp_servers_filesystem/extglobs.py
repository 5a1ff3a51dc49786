"""One component of a glob: wildcards, classes and groups such as `+(a|b)`, made into an expression."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from mcp_servers_shared.errors import InvalidInput

ANY = r"[^/\x00]"
_STAR = ANY + "*"
_MOST_NEGATIONS = 4
_MOST_NESTED = 2
_END = r"(?:/|\Z)"
_REPEATS = {"?": "?", "*": "*", "+": "+", "@": ""}
# Kinds of groups that minimatch takes into a group around them, which then does not count as nesting.
_ADOPTED = {"!": "?@", "?": "?@", "@": "?@", "*": "*+?@", "+": "+@?*"}
_STAR_ENDING = re.compile(r"\*+([^+@!?*\[(]*)\Z")
_MARKS_ENDING = re.compile(r"(\?+)([^+@!?*\[(]*)\Z")
_UNSEEN = "\x01-\x1f\x7f-\x9f" + r"\p{Cf}\p{Co}"
_POSIX: dict[str, tuple[str, bool]] = {
    "alnum": (r"\p{L}\p{Nl}\p{Nd}", False),
    "alpha": (r"\p{L}\p{Nl}", False),
    "ascii": ("\x01-.0-\x7f", False),
    "blank": (r"\p{Zs}\t", False),
    "cntrl": ("\x01-\x1f\x7f-\x9f", False),
    "digit": (r"\p{Nd}", False),
    "graph": (rf"\p{{Z}}{_UNSEEN}", True),
    "lower": (r"\p{Ll}", False),
    "print": (_UNSEEN, False),  # minimatch turns only "graph" round
    "punct": ("", False),
    "space": (r"\p{Z}\t\r\n\v\f", False),
    "upper": (r"\p{Lu}", False),
    "word": (r"\p{L}\p{Nl}\p{Nd}\p{Pc}", False),
    "xdigit": ("A-Fa-f0-9", False),
}


@dataclass(frozen=True)
class _Group:
    kind: str
    choices: list["list[str | _Group]"]


Piece = str | _Group


def component(text: str) -> str | None:
    """The expression for a component; None where nothing can fit. Raises InvalidInput (`bad_pattern`)."""
    if match := _STAR_ENDING.match(text):
        # minimatch takes what follows such stars as it is, a backslash too.
        return _STAR + re.escape(match[1]) if match[1] else ANY + "+"
    if match := _MARKS_ENDING.match(text):
        rest = len(match[2])
        return ANY * len(match[1]) + re.escape(match[2]) if rest else ANY * len(match[1])
    if text.count("!(") > _MOST_NEGATIONS:
        raise InvalidInput(
            f"a glob has at most {_MOST_NEGATIONS} groups !(...)", code="bad_pattern", hint="Use excludePatterns."
        )
    pieces, _ = _Reader(text).pieces(0, "", 0)
    if len(pieces) == 1 and isinstance(pieces[0], _Group) and not any(pieces[0].choices) and pieces[0].kind != "!":
        return re.escape(text)
    source = _written(pieces, "")
    return None if _NOTHING in source else source


_NOTHING = "\ue010"


def _written(pieces: Sequence[Piece], tail: str) -> str:
    """The expression. `tail`: that of what follows in the component, which a !(...) must look at."""
    after = ""
    # From the right, not by recursion: a pattern may have a thousand pieces.
    for piece in reversed(pieces):
        after = piece + after if isinstance(piece, str) else _group(piece, after, tail)
    return after


def _group(group: "_Group", after: str, tail: str) -> str:
    if group.kind != "!":
        choices = "|".join(_written(one, after + tail) for one in group.choices)
        return f"(?:{choices}){_REPEATS[group.kind]}{after}"
    if not any(group.choices):
        return f"{ANY}+{after}"
    unwanted = "|".join(_written(one, "") + after + tail + _END for one in group.choices)
    return f"(?:(?!(?:{unwanted})){_STAR}){after}"


class _Reader:
    """Takes a component apart."""

    def __init__(self, text: str) -> None:
        self._text = text

    def pieces(self, at: int, within: str, nested: int) -> tuple[list[Piece], int]:
        """What stands from `at` on, up to `|` or `)` inside a group of kind `within`, and where that ended."""
        text, found = self._text, list[Piece]()
        while at < len(text) and not (within and text[at] in "|)"):
            char = text[at]
            if char in _ADOPTED and text[at + 1 : at + 2] == "(" and self._opens(char, within, nested):
                piece, at = self._group(at, within, nested)
                if piece is None:
                    # A group that never ends is no group, nor is anything in it.
                    return [*found, _plain(text[at:])], len(text)
                found.append(piece)
            elif char == "\\":
                found.append(re.escape(text[at + 1 : at + 2] or char))
                at += 2
            elif char == "[" and (taken := _class(text, at)):
                found.append(taken[0])
                at = taken[1]
            else:
                found.append({"*": _STAR, "?": ANY}.get(char) or re.escape(char))
                at += 1
                while char == "*" and text[at : at + 1] == "*" and text[at + 1 : at + 2] != "(":
                    at += 1
        return found, at

    def _opens(self, kind: str, within: str, nested: int) -> bool:
        return nested <= _MOST_NESTED or kind in _ADOPTED.get(within, "")

    def _group(self, start: int, within: str, nested: int) -> tuple[_Group | None, int]:
        kind, at = self._text[start], start + 2
        if not (within and kind in _ADOPTED[within]):
            nested += 1
        choices: list[list[Piece]] = []
        while True:
            found, at = self.pieces(at, kind, nested)
            if at >= len(self._text):
                return None, start
            choices.append(found)
            at += 1
            if self._text[at - 1] == ")":
                return _Group(kind, choices), at


def _plain(text: str) -> str:
    """The expression of text in which no group is looked for."""
    found, at = list[str](), 0
    while at < len(text):
        char = text[at]
        if char == "\\" and at + 1 < len(text):
            found.append(re.escape(text[at + 1]))
            at += 2
        elif char == "[" and (taken := _class(text, at)):
            found.append(taken[0])
            at = taken[1]
        else:
            found.append({"*": _STAR, "?": ANY}.get(char) or re.escape(char))
            at += 1
    return "".join(found)


def _class(text: str, start: int) -> tuple[str, int] | None:
    """The class that begins at `start` and where it ends; None where it is none."""
    negated = text[start + 1 : start + 2] in ("!", "^") and start + 1 < len(text)
    at = start + 1 + negated
    ranges, besides, opened, begun = list[str](), list[str](), False, ""
    while at < len(text):
        char = text[at]
        if char == "]" and opened:
            if begun:
                # A range without an end is given up together with its beginning.
                begun = ""
            return _class_text(ranges, besides, negated), at + 1
        opened = True
        if char == "\\" and at + 1 < len(text):
            at += 1
            char = text[at]
        elif char == "[" and (named := re.match(r"\[:([a-z]+):\]", text[at:])) and named[1] in _POSIX:
            if begun:
                return _NOTHING, len(text)
            source, turned = _POSIX[named[1]]
            (besides if turned else ranges).append(source or _punctuation())
            at += named.end()
            continue
        if begun:
            if char >= begun:
                ranges.append(_range(begun, char))
            begun = ""
        elif text.startswith("-]", at + 1):
            ranges += [_range(char, char), r"\-"]
            at += 1
        elif text.startswith("-", at + 1):
            begun = char
            at += 1
        else:
            ranges.append(_range(char, char))
        at += 1
    return None


def _class_text(ranges: Sequence[str], besides: Sequence[str], negated: bool) -> str:
    """`ranges`: what the class holds; `besides`: what it holds everything but."""
    inside = "".join(ranges)
    if not ranges and not besides:
        return _NOTHING
    if negated:
        # minimatch joins both parts of a turned class by "or" as well.
        parts = [f"[^/\\x00{inside}]" if ranges else "", f"[{''.join(besides)}]" if besides else ""]
    else:
        parts = [f"[{inside}]" if inside else "", f"[^/\\x00{''.join(besides)}]" if besides else ""]
    parts = [one for one in parts if one]
    return parts[0] if len(parts) == 1 else f"(?:{'|'.join(parts)})"


def _range(first: str, last: str) -> str:
    """A range for a class, without the slash, which is in no component."""
    if first <= "/" <= last:
        below = _range(first, ".") if first < "/" else ""
        return below + (_range("0", last) if last > "/" else "")
    return _escaped(first) if first == last else f"{_escaped(first)}-{_escaped(last)}"


def _escaped(char: str) -> str:
    return "\\" + char if char.isascii() and char.isprintable() and not char.isalnum() and char != " " else char


@cache
def _punctuation() -> str:
    """All characters of the categories P, the slash apart."""
    import sys
    import unicodedata

    found: list[Any] = []
    for number in range(sys.maxunicode + 1):
        if unicodedata.category(chr(number))[0] == "P" and number != 0x2F:
            if found and found[-1][1] == number - 1:
                found[-1][1] = number
            else:
                found.append([number, number])
    return "".join(_range(chr(first), chr(last)) for first, last in found)
