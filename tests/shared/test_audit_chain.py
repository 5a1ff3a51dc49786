"""Verification finds every change: of each byte, and of lines anywhere.

`EXHAUSTIVE=1` tries every single case one by one (two minutes); without it, every byte is still changed, but 33 lines
at a time, and of the other cases every 17th is tried.
"""

import os

import pytest
from audit_world import AuditWorld

STEP = 1 if os.environ.get("EXHAUSTIVE") else 17


@pytest.fixture
def hundred(audit: AuditWorld) -> AuditWorld:
    """A log of exactly 100 lines: its first one, 95 records, a torn line, the note about it, two records."""
    audit.write(95)
    with open(audit.path, "ab") as file:
        file.write(audit.lines()[-1].replace(b'"seq":96', b'"seq":97')[:150])
    audit.write(2)
    assert len(audit.lines()) == 100
    found = audit.verify()
    assert found.ok
    assert [(problem.kind, problem.line) for problem in found.problems] == [("torn", 97)]
    return audit


def mutated(byte: int, turn: int) -> int:
    """Another byte: a bit flipped, a newline, a NUL, another letter case."""
    other = (byte ^ 1, 0x0A, 0x00, byte ^ 0x20)[turn % 4]
    return other if other != byte else byte ^ 2


@pytest.mark.requirement("AUD-2")
def test_a_change_of_any_byte_is_found_where_it_was_made(hundred: AuditWorld) -> None:
    lines = hundred.lines()
    for first in range(3):
        group = range(first, 100, 3)
        for place in range(max(map(len, lines))):
            changed = list(lines)
            expected: set[int] = set()
            for number in group:
                line = lines[number]
                if place < len(line) - 1:
                    byte = line[place] ^ (1 << place % 3)
                    changed[number] = line[:place] + bytes([byte if byte != 0x0A else 0x0B]) + line[place + 1 :]
                    expected.add(number + 1)
            hundred.put(changed)
            found = hundred.verify()
            # A torn line is one only while the lines around it vouch for it.
            expected |= {97} if expected & {96, 98} else set()
            assert {problem.line for problem in found.problems if problem.tampering} == expected, place


@pytest.mark.requirement("AUD-2")
def test_a_change_of_any_byte_is_found(hundred: AuditWorld) -> None:
    data = hundred.path.read_bytes()
    ends = {place for place, byte in enumerate(data) if byte == 0x0A}
    missed: list[int] = []
    with open(hundred.path, "r+b", buffering=0) as file:
        for place in sorted({*range(0, len(data), STEP), *ends, *range(data.index(b"\n"))}):
            file.seek(place)
            file.write(bytes([mutated(data[place], place)]))
            if hundred.verify().ok:
                missed.append(place)
            file.seek(place)
            file.write(data[place : place + 1])
    assert missed == []
    assert hundred.verify().ok


@pytest.mark.requirement("AUD-2")
def test_a_change_of_any_byte_is_found_in_a_copy(hundred: AuditWorld) -> None:
    path = hundred.copy()
    data = path.read_bytes()
    first = data.index(b"\n") + 1
    last = data.rindex(b"\n", 0, -1)
    places = sorted({*range(first), *range(last, len(data)), *range(0, len(data), 3 * STEP)})
    missed: list[int] = []
    for place in places:
        path.write_bytes(data[:place] + bytes([mutated(data[place], place)]) + data[place + 1 :])
        if hundred.verify(path).ok:
            missed.append(place)
    assert missed == []


@pytest.mark.requirement("AUD-2")
def test_all_other_values_of_every_byte_of_a_line_are_found(audit: AuditWorld) -> None:
    audit.write(2)
    first, line, last = audit.lines()
    for place in range(0, len(line), 3 * STEP):
        for value in range(256):
            changed = line[:place] + bytes([value]) + line[place + 1 :]
            if changed != line:
                assert not audit.tampered(audit.path, [first, changed, last]).ok, (place, value)
        audit.put([first, line, last])


@pytest.mark.requirement("AUD-2")
def test_deleting_any_block_of_lines_is_found(hundred: AuditWorld) -> None:
    lines = hundred.lines()
    for start in range(100):
        for end in {start + 1, *range(start + 1 + start % STEP, 101, STEP)}:
            hundred.put(lines[:start] + lines[end:])
            assert not hundred.verify().ok, (start, end)


@pytest.mark.requirement("AUD-2")
def test_exchanging_any_two_lines_is_found(hundred: AuditWorld) -> None:
    lines = hundred.lines()
    for one in range(100):
        for other in {min(one + 1, 99), *range(one + 1 + one % STEP, 100, STEP)} - {one}:
            changed = list(lines)
            changed[one], changed[other] = changed[other], changed[one]
            hundred.put(changed)
            assert not hundred.verify().ok, (one, other)


@pytest.mark.requirement("AUD-2")
def test_cutting_the_log_anywhere_is_found(hundred: AuditWorld) -> None:
    data = hundred.path.read_bytes()
    ends = [place + 1 for place, byte in enumerate(data) if byte == 0x0A]
    near = {end + step for end in ends for step in (-1, 0)}
    places = sorted({*near, *range(ends[-2], len(data)), *range(0, len(data), STEP)} - {len(data), len(data) + 1})
    for place in reversed(places):
        with open(hundred.path, "r+b") as file:
            file.truncate(place)
        found = hundred.verify()
        assert not found.ok, place
        assert "truncated" in {problem.kind for problem in found.problems}, place


@pytest.mark.requirement("AUD-2")
def test_repeating_or_inserting_a_line_anywhere_is_found(hundred: AuditWorld) -> None:
    lines = hundred.lines()
    for place in {0, 1, 96, 97, 98, 99, 100, *range(0, 101, min(STEP, 5))}:
        for extra in (lines[50], lines[0], lines[-1], lines[max(place - 1, 0)], b"\n", b'{"seq":1}\n', b"x"):
            hundred.put([*lines[:place], extra, *lines[place:]])
            assert not hundred.verify().ok, (place, extra)
