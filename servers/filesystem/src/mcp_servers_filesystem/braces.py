"""Braces in a glob written out, as bash and the official server do: `{a,b}`, `{1..3}`, `{a..e..2}`, nested."""

import re
from itertools import pairwise

from mcp_servers_shared.errors import InvalidInput

MOST_ALTERNATIVES = 500
_MOST_STEPS = 2_000
_MOST_NESTED = 20
# What a backslash protects is swapped for private characters while braces are looked for.
_PROTECTED = ("\\", "{", "}", ",", ".")
_STAND_INS = ("\ue000", "\ue001", "\ue002", "\ue003", "\ue004")
_WORTH_IT = re.compile(r"\{[^{\n\r\u2028\u2029]*\}")
_NUMBERS = re.compile(r"-?[0-9]+\.\.-?[0-9]+(?:\.\.-?[0-9]+)?\Z")
_LETTERS = re.compile(r"[a-zA-Z]\.\.[a-zA-Z](?:\.\.-?[0-9]+)?\Z")
_COMMA_SET = re.compile(r",(?!,)[^\n\r\u2028\u2029]*\}")


def expanded(pattern: str) -> list[str]:
    """The patterns that `pattern` means, each once. Raises InvalidInput (`bad_pattern`) where they are too many."""
    if not _WORTH_IT.search(pattern):
        return [pattern]
    if any(char in pattern for char in _STAND_INS):
        raise too_many()
    if pattern.startswith("{}"):
        pattern = "\\{\\}" + pattern[2:]
    for char, stand_in in zip(_PROTECTED, _STAND_INS, strict=True):
        pattern = pattern.replace("\\" + char, stand_in)
    results = _Expansion().all(pattern, 0, top=True)
    for char, stand_in in zip(_PROTECTED, _STAND_INS, strict=True):
        results = [one.replace(stand_in, char) for one in results]
    return list(dict.fromkeys(results))


def too_many() -> InvalidInput:
    """The refusal of a pattern whose braces mean too much."""
    return InvalidInput(
        f"the braces of the glob mean more than {MOST_ALTERNATIVES} patterns",
        code="bad_pattern",
        hint="Use * or [...] instead of long lists.",
    )


class _Expansion:
    """One pattern being expanded, with what it may cost."""

    def __init__(self) -> None:
        self._steps = 0

    def all(self, text: str, depth: int, *, top: bool) -> list[str]:
        """What `text` means."""
        done, drop_empty, first = [""], False, True
        while True:
            self._pay(depth)
            group = _balanced(text)
            if group is None:
                return self._combined(done, text, [""], drop_empty)
            before, inside, after = text[: group[0]], text[group[0] + 1 : group[1]], text[group[1] + 1 :]
            sequence = _NUMBERS.match(inside) or _LETTERS.match(inside)
            if before.endswith("$"):
                values = ["{" + inside + "}"]
            elif not sequence and "," not in inside:
                if not _COMMA_SET.search(after):
                    return self._combined(done, text, [""], drop_empty)
                # {a},b} means {a\},b} to bash.
                text, top = before + "{" + inside + _STAND_INS[2] + after, True
                continue
            else:
                drop_empty = (top and not sequence) if first else drop_empty
                values = _counted(inside) if sequence else self._options(inside, depth)
            first = False
            done = self._combined(done, before, values, drop_empty and not after)
            if not after:
                return done
            text = after

    def _options(self, inside: str, depth: int) -> list[str]:
        parts = _parts(inside)
        if len(parts) == 1:
            return ["{" + one + "}" for one in self.all(parts[0], depth + 1, top=False)]
        return [value for part in parts for value in self.all(part, depth + 1, top=False)]

    def _combined(self, done: list[str], before: str, values: list[str], drop_empty: bool) -> list[str]:
        if len(done) * len(values) > MOST_ALTERNATIVES:
            raise too_many()
        made = [one + before + value for one in done for value in values]
        return [one for one in made if one] if drop_empty else made

    def _pay(self, depth: int) -> None:
        self._steps += 1
        if self._steps > _MOST_STEPS or depth > _MOST_NESTED:
            raise too_many()


def _balanced(text: str) -> tuple[int, int] | None:
    """Where the first group begins and ends that is not within another; without one, the leftmost that closes."""
    opened: list[int] = []
    best: tuple[int, int] | None = None
    for index, char in enumerate(text):
        if char == "{":
            opened.append(index)
        elif char == "}" and opened:
            start = opened.pop()
            if not opened:
                return start, index
            if best is None or start < best[0]:
                best = (start, index)
    return best


def _parts(inside: str) -> list[str]:
    """The choices of a group: split at commas outside of groups in it."""
    depth, commas = 0, [-1]
    for index, char in enumerate(inside):
        depth += (char == "{") - (char == "}" and depth > 0)
        if char == "," and not depth:
            commas.append(index)
    return [inside[first + 1 : last] for first, last in pairwise([*commas, len(inside)])]


def _counted(inside: str) -> list[str]:
    ends = inside.split("..")
    letters = ends[0].isalpha()
    first, last = (ord(ends[0]), ord(ends[1])) if letters else (int(ends[0]), int(ends[1]))
    step = max(abs(int(ends[2])), 1) if len(ends) == 3 else 1
    if abs(last - first) // step >= MOST_ALTERNATIVES or len(inside) > 100:
        raise too_many()
    numbers = range(first, last + 1, step) if last >= first else range(first, last - 1, -step)
    if letters:
        return ["" if chr(one) == "\\" else chr(one) for one in numbers]
    padded = any(re.match(r"-?0\d", end) for end in ends)
    width = max(len(ends[0]), len(ends[1])) if padded else 0
    return [f"{one:0{width}d}" if padded else str(one) for one in numbers]
