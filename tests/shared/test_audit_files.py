"""Changes of a log of several files, and whatever else may be done to its lines."""

from pathlib import Path

import pytest
from audit_world import AuditWorld, Lines
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


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
        for _ in range(15_000):
            file.writelines([lines[2], lines[1]])
    tracemalloc.start()
    found = audit.verify()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert not found.ok
    assert len(found.problems) == 1000
    assert found.unlisted > 1000
    assert peak < 12_000_000
