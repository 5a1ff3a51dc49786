"""Every change of a log is called by its name, with the evidence, here and in a copy."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from audit_world import AuditWorld, Lines

from mcp_servers_shared.audit import verify
from mcp_servers_shared.state import StateFolder


@pytest.fixture(params=["here", "copy"])
def target(request: pytest.FixtureRequest, audit: AuditWorld) -> tuple[AuditWorld, Path]:
    """Twenty records, and the path to tamper with: the log itself, or a copy elsewhere."""
    audit.write(20)
    return audit, audit.path if request.param == "here" else audit.copy()


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
    found = world.tampered(path, change(world.lines()))
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
        found = audit.tampered(audit.path, changed)
        assert not found.ok
        assert {problem.kind for problem in found.problems} <= {"edited", "inserted"}
    assert {problem.kind for problem in audit.tampered(audit.path, strange).problems} == {"replaced"}


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
        found = audit.tampered(audit.path, changed)
        assert not found.ok
        assert "rewritten" in {problem.kind for problem in found.problems}


@pytest.mark.requirement("AUD-2")
def test_no_verification_reveals_a_seal_that_would_fit(audit: AuditWorld) -> None:
    audit.write(3)
    first, second, third, fourth = audit.lines()
    found = audit.tampered(audit.path, [first, second, third.replace(b'"n":1', b'"n":9'), fourth])
    macs = {json.loads(line)["mac"] for line in (first, second, third, fourth)}
    assert found.problems[0].kind == "edited"
    said = json.dumps(found.to_json())
    assert not any(mac in said for mac in macs)


@pytest.mark.requirement("AUD-2")
def test_an_older_copy_put_back_is_a_truncation(audit: AuditWorld) -> None:
    audit.write(5)
    old = audit.lines()
    audit.write(5)
    found = audit.tampered(audit.path, old)
    assert [(problem.kind, problem.evidence["first"]) for problem in found.problems] == [("truncated", 7)]


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
