"""A writer may die at any instant: the log stays whole but for its last line, and the next writer goes on."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from audit_world import AuditWorld, numbers

from mcp_servers_shared.audit import iterate, tail

NUMBERED_CALLS = ("write", "replace", "unlink", "ftruncate", "link")


class Killed(BaseException):
    """Stands for the end of a process: nothing of the audit package handles it."""


class Reaper:
    """Lets `left` calls to the operating system through and kills at the next; a write is done to `share`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, left: int, share: float) -> None:
        self.left = left
        self.share = share
        for name in NUMBERED_CALLS:
            monkeypatch.setattr(os, name, self.counted(getattr(os, name), cuts=name == "write"))
        place = "mcp_servers_shared.audit.heads.write_at"
        monkeypatch.setattr(place, self.counted(os.pwrite, cuts=False))

    def counted(self, real: Callable[..., Any], *, cuts: bool) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            self.left -= 1
            if self.left >= 0:
                return real(*arguments)
            if cuts and self.left == -1:
                descriptor, data = arguments
                real(descriptor, data[: int(len(data) * self.share)])
            raise Killed

        return call


def next_line(world: AuditWorld) -> bytes:
    """The line that the next writer was about to add."""
    (head,) = (world.state.path / "audit" / "heads").iterdir()
    before, remembered = world.path.read_bytes(), head.read_bytes()
    world.write(1)
    line = world.lines()[-1]
    world.path.write_bytes(before)
    head.write_bytes(remembered)
    return line


def append_until_killed(
    world: AuditWorld, monkeypatch: pytest.MonkeyPatch, left: int, share: float, keep: int
) -> list[int]:
    """Which of 24 records a writer could append that dies at its call number `left`."""
    log = world.log(max_bytes=2000, keep=keep)
    done: list[int] = []
    with monkeypatch.context() as patch:
        Reaper(patch, left, share)
        try:
            for number in range(24):
                log.append({"n": number})
                done.append(number)
        except Killed:
            pass
    return done


@pytest.mark.requirement("AUD-2", "AUD-3")
@pytest.mark.skipif(os.name != "posix", reason="counts the POSIX calls")
@pytest.mark.parametrize(("share", "keep"), [(0.0, 20), (0.5, 20), (1.0, 20), (0.0, 1), (0.0, 0)])
def test_death_at_any_call_leaves_a_log_that_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: float, keep: int
) -> None:
    left = 0
    torn = 0
    while True:
        world = AuditWorld(tmp_path / f"{left}")
        done = append_until_killed(world, monkeypatch, left, share, keep)
        found = world.verify()
        assert {problem.kind for problem in found.problems} <= {"torn", "missing"}, (left, found.problems)
        log = world.log(max_bytes=2000, keep=keep)
        log.append({"n": 100})
        log.append({"n": 101})
        found = world.verify()
        assert found.ok, (left, found.problems)
        assert {problem.kind for problem in found.problems} <= {"torn"}, left
        torn += len(found.problems)
        written = numbers(world.path)
        # A record whose append never returned may be there or not; every other one is, unless pruned.
        expected = ([*done, 100, 101], [*done, len(done), 100, 101])
        assert written in [numbered[-len(written) :] for numbered in expected], left
        assert keep < 20 or len(written) >= len(done) + 2
        world.close()
        if len(done) == 24:
            break
        left += 1
    assert left > 60
    assert torn == 0 or 0 < share < 1


@pytest.mark.requirement("AUD-2", "AUD-3")
@pytest.mark.parametrize("kept", [1, 8, 40, 120, -2])
def test_a_torn_line_is_kept_noted_and_no_tampering(audit: AuditWorld, kept: int) -> None:
    audit.write(3)
    whole = next_line(audit)
    with open(audit.path, "ab") as file:
        file.write(whole[:kept])
    before = audit.verify()
    assert before.ok
    assert [(problem.kind, problem.line) for problem in before.problems] == [("torn", 5)]
    audit.write(2)
    after = audit.verify()
    assert after.ok
    assert [(problem.kind, problem.line) for problem in after.problems] == [("torn", 5)]
    assert audit.lines()[4] == whole[:kept] + b"\n"
    note = json.loads(audit.lines()[5])["log"]
    assert (note["event"], note["found"], note["bytes"]) == ("recovered", "torn", len(whole[:kept]))
    assert numbers(audit.path) == [0, 1, 2, 0, 1]


@pytest.mark.requirement("AUD-3")
def test_a_line_that_lacks_only_its_newline_is_a_record(audit: AuditWorld) -> None:
    audit.write(3)
    line = next_line(audit)
    with open(audit.path, "ab") as file:
        file.write(line[:-1])
    assert audit.kinds() == {"torn"}
    audit.write(2)
    found = audit.verify()
    assert (found.problems, found.records) == ([], 6)


@pytest.mark.requirement("AUD-2")
def test_a_torn_line_that_was_changed_or_taken_is_tampering(audit: AuditWorld) -> None:
    audit.write(3)
    with open(audit.path, "ab") as file:
        file.write(b'{"seq":5,"time":"2026')
    audit.write(1)
    lines = audit.lines()
    for changed, kind in (
        ([*lines[:4], b'{"seq":5,"time":"2027\n', *lines[5:]], "edited"),
        ([*lines[:4], *lines[5:]], "deleted"),
        ([*lines[:4], lines[4], lines[4], *lines[5:]], "edited"),
        ([*lines[:5], *lines[6:]], "inserted"),
    ):
        audit.put(changed)
        assert kind in audit.kinds() | ({"inserted"} if "edited" in audit.kinds() else set()), kind
        assert not audit.verify().ok


@pytest.mark.requirement("AUD-2")
@pytest.mark.parametrize("extra", [b"hello", b"hello\n", b"\n", b'{"seq":9,"time":"', b'{"seq":5,"n":1}\n'])
def test_what_somebody_else_appended_is_no_torn_line(audit: AuditWorld, extra: bytes) -> None:
    audit.write(3)
    with open(audit.path, "ab") as file:
        file.write(extra)
    assert not audit.verify().ok
    audit.write(2)
    found = audit.verify()
    assert {problem.kind for problem in found.problems} == {"inserted"}
    assert found.records == 5


@pytest.mark.requirement("AUD-2")
@pytest.mark.parametrize("end", [b"", b"\n"])
@pytest.mark.parametrize(
    "forge",
    [
        lambda line: line.replace(b'"n":0', b'"n":7'),
        lambda line: line.replace(b'"n":0', b'"n":7').rpartition(b',"prev"')[0] + b"}",
        lambda line: line.partition(b',"n"')[0] + b"}",
        lambda line: line[:40] + b"x" * ((1 << 20) - 40) + b'{"n":7}',
        lambda line: line.partition(b',"n"')[0] + b',"n":7,"x":"' + b"x" * (1 << 20) + b'"}',
    ],
)
def test_no_record_that_a_reader_would_show_passes_for_a_torn_line(
    audit: AuditWorld, forge: Callable[[bytes], bytes], end: bytes
) -> None:
    audit.write(3)
    line = next_line(audit).removesuffix(b"\n")
    with open(audit.path, "ab") as file:
        file.write(forge(line) + end)
    for expected in ([0, 1, 2], [0, 1, 2, 0]):
        shown = [record.get("n") for record in iterate(audit.path)]
        assert shown == [record.get("n") for record in tail(audit.path, 99)]
        assert shown == expected or not audit.verify().ok
        audit.write(1)


@pytest.mark.requirement("AUD-2")
def test_an_unfinished_last_line_beside_other_changes_is_not_excused(audit: AuditWorld) -> None:
    audit.write(6)
    lines = audit.lines()
    audit.put([*lines[:3], *lines[4:], b'{"seq":8,"ti'])
    assert audit.kinds() == {"deleted", "truncated"}


@pytest.mark.requirement("AUD-3")
def test_zeros_that_a_power_cut_leaves_are_a_torn_line(audit: AuditWorld) -> None:
    audit.write(3)
    with open(audit.path, "ab") as file:
        file.write(bytes(300))
    assert audit.kinds() == {"torn"}
    audit.write(1)
    assert audit.verify().ok
    assert audit.kinds() == {"torn"}


@pytest.mark.requirement("AUD-3")
def test_lines_ahead_of_the_head_are_taken_over(audit: AuditWorld) -> None:
    audit.write(3)
    (head,) = (audit.state.path / "audit" / "heads").iterdir()
    old = head.read_bytes()
    audit.write(3)
    head.write_bytes(old)
    assert audit.verify().problems == []
    audit.write(1)
    found = audit.verify()
    assert (found.problems, found.records) == ([], 7)
