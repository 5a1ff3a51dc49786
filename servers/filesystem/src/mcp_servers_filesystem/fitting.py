"""How much of a text fits into the room that is left."""

from collections.abc import Callable, Sequence

Cost = Callable[[str], int]
MOST_COST = 7
"""What a character may cost: itself in one channel, an escape of six in the other."""


def fitting(text: str, cost: Cost, room: int) -> int:
    """How many characters from the start of `text` fit."""
    if cost(text) <= room:
        return len(text)
    low, high = 0, min(len(text), room)
    while low < high:
        middle = (low + high + 1) // 2
        if cost(text[:middle]) <= room:
            low = middle
        else:
            high = middle - 1
    return low


def at_line_end(text: str, most: int) -> int:
    """Where to cut within the first `most` characters: after a line where that keeps half of them, else right there."""
    if most >= len(text):
        return len(text)
    line_end = text.rfind("\n", 0, most) + 1
    return line_end if line_end > most // 2 else max(most, 1)


def fitting_items(items: Sequence[str], cost: Cost, room: int, joint: str = "\n") -> int:
    """How many of the first items fit when joined."""
    low, high = 0, len(items)
    if cost(joint.join(items)) <= room:
        return high
    while low < high:
        middle = (low + high + 1) // 2
        if cost(joint.join(items[:middle])) <= room:
            low = middle
        else:
            high = middle - 1
    return low
