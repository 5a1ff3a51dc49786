"""The files of one log: `name.jsonl`, `name.jsonl.1` (the one before), `name.jsonl.2`, ..."""

import os
from pathlib import Path

DRAFT_SUFFIX = ".new"


def rotated_path(path: Path, number: int) -> Path:
    """The file `number` rotations ago."""
    return path.with_name(f"{path.name}.{number}")


def rotated_numbers(path: Path) -> list[int]:
    """Which rotated files are there, the newest (1) first. Raises OSError."""
    start = f"{path.name}."
    numbers: list[int] = []
    for name in os.listdir(path.parent):
        digits = name[len(start) :]
        # "007" or a very long number is not a name that we gave.
        if name.startswith(start) and digits.isascii() and digits.isdigit() and digits[0] != "0" and len(digits) < 7:
            numbers.append(int(digits))
    return sorted(numbers)


def shift(path: Path, keep: int) -> None:
    """Make room at `path`: each file moves up by one, and those beyond `keep` go. With `keep` 0 the file stays to be
    replaced.

    Stops at the first free number, so that a shift which a crash cut short is finished by the next.
    """
    numbers = set(rotated_numbers(path))
    free = 1
    while free in numbers and free < keep:
        free += 1
    for number in sorted(numbers, reverse=True):
        if number > keep:
            os.unlink(rotated_path(path, number))
    for number in range(free, 1, -1):
        os.replace(rotated_path(path, number - 1), rotated_path(path, number))
    if keep:
        os.replace(path, rotated_path(path, 1))
