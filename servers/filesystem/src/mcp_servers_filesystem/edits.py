"""Replacing text in a file, exactly and nowhere else.

    edited = apply_edits(text, [Edit("old", "new")])
    edited.text                      # line endings of the file kept, every character outside the edits the same

Texts match with CRLF read as LF on both sides. First exactly; else line by line with blanks at both ends of a line
ignored, and then the new lines take the indentation of the place. More than one place is refused unless `replace_all`.
"""

import bisect
import re
from collections.abc import Sequence
from dataclasses import dataclass

from mcp_servers_filesystem.matching import (
    MOST_CHARS,
    MOST_SHOWN_PLACES,
    Check,
    Span,
    ambiguous,
    empty_old_text,
    flexible_spans,
    no_match,
    too_large,
)

MOST_EDITS = 200
MOST_PLACES = 100_000
_CRLF = re.compile("\r\n")


@dataclass(frozen=True)
class Edit:
    """Replace `old` by `new`."""

    old: str
    new: str
    replace_all: bool = False


@dataclass(frozen=True)
class Edited:
    """A text after its edits, as it is in the file and with CRLF read as LF."""

    text: str
    plain: str
    replaced: int
    """Places that were replaced."""


def plain(text: str) -> str:
    """`text` with CRLF read as LF."""
    return text.replace("\r\n", "\n") if "\r" in text else text


def apply_edits(text: str, edits: Sequence[Edit], check: Check = lambda: None) -> Edited:
    """`text` after `edits`, one after the other. `check` is called now and then and may raise.

    Raises InvalidInput: `no_match`, `ambiguous`, `empty_old_text`, each naming the edit and the nearest lines;
    LimitExceeded (`too_large`).
    """
    current = _Text(text)
    replaced = 0
    for number, edit in enumerate(edits, 1):
        check()
        spans = _find(current.plain, edit, number, len(edits), check)
        if len(current.text) + sum(len(span.new) for span in spans) > MOST_CHARS:
            raise too_large(number, len(edits), f"more than {MOST_CHARS:,} characters")
        current = current.replaced(spans)
        replaced += len(spans)
    return Edited(current.text, current.plain, replaced)


def _find(text: str, edit: Edit, number: int, count: int, check: Check) -> list[Span]:
    old, new = plain(edit.old), plain(edit.new)
    if not old:
        raise empty_old_text(number, count)
    most = MOST_PLACES if edit.replace_all else MOST_SHOWN_PLACES
    starts = _starts(text, old, most + 1, overlapping=not edit.replace_all)
    spans = [Span(start, start + len(old), new) for start in starts]
    spans = spans or flexible_spans(text, old, new, most + 1, check)
    if not spans:
        raise no_match(text, edit.old, number, count)
    if len(spans) > 1 and not edit.replace_all:
        raise ambiguous(text, [span.start for span in spans], max(len(spans), text.count(old)), number, count)
    if len(spans) > most:
        raise too_large(number, count, f"more than {most:,} places")
    return spans


def _starts(text: str, old: str, most: int, *, overlapping: bool) -> list[int]:
    """Where `old` is in `text`. Overlapping places count as several, for no reader could say which was meant."""
    found: list[int] = []
    start = text.find(old)
    while start >= 0 and len(found) < most:
        found.append(start)
        start = text.find(old, start + (1 if overlapping else len(old)))
    return found


class _Text:
    """A text and the same with CRLF read as LF, and the way from places in one to places in the other."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.plain = plain(text)
        self._mixed = len(self.plain) != len(text)
        self._returns: list[int] | None = None

    def replaced(self, spans: Sequence[Span]) -> "_Text":
        """This text with `spans`, which are in order and apart, replaced."""
        parts: list[str] = []
        end = 0
        for span in map(self._narrowed, spans):
            start = self._place(span.start)
            parts += [self.text[end:start], self._with_line_ends(span)]
            end = self._place(span.end)
        parts.append(self.text[end:])
        return _Text("".join(parts))

    def _narrowed(self, span: Span) -> Span:
        """Without what stays the same at both ends, so that not even its line endings are written anew."""
        old, new = self.plain[span.start : span.end], span.new
        head = _common_prefix(old, new)
        tail = _common_prefix(old[head:][::-1], new[head:][::-1])
        return Span(span.start + head, span.end - tail, new[head : len(new) - tail])

    def _place(self, place: int) -> int:
        """Where `place` of the plain text is in the real one: before the CR of a line end, not inside of it."""
        if not self._mixed:
            return place
        if self._returns is None:
            self._returns = [match.start() - index for index, match in enumerate(_CRLF.finditer(self.text))]
        return place + bisect.bisect_left(self._returns, place)

    def _with_line_ends(self, span: Span) -> str:
        if not self._mixed or "\n" not in span.new:
            return span.new
        return span.new.replace("\n", "\r\n") if self._ends_with_return(span) else span.new

    def _ends_with_return(self, span: Span) -> bool:
        """Whether the line ends in CRLF that is the first inside the span, else the next after it, else the last."""
        line_end = self.plain.find("\n", span.start)
        if line_end < 0:
            line_end = self.plain.rfind("\n")
        place = self._place(line_end)
        return self.text.startswith("\r\n", place)


def _common_prefix(left: str, right: str) -> int:
    """Characters that both begin with."""
    if left == right:
        return len(left)
    low, high = 0, min(len(left), len(right))
    while low < high:
        middle = (low + high + 1) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
