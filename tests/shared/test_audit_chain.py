"""Verification finds every change: of each byte, of lines, of files, here and in a copy.

`EXHAUSTIVE=1` tries every single case one by one (two minutes); without it, every byte is still changed, but 33 lines
at a time, and of the other cases every 17th is tried.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from audit_world import AuditWorld
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcp_servers_shared.audit import Verification, verify
from mcp_servers_shared.state import StateFolder

Lines = list[bytes]
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


@pytest.fixture(params=["here", "copy"])
def target(request: pytest.FixtureRequest, audit: AuditWorld) -> tuple[AuditWorld, Path]:
    """Twenty records, and the path to tamper with: the log itself, or a copy elsewhere."""
    audit.write(20)
    return audit, audit.path if request.param == "here" else audit.copy()


def tampered(world: AuditWorld, path: Path, lines: Lines) -> Verification:
    path.write_bytes(b"".join(lines))
    return world.verify(path)


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
                assert not tampered(audit, audit.path, [first, changed, last]).ok, (place, value)
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
    for place in range(101):
        for extra in (lines[50], lines[0], lines[-1], lines[max(place - 1, 0)], b"\n", b'{"seq":1}\n', b"x"):
            hundred.put([*lines[:place], extra, *lines[place:]])
            assert not hundred.verify().ok, (place, extra)


def delete(lines: Lines) -> Lines:
    return lines[:7] + lines[10:]


def cut(lines: Lines) -> Lines:
    return lines[:-3]


def cut_inside(lines: Lines) -> Lines:
    return [*lines[:-1], lines[-1][:40]]


def edit(lines: Lines) -> Lines:
    return [*lines[:7], lines[7].replace(b'"n":6', b'"n":7'), *lines[8:]]


def insert(lines: Lines) -> Lines:
    return [*lines[:7], b'{"seq":7,"n":"forged"}\n', *lines[7:]]


def repeat(lines: Lines) -> Lines:
    return [*lines[:9], *lines[5:]]


def exchange(lines: Lines) -> Lines:
    return [*lines[:5], lines[9], *lines[6:9], lines[5], *lines[10:]]


def move(lines: Lines) -> Lines:
    return [*lines[:5], *lines[8:12], *lines[5:8], *lines[12:]]


@pytest.mark.requirement("AUD-2")
@pytest.mark.parametrize(
    ("change", "kinds", "evidence"),
    [
        (delete, {"deleted"}, {"first": 8, "last": 10}),
        (cut, {"truncated"}, {"first": 19, "last": 21, "head": 21}),
        (cut_inside, {"truncated"}, {"first": 21, "last": 21, "head": 21}),
        (edit, {"edited"}, {"record": 8}),
        (insert, {"inserted"}, {}),
        (repeat, {"duplicated"}, {"record": 6, "after": 9}),
        (exchange, {"reordered"}, {}),
        (move, {"reordered"}, {}),
    ],
)
def test_each_change_is_called_by_its_name(
    target: tuple[AuditWorld, Path], change: Callable[[Lines], Lines], kinds: set[str], evidence: dict[str, int]
) -> None:
    world, path = target
    found = tampered(world, path, change(world.lines()))
    assert {problem.kind for problem in found.problems} == kinds
    assert not found.ok
    assert all(problem.file == path.name and problem.sentence for problem in found.problems)
    assert evidence.items() <= found.problems[0].evidence.items()
    json.dumps(found.to_json())


@pytest.mark.requirement("AUD-2")
def test_lines_of_another_log_of_the_same_key_do_not_fit(audit: AuditWorld) -> None:
    audit.write(20)
    other = audit.path.with_name("other.jsonl")
    with audit.log(other) as log:
        for number in range(20):
            log.append({"n": number})
    lines, strange = audit.lines(), other.read_bytes().splitlines(keepends=True)
    for changed in (
        [*lines[:7], strange[7], *lines[8:]],
        [*lines[:7], *strange[7:]],
        [*lines[:7], *strange[7:9], *lines[7:]],
        [*lines, strange[-1]],
        [lines[0], *strange[1:]],
    ):
        found = tampered(audit, audit.path, changed)
        assert not found.ok
        assert {problem.kind for problem in found.problems} <= {"edited", "inserted"}
    assert {problem.kind for problem in tampered(audit, audit.path, strange).problems} == {"replaced"}


@pytest.mark.requirement("AUD-2")
def test_a_changed_id_does_not_hide_which_log_it_is(audit: AuditWorld) -> None:
    audit.write(3)
    path = audit.copy()
    data = path.read_bytes()
    place = data.index(b'"id":"') + 6
    path.write_bytes(data[:place] + (b"0" if data[place : place + 1] != b"0" else b"1") + data[place + 1 :])
    found = audit.verify(path)
    assert [(problem.kind, problem.line) for problem in found.problems] == [("edited", 1)]
    assert found.records == 3


@pytest.mark.requirement("AUD-2")
def test_lines_of_another_history_of_the_same_log_do_not_fit(audit: AuditWorld) -> None:
    """Two futures of one log, as a state folder put back from a backup makes them: genuine lines, other chain."""
    audit.write(3)
    (head,) = (audit.state.path / "audit" / "heads").iterdir()
    start, remembered = audit.path.read_bytes(), head.read_bytes()
    audit.write(5)
    other = audit.lines()
    audit.path.write_bytes(start)
    head.write_bytes(remembered)
    audit.write(5)
    lines = audit.lines()
    assert audit.verify().ok
    for changed in ([*lines[:5], other[5], *lines[6:]], [*lines[:7], *other[7:]], other):
        found = tampered(audit, audit.path, changed)
        assert not found.ok
        assert "rewritten" in {problem.kind for problem in found.problems}


@pytest.mark.requirement("AUD-2")
def test_no_verification_reveals_a_seal_that_would_fit(audit: AuditWorld) -> None:
    audit.write(3)
    first, second, third, fourth = audit.lines()
    found = tampered(audit, audit.path, [first, second, third.replace(b'"n":1', b'"n":9'), fourth])
    macs = {json.loads(line)["mac"] for line in (first, second, third, fourth)}
    assert found.problems[0].kind == "edited"
    said = json.dumps(found.to_json())
    assert not any(mac in said for mac in macs)


def rotated(world: AuditWorld) -> AuditWorld:
    world.write(60, max_bytes=2500, keep=4)
    assert len(list(world.path.parent.iterdir())) >= 5
    assert world.verify().problems == []
    return world


@pytest.mark.requirement("AUD-2")
def test_exchanged_files_are_found(audit: AuditWorld) -> None:
    rotated(audit)
    for one, other in ((1, 2), (1, 4), (0, 1), (2, 3)):
        first, second = audit.lines(one), audit.lines(other)
        audit.put(second, one)
        audit.put(first, other)
        found = audit.verify()
        assert not found.ok
        assert {problem.kind for problem in found.problems} == {"reordered"}
        audit.put(first, one)
        audit.put(second, other)
    assert audit.verify().ok


@pytest.mark.requirement("AUD-2")
def test_a_missing_file_is_found_and_its_records_named(audit: AuditWorld) -> None:
    rotated(audit)
    for number in range(5):
        lines = audit.lines(number)
        audit.file(number).unlink()
        found = audit.verify()
        assert {problem.kind for problem in found.problems} == {"truncated" if number == 0 else "deleted"}, number
        audit.put(lines, number)
    assert audit.verify().ok


@pytest.mark.requirement("AUD-2")
@pytest.mark.parametrize("cut", [1, 3])
def test_lines_missing_at_the_start_of_any_file_are_found(audit: AuditWorld, cut: int) -> None:
    """Also of the oldest, before which nothing is kept that it could be compared with."""
    audit.write(60, max_bytes=2500, keep=2)
    for number in range(3):
        lines = audit.lines(number)
        audit.put(lines[cut:], number)
        found = audit.verify()
        assert not found.ok
        assert {problem.kind for problem in found.problems} == {"deleted"}
        audit.put(lines, number)
    assert audit.verify().ok


@pytest.mark.requirement("AUD-2")
def test_joined_split_repeated_and_emptied_files_are_found(audit: AuditWorld) -> None:
    rotated(audit)
    files = {number: audit.lines(number) for number in range(5)}

    def restored() -> None:
        for path in audit.path.parent.iterdir():
            path.unlink()
        for number, lines in files.items():
            audit.put(lines, number)
        assert audit.verify().ok

    audit.put(files[2] + files[1], 1)
    audit.file(2).unlink()
    assert audit.kinds() == {"reordered"}
    restored()
    audit.put(files[1], 7)
    assert audit.kinds() == {"inserted"}
    restored()
    audit.put([], 2)
    assert "deleted" in audit.kinds()
    restored()
    audit.put(files[1][:3], 1)
    audit.put(files[1][3:] + files[0], 0)
    assert not audit.verify().ok
    restored()
    audit.put([b"anything\n"], 9)
    assert not audit.verify().ok


@pytest.mark.requirement("AUD-2")
def test_an_older_copy_put_back_is_a_truncation(audit: AuditWorld) -> None:
    audit.write(5)
    old = audit.lines()
    audit.write(5)
    found = tampered(audit, audit.path, old)
    assert [(problem.kind, problem.evidence["first"]) for problem in found.problems] == [("truncated", 7)]


def operation(draw: st.DrawFn, lines: Lines, strange: Lines) -> Lines:
    first = draw(st.integers(0, len(lines)))
    last = draw(st.integers(first, len(lines)))
    block, rest = lines[first:last], lines[:first] + lines[last:]
    place = draw(st.integers(0, len(rest)))
    kind = draw(st.sampled_from(["delete", "move", "repeat", "splice", "reverse", "join"]))
    if kind == "delete":
        return rest
    if kind == "move":
        return rest[:place] + block + rest[place:]
    if kind == "repeat":
        return lines[:place] + block + lines[place:]
    if kind == "splice":
        return lines[:first] + strange[first:last] + lines[last:]
    if kind == "reverse":
        return lines[:first] + block[::-1] + lines[last:]
    return [*lines[:first], b"".join(block).replace(b"\n", b" "), *lines[last:]]


@st.composite
def tampering(draw: st.DrawFn, lines: Lines, strange: Lines) -> Lines:
    changed = list(lines)
    for _ in range(draw(st.integers(1, 3))):
        changed = operation(draw, changed, strange)
    return changed


@pytest.mark.requirement("AUD-2")
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), number=st.integers(0, 3))
def test_whatever_is_done_to_the_lines_is_found(
    data: st.DataObject, number: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    world, other = lines_world(tmp_path_factory)
    lines, strange = world.lines(number), other.read_bytes().splitlines(keepends=True)
    changed = data.draw(tampering(lines, strange))
    try:
        world.put(changed, number)
        assert world.verify().ok == (b"".join(changed) == b"".join(lines))
    finally:
        world.put(lines, number)


_made: list[tuple[AuditWorld, Path]] = []


def lines_world(factory: pytest.TempPathFactory) -> tuple[AuditWorld, Path]:
    """One rotated log and another of the same key, made once for all examples."""
    if not _made:
        world = AuditWorld(factory.mktemp("chain") / "world")
        world.write(60, max_bytes=2500, keep=4)
        other = world.path.with_name("other.jsonl")
        with world.log(other) as log:
            for count in range(30):
                log.append({"n": count})
        world.close()
        _made.append((world, other))
    return _made[0]


@pytest.mark.requirement("AUD-2")
def test_without_the_key_nothing_is_vouched_for(audit: AuditWorld, tmp_path: Path) -> None:
    audit.write(3)
    stranger = StateFolder(tmp_path / "elsewhere")
    assert [problem.kind for problem in verify(audit.path, state=stranger).problems] == ["no_key"]
    assert not stranger.path.exists()
    stranger.secret("audit.key")
    assert [problem.kind for problem in verify(audit.path, state=stranger).problems] == ["foreign_key"]


@pytest.mark.requirement("AUD-2")
def test_without_the_head_the_end_is_not_vouched_for(audit: AuditWorld) -> None:
    audit.write(12)
    (head,) = (audit.state.path / "audit" / "heads").iterdir()
    data = head.read_bytes()
    head.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert audit.kinds() == {"no_head"}
    head.unlink()
    assert audit.kinds() == {"no_head"}
    audit.put(edit(audit.lines()))
    assert audit.verify().records == 11
    audit.put(audit.lines()[:1] + audit.lines()[2:])
    assert audit.kinds() == {"no_head", "edited", "deleted"}


@pytest.mark.requirement("AUD-2")
def test_a_deleted_log_is_missed_and_another_in_its_place_too(audit: AuditWorld) -> None:
    audit.write(3)
    other = audit.path.with_name("other.jsonl")
    with audit.log(other) as log:
        log.append({})
    audit.path.unlink()
    (problem,) = audit.verify().problems
    assert (problem.kind, problem.evidence["last"]) == ("deleted", 4)
    other.rename(audit.path)
    assert audit.kinds() == {"replaced"}


def test_a_hostile_log_does_not_fill_memory(audit: AuditWorld) -> None:
    import tracemalloc

    audit.write(2)
    lines = audit.lines()
    with open(audit.path, "wb") as file:
        file.writelines(lines)
        for _ in range(32):
            file.write(b"x" * 1_000_000)
        file.write(b"\n" + b"junk\n" * 50_000)
        for _ in range(3000):
            file.writelines([lines[2], lines[1]])
    tracemalloc.start()
    found = audit.verify()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert not found.ok
    assert len(found.problems) == 1000
    assert found.unlisted > 1000
    assert peak < 12_000_000
