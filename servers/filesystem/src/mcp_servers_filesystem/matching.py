"""Where an edit's old text is, when it is not there exactly, and what to tell when it is nowhere or twice."""

import heapq
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mcp_servers_shared.errors import InvalidInput, LimitExceeded

# What JavaScript's trim() and \s take for blank: the official server's matching is made of these.
BLANKS = (
    "\t\n\x0b\x0c\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)
MOST_CHARS = 50_000_000
"""Of a text after an edit: a short text replaced by a long one in many places is soon larger than memory."""
MOST_SHOWN_PLACES = 5
_MOST_NEAREST = 3
_MOST_LINE_CHARS = 160
_MOST_OLD_CHARS = 2_000
_MOST_COMPARED_LINES = 5_000
_MOST_COMPARING_SECONDS = 0.5
_LEAST_LIKENESS = 0.5
Check = Callable[[], None]


@dataclass(frozen=True)
class Span:
    """Characters from `start` to `end` (exclusive) to be replaced by `new`. CRLF is read as LF."""

    start: int
    end: int
    new: str


def flexible_spans(text: str, old: str, new: str, most: int, check: Check) -> list[Span]:
    """The first `most` places where the lines of `old` are, blanks at both ends of each line ignored.

    They are in order and apart; fewer where their new texts would be too large together for any edit.
    """
    wanted = [line.strip(BLANKS) for line in old.split("\n")]
    lines = text.split("\n")
    stripped = [line.strip(BLANKS) for line in lines]
    found = _line_matches(stripped, wanted, most, check)
    spans: list[Span] = []
    offset = last = size = 0
    for index in found:
        if size > MOST_CHARS:
            break
        offset += sum(len(line) + 1 for line in lines[last:index])
        last = index
        length = sum(map(len, lines[index : index + len(wanted)])) + len(wanted) - 1
        spans.append(Span(offset, offset + length, _indented(lines[index], old, new)))
        size += len(spans[-1].new)
    return spans


def _line_matches(stripped: list[str], wanted: list[str], most: int, check: Check) -> list[int]:
    found: list[int] = []
    index = -1
    while len(found) < most:
        check()
        try:
            index = stripped.index(wanted[0], index + 1)
        except ValueError:
            break
        if stripped[index : index + len(wanted)] == wanted:
            found.append(index)
            index += len(wanted) - 1
    return found


def _indented(first_line: str, old: str, new: str) -> str:
    """`new` indented as the place is: the official server's rule, line for line."""
    indent = _indent(first_line)
    old_lines = old.split("\n")
    lines: list[str] = []
    for number, line in enumerate(new.split("\n")):
        before = _indent(old_lines[number]) if number < len(old_lines) else ""
        after = _indent(line)
        if number == 0:
            lines.append(indent + line.lstrip(BLANKS))
        elif before and after:
            lines.append(indent + " " * max(0, len(after) - len(before)) + line.lstrip(BLANKS))
        else:
            lines.append(line)
    return "\n".join(lines)


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(BLANKS))]


def empty_old_text(number: int, count: int) -> InvalidInput:
    """An edit that does not say what to replace."""
    return InvalidInput(
        f"oldText is empty{_which(number, count)}",
        code="empty_old_text",
        hint="Give the text to replace; to add text, repeat a line next to it in both; for a new file use write_file.",
        edit=number,
    )


def too_large(number: int, count: int, what: str) -> LimitExceeded:
    """An edit that makes too much of a text."""
    return LimitExceeded(
        f"an edit of {what} is not made{_which(number, count)}; nothing was changed",
        code="too_large",
        hint="Replace less at once.",
        edit=number,
    )


def ambiguous(text: str, starts: Sequence[int], matches: int, number: int, count: int) -> InvalidInput:
    """An edit whose old text is in several places, of which `starts` are the first."""
    lines = [text.count("\n", 0, start) + 1 for start in starts[:MOST_SHOWN_PLACES]]
    all_lines = text.split("\n")
    shown = "\n".join(f"  line {line}: {_clipped(all_lines[line - 1])}" for line in lines)
    more = f"\n  and {matches - len(lines):,} more" if matches > len(lines) else ""
    return InvalidInput(
        f"oldText matches {matches:,} places{_which(number, count)}; nothing was changed:\n{shown}{more}\n",
        code="ambiguous",
        hint="Add lines around it to oldText until only one place matches, or set replaceAll.",
        edit=number,
        lines=lines,
        matches=matches,
    )


def no_match(text: str, old: str, number: int, count: int) -> InvalidInput:
    """An edit whose old text is nowhere."""
    nearest = nearest_lines(text, old)
    lines = text.split("\n")
    shown = "".join(f"  line {line}: {_clipped(lines[line - 1])}\n" for line in nearest)
    quoted = old if len(old) <= _MOST_OLD_CHARS else f"{old[:_MOST_OLD_CHARS]}... ({len(old):,} characters)"
    return InvalidInput(
        f"Could not find exact match for edit:\n{quoted}\n"
        + (
            f"The nearest places{_which(number, count)}:\n{shown}"
            if nearest
            else f"Nothing in the file is like it.{_which(number, count)}\n"
        ),
        code="no_match",
        hint="Read the file again and copy oldText from it; nothing was changed.",
        edit=number,
        nearest_lines=nearest,
    )


def nearest_lines(text: str, old: str) -> list[int]:
    """Up to three line numbers where something like `old` begins, best first."""
    wanted = [line.strip(BLANKS) for line in old.split("\n")]
    stripped = [line.strip(BLANKS) for line in text.split("\n")]
    scores = _equal_lines(stripped, wanted) or _similar_lines(stripped, wanted)
    best = heapq.nsmallest(_MOST_NEAREST, scores.items(), key=lambda item: (-item[1], item[0]))
    return [line + 1 for line, _ in best]


def _equal_lines(stripped: list[str], wanted: list[str]) -> dict[int, float]:
    """How many lines of `wanted` are the same, by the line where it would begin."""
    at: dict[str, list[int]] = {}
    for number, line in enumerate(wanted):
        if line:
            at.setdefault(line, []).append(number)
    scores: dict[int, float] = {}
    for index, line in enumerate(stripped):
        for number in at.get(line, ())[:MOST_SHOWN_PLACES]:
            start = max(0, index - number)
            scores[start] = scores.get(start, 0.0) + 1.0
    return scores


def _similar_lines(stripped: list[str], wanted: list[str]) -> dict[int, float]:
    from difflib import SequenceMatcher  # only a miss needs it

    line = max(wanted, key=len)[:_MOST_LINE_CHARS]
    if not line:
        return {}
    number = next(index for index, one in enumerate(wanted) if one.startswith(line))
    matcher = SequenceMatcher(None, "", line, autojunk=False)
    scores: dict[int, float] = {}
    compared = 0
    ends = time.monotonic() + _MOST_COMPARING_SECONDS
    for index, candidate in enumerate(stripped):
        if compared >= _MOST_COMPARED_LINES or time.monotonic() > ends:
            break
        if not candidate:
            continue
        compared += 1
        matcher.set_seq1(candidate[:_MOST_LINE_CHARS])
        if matcher.real_quick_ratio() >= _LEAST_LIKENESS and matcher.quick_ratio() >= _LEAST_LIKENESS:
            likeness = matcher.ratio()
            if likeness >= _LEAST_LIKENESS:
                scores[max(0, index - number)] = likeness
    return scores


def _which(number: int, count: int) -> str:
    return f" (edit {number} of {count})" if count > 1 else ""


def _clipped(line: str) -> str:
    return line if len(line) <= _MOST_LINE_CHARS else f"{line[:_MOST_LINE_CHARS]}..."
