"""Unified diffs as the official server writes them, to the byte.

    fenced(unified("a.txt", "one\\n", "two\\n"))

The official one takes jsdiff, whose choice among equally short diffs depends on the order in which it tries them; this
is the same search. Where two texts differ in more than `MOST_STEPS` lines it would take minutes; there the changed
middle is shown as one block.
"""

from collections.abc import Sequence
from dataclasses import dataclass

CONTEXT = 4
MOST_STEPS = 1_500
_BLOCK = 64
_RULE = "=" * 67
_NO_NEWLINE = "\\ No newline at end of file"


@dataclass
class Run:
    """Lines in a row that are the same (" "), only in the old text ("-") or only in the new one ("+")."""

    sign: str
    lines: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Path:
    """The furthest way on one diagonal: where it is in the old text, and its runs, the last one first."""

    old: int
    sign: str
    count: int
    before: "_Path | None"


def unified(name: str, old: str, new: str) -> str:
    """The diff from `old` to `new`, both with LF line ends, with the headers of the official server."""
    head = [f"Index: {name}", _RULE, f"--- {name}\toriginal", f"+++ {name}\tmodified"]
    body = [line for hunk in _hunks(line_runs(_lines(old), _lines(new))) for line in hunk]
    return "\n".join([*head, *body]) + "\n"


def fenced(diff: str) -> str:
    """`diff` as a code block whose fence is longer than any run of backticks in it."""
    ticks = "```"
    while ticks in diff:
        ticks += "`"
    return f"{ticks}diff\n{diff}{ticks}\n\n"


def _lines(text: str) -> list[str]:
    """The lines without their LF. A last one that had none has one here, so that it is another line."""
    lines = text.split("\n")
    last = lines.pop()
    return [*lines, last + "\n"] if last else lines


def line_runs(old: Sequence[str], new: Sequence[str]) -> list[Run]:
    """The way from `old` to `new`, as `_lines` gives them, in runs."""
    counts = _search(old, new) or _one_block(old, new)
    runs: list[Run] = []
    old_at = new_at = 0
    for sign, count in counts:
        if sign == "-":
            runs.append(Run(sign, old[old_at : old_at + count]))
        else:
            runs.append(Run(sign, new[new_at : new_at + count]))
            new_at += count
        old_at += count if sign != "+" else 0
    return runs


def _search(old: Sequence[str], new: Sequence[str]) -> list[tuple[str, int]] | None:
    """Myers' search as jsdiff does it, ties included. None when it takes more than MOST_STEPS."""
    old_length, new_length = len(old), len(new)
    first = _along(_Path(-1, "", 0, None), 0, old, new)
    if first.old + 1 >= old_length and first.old + 1 >= new_length:
        return _counts(first)
    best: dict[int, _Path] = {0: first}
    low, high = -old_length - new_length, old_length + new_length
    for steps in range(1, min(old_length + new_length, MOST_STEPS) + 1):
        # Both ends are the search's own parity; bounds move while it runs, exactly as there.
        diagonal = max(low, -steps)
        while diagonal <= min(high, steps):
            path = _step(best, diagonal, old_length, new_length)
            if path is not None:
                path = _along(path, diagonal, old, new)
                new_at = path.old - diagonal
                if path.old + 1 >= old_length and new_at + 1 >= new_length:
                    return _counts(path)
                best[diagonal] = path
                if path.old + 1 >= old_length:
                    high = min(high, diagonal - 1)
                if new_at + 1 >= new_length:
                    low = max(low, diagonal + 1)
            diagonal += 2
    return None


def _step(best: dict[int, _Path], diagonal: int, old_length: int, new_length: int) -> _Path | None:
    """One removal or insertion onto `diagonal`, from the neighbour that is further; None where there is none."""
    remove = best.pop(diagonal - 1, None)
    add = best.get(diagonal + 1)
    can_add = add is not None and 0 <= add.old - diagonal < new_length
    can_remove = remove is not None and remove.old + 1 < old_length
    if not can_add and not can_remove:
        best.pop(diagonal, None)
        return None
    if add is not None and (not can_remove or (can_add and remove is not None and remove.old < add.old)):
        return _longer(add, "+", 0)
    assert remove is not None
    return _longer(remove, "-", 1)


def _longer(path: _Path, sign: str, old_steps: int) -> _Path:
    if path.sign == sign:
        return _Path(path.old + old_steps, sign, path.count + 1, path.before)
    return _Path(path.old + old_steps, sign, 1, path)


def _along(path: _Path, diagonal: int, old: Sequence[str], new: Sequence[str]) -> _Path:
    """`path` after the lines that are the same from there."""
    start = at = path.old + 1
    end = min(len(old), len(new) + diagonal)
    while at < end and old[at] == new[at - diagonal]:
        at += 1
        if at - start >= _BLOCK:
            while at + _BLOCK <= end and old[at : at + _BLOCK] == new[at - diagonal : at - diagonal + _BLOCK]:
                at += _BLOCK
    return _Path(at - 1, " ", at - start, path) if at > start else path


def _counts(path: _Path) -> list[tuple[str, int]]:
    counts: list[tuple[str, int]] = []
    here: _Path | None = path
    while here is not None and here.sign:
        counts.append((here.sign, here.count))
        here = here.before
    return counts[::-1]


def _one_block(old: Sequence[str], new: Sequence[str]) -> list[tuple[str, int]]:
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    counts = [(" ", head), ("-", len(old) - head - tail), ("+", len(new) - head - tail), (" ", tail)]
    return [(sign, count) for sign, count in counts if count]


def _common(left: Sequence[str], right: Sequence[str]) -> int:
    count = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        count += 1
    return count


def _hunks(runs: list[Run]) -> list[list[str]]:
    hunks: list[list[str]] = []
    open_hunk: _Hunk | None = None
    old_line = new_line = 1
    for index, run in enumerate(runs):
        if run.sign == " ":
            last = index == len(runs) - 1
            if open_hunk and len(run.lines) <= CONTEXT * 2 and not last:
                open_hunk.add(" ", run.lines)
            elif open_hunk:
                open_hunk.add(" ", run.lines[:CONTEXT])
                hunks.append(open_hunk.text())
                open_hunk = None
            old_line += len(run.lines)
            new_line += len(run.lines)
            continue
        if open_hunk is None:
            context = runs[index - 1].lines[-CONTEXT:] if index else ()
            open_hunk = _Hunk(old_line - len(context), new_line - len(context))
            open_hunk.add(" ", context)
        open_hunk.add(run.sign, run.lines)
        old_line += len(run.lines) if run.sign == "-" else 0
        new_line += len(run.lines) if run.sign == "+" else 0
    if open_hunk:
        hunks.append(open_hunk.text())
    return hunks


class _Hunk:
    def __init__(self, old_start: int, new_start: int) -> None:
        self._old_start, self._new_start = old_start, new_start
        self._old = self._new = 0
        self._lines: list[str] = []

    def add(self, sign: str, lines: Sequence[str]) -> None:
        self._old += len(lines) if sign != "+" else 0
        self._new += len(lines) if sign != "-" else 0
        for line in lines:
            if line.endswith("\n"):
                self._lines += [sign + line[:-1], _NO_NEWLINE]
            else:
                self._lines.append(sign + line)

    def text(self) -> list[str]:
        # A side with no lines is numbered by the line before it.
        old_start = self._old_start - (self._old == 0)
        new_start = self._new_start - (self._new == 0)
        return [f"@@ -{old_start},{self._old} +{new_start},{self._new} @@", *self._lines]
