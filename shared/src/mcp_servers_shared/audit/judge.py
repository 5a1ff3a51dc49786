"""Says what happened where the chain does not hold: edited, deleted, inserted, duplicated, reordered, truncated."""

from mcp_servers_shared.audit.findings import Problems, numbers
from mcp_servers_shared.audit.heads import Head
from mcp_servers_shared.audit.walk import Break, Damaged, Walk


def judge(walk: Walk, head: Head | None, problems: Problems, newest: str) -> None:
    """Add what the breaks and the end of `walk` mean. `newest` is the name of the file it ended in."""
    runs = sorted(walk.runs)
    for each in walk.breaks:
        _judge_break(each, runs, problems)
    _judge_end(walk, head, problems, newest)


def _judge_break(each: Break, runs: list[tuple[int, int]], problems: Problems) -> None:
    damaged = list(each.damage.lines) if each.damage else []
    if each.after > each.before + 1:
        gap = (each.before + 1, each.after - 1)
        unseen = _without(gap, runs)
        damaged = _edited(unseen, damaged, problems)
        for first, last in unseen:
            sentence = f"{numbers(first, last)} should stand before this line: deleted"
            problems.add("deleted", each.file, each.line, sentence, first=first, last=last)
        if _length([gap]) > _length(_without(gap, runs)):
            sentence = f"record {each.after} follows record {each.before}; what belongs between stands elsewhere"
            problems.add("reordered", each.file, each.line, sentence, record=each.after, after=each.before)
    elif each.after == each.before + 1:
        if not damaged:
            sentence = f"record {each.after} is sealed with the key but does not continue record {each.before}"
            problems.add("rewritten", each.file, each.line, sentence, record=each.after)
    else:
        _judge_repetition(each, runs, problems)
    _inserted(damaged, problems)


def _judge_repetition(each: Break, runs: list[tuple[int, int]], problems: Problems) -> None:
    if sum(first <= each.after <= last for first, last in runs) > 1:
        sentence = f"record {each.after} stands here again behind record {each.before}"
        problems.add("duplicated", each.file, each.line, sentence, record=each.after, after=each.before)
    else:
        sentence = f"record {each.after} stands behind record {each.before}: not the order they were written in"
        problems.add("reordered", each.file, each.line, sentence, record=each.after, after=each.before)


def _judge_end(walk: Walk, head: Head | None, problems: Problems, newest: str) -> None:
    damage = walk.damage
    damaged = list(damage.lines) if damage else []
    top = walk.top
    if head and top < head.seq:
        unseen = [(top + 1, head.seq)]
        cut = [each for each in damaged if not each.ended]
        rest = _edited(unseen, [each for each in damaged if each.ended], problems)
        _inserted(rest, problems)
        for first, last in unseen:
            line = cut[0].line if cut else 0
            sentence = f"the log ends before {numbers(first, last)}, which its head says were written"
            problems.add("truncated", newest, line, sentence, first=first, last=last, head=head.seq)
        return
    if damage is None:
        return
    residue = damage.meter.residue()
    place = damaged[0]
    evidence = {"bytes": residue.size, "sha256": residue.sha256}
    if not residue.torn:
        _inserted(damaged, problems)
    elif head and not problems.tampering:
        sentence = "the last line was torn by a crash: everything before it is whole, up to what the head remembers"
        problems.add("torn", place.file, place.line, sentence, **evidence)
    else:
        sentence = "the last line is unfinished, and nothing proves that a crash did it"
        problems.add("truncated", place.file, place.line, sentence, **evidence)


def _edited(unseen: list[tuple[int, int]], damaged: list[Damaged], problems: Problems) -> list[Damaged]:
    """Take damaged lines for the records that are missing, one for one; the lines left over."""
    damaged = list(damaged)
    while unseen and damaged:
        (first, last), each = unseen[0], damaged.pop(0)
        sentence = f"record {first} is not as it was written: its seal does not fit"
        problems.add("edited", each.file, each.line, sentence, record=first, stated=each.stated, sha256=each.sha256)
        unseen[:1] = [(first + 1, last)] if first < last else []
    return damaged


def _inserted(damaged: list[Damaged], problems: Problems) -> None:
    for each in damaged:
        sentence = "this line was not written by the log: no record is missing here"
        problems.add("inserted", each.file, each.line, sentence, stated=each.stated, sha256=each.sha256)


def _without(gap: tuple[int, int], runs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """What of `gap` none of the sorted `runs` covers."""
    left: list[tuple[int, int]] = []
    start, end = gap
    for first, last in runs:
        if last < start:
            continue
        if first > end:
            break
        if first > start:
            left.append((start, first - 1))
        start = max(start, last + 1)
    if start <= end:
        left.append((start, end))
    return left


def _length(intervals: list[tuple[int, int]]) -> int:
    return sum(last - first + 1 for first, last in intervals)
