r"""Glob patterns as minimatch reads them with `dot: true`, made into one regular expression.

`*` and `?` stay within a name, `**` as a whole component spans directories, `[a-z]`, `{a,b}`, `{1..3}`, `?(a|b)`,
`*(..)`, `+(..)`, `@(..)`; a leading `!` turns the answer round; `\` takes the next character as it is.
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import pairwise

from mcp_servers_filesystem.patterns import MOST_CHARS, names_matcher
from mcp_servers_shared.errors import InvalidInput

Matcher = Callable[[str], object]

_MOST_ALTERNATIVES = 500
_CLASSES = {
    "alpha": "a-zA-Z", "digit": "0-9", "alnum": "a-zA-Z0-9", "upper": "A-Z", "lower": "a-z", "space": r"\s",
    "word": r"\w", "xdigit": "A-Fa-f0-9", "punct": r"!-/:-@\[-`{-~", "blank": r" \t",
}  # fmt: skip
_REPEATS = {"?": "?", "*": "*", "+": "+", "@": ""}
_NOTHING = r"[^\s\S]"
_RANGE = re.compile(r"(-?\d{1,9})\.\.(-?\d{1,9})(?:\.\.(-?\d{1,9}))?\Z|([A-Za-z])\.\.([A-Za-z])\Z")


@lru_cache(maxsize=256)
def matcher(pattern: str) -> Matcher:
    """A function that is true for the relative paths that `pattern` covers. Raises InvalidInput (`bad_pattern`)."""
    if len(pattern) > MOST_CHARS:
        raise _bad(f"a glob has at most {MOST_CHARS:,} characters")
    if pattern.startswith("#"):
        return lambda _path: None
    turned = len(pattern) - len(pattern.lstrip("!")) if not pattern.startswith("!(") else 0
    body = pattern[turned:]
    if not body:
        return (lambda path: not path) if turned % 2 == 0 else (lambda path: bool(path))
    alternatives = list(dict.fromkeys(map(_expression, expanded(body))))
    wild = max(one.count("*") + one.count("+") for one in alternatives)
    covers = names_matcher("|".join(f"(?:{one})" for one in alternatives), wild)
    if turned % 2:
        return lambda path: not covers(path)
    return covers


def expanded(pattern: str) -> list[str]:
    """The pattern with its braces written out. Raises InvalidInput where that is too much."""
    results: list[str] = []
    waiting = [pattern]
    while waiting:
        one = waiting.pop()
        choices = _first_braces(one)
        if choices is None:
            results.append(one)
        else:
            waiting += reversed(list(choices))
        if len(results) + len(waiting) > _MOST_ALTERNATIVES:
            raise _bad(f"the braces of the glob mean more than {_MOST_ALTERNATIVES} patterns")
    return results


def _first_braces(pattern: str) -> Iterator[str] | None:
    """The pattern with its first group of braces replaced by each of its choices; None where there is none."""
    start = -1
    depth, commas = 0, list[int]()
    index = 0
    while index < len(pattern):
        char = pattern[index]
        if char == "\\":
            index += 1
        elif char == "{" and not (index and pattern[index - 1] == "$"):
            if depth == 0:
                start, commas = index, []
            depth += 1
        elif char == "," and depth == 1:
            commas.append(index)
        elif char == "}" and depth:
            depth -= 1
            if depth == 0:
                choices = _choices(pattern[start + 1 : index], [comma - start - 1 for comma in commas])
                if choices is not None:
                    before, after = pattern[:start], pattern[index + 1 :]
                    return (before + choice + after for choice in choices)
        index += 1
    return None


def _choices(inside: str, commas: list[int]) -> list[str] | None:
    if commas:
        bounds = [-1, *commas, len(inside)]
        return [inside[first + 1 : end] for first, end in pairwise(bounds)]
    match = _RANGE.match(inside)
    if not match:
        return None
    if match[4]:
        first, last, step = ord(match[4]), ord(match[5]), 1
    else:
        first, last, step = int(match[1]), int(match[2]), abs(int(match[3] or 1)) or 1
    if abs(last - first) // step >= _MOST_ALTERNATIVES:
        raise _bad(f"the braces of the glob mean more than {_MOST_ALTERNATIVES} patterns")
    numbers = range(first, last + 1, step) if first <= last else range(first, last - 1, -step)
    return [chr(one) for one in numbers] if match[4] else [str(one) for one in numbers]


def _expression(pattern: str) -> str:
    components = pattern.split("/")
    parts: list[str] = []
    for index, component in enumerate(components):
        last = index == len(components) - 1
        if component == "**":
            if index and components[index - 1] == "**":
                continue
            parts.append(r"(?:[^/]+(?:/[^/]+)*)" if last else r"(?:[^/]+/)*")
            continue
        parts.append(_component(component) + ("" if last else "/"))
    return "".join(parts)


def _component(text: str) -> str:
    if text and not text.strip("*"):
        return "[^/]+"
    expression, end = _sequence(text, 0, "")
    return expression if end == len(text) else re.escape(text)


def _sequence(text: str, at: int, ends: str) -> tuple[str, int]:
    """The expression of `text` from `at` up to a character of `ends` outside of groups."""
    parts: list[str] = []
    while at < len(text) and text[at] not in ends:
        char = text[at]
        if char in "?*+@!" and text[at + 1 : at + 2] == "(" and (group := _group(text, at)):
            part, at = group
            parts.append(part)
            continue
        if char == "\\" and at + 1 < len(text):
            parts.append(re.escape(text[at + 1]))
            at += 2
        elif char == "[" and (found := _class(text, at)):
            part, at = found
            parts.append(part)
        else:
            if char != "*" or parts[-1:] != ["[^/]*"]:
                parts.append({"*": "[^/]*", "?": "[^/]"}.get(char) or re.escape(char))
            at += 1
    return "".join(parts), at


def _group(text: str, at: int) -> tuple[str, int] | None:
    kind, at = text[at], at + 2
    choices: list[str] = []
    while True:
        expression, at = _sequence(text, at, "|)")
        if at >= len(text):
            return None
        choices.append(expression)
        at += 1
        if text[at - 1] == ")":
            break
    if kind == "!":
        raise _bad("!(...) is not supported here; use excludePatterns")
    return f"(?:{'|'.join(choices)}){_REPEATS[kind]}", at


def _class(text: str, at: int) -> tuple[str, int] | None:
    start = at + 1
    negated = text[start : start + 1] in ("!", "^") and bool(text[start : start + 1])
    index = start + negated
    parts: list[str] = []
    while index < len(text):
        char = text[index]
        if char == "]" and parts:
            return (f"[^/{''.join(parts)}]" if negated else f"[{''.join(parts)}]"), index + 1
        if char == "[" and (named := re.match(r"\[:(\w+):\]", text[index:])) and named[1] in _CLASSES:
            parts.append(_CLASSES[named[1]])
            index += named.end()
            continue
        if char == "\\" and index + 1 < len(text):
            index += 1
            char = text[index]
        end = text[index + 2 : index + 3]
        if text[index + 1 : index + 2] == "-" and end and end != "]":
            if char > end:
                return _NOTHING, text.index("]", index) + 1 if "]" in text[index:] else len(text)
            parts.append(f"{re.escape(char)}-{re.escape(end)}")
            index += 3
            continue
        parts.append(re.escape(char))
        index += 1
    return None


def _bad(message: str) -> InvalidInput:
    return InvalidInput(message, code="bad_pattern", hint="For example *.py here, **/*.py at any depth, src/**.")
