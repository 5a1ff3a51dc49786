"""Reading a log for people: the last records, all records, whatever state the file is in."""

from pathlib import Path

import pytest
from audit_world import AuditWorld

from mcp_servers_shared.audit import iterate, tail


def numbers(records: object) -> list[int]:
    return [record["n"] for record in records]  # type: ignore[attr-defined]


def test_tail_gives_the_last_in_order_and_crosses_files(audit: AuditWorld) -> None:
    audit.write(40, max_bytes=2000, keep=20)
    assert len(list(audit.path.parent.iterdir())) > 3
    for count in (0, 1, 5, 39, 40, 100):
        assert numbers(tail(audit.path, count)) == list(range(40))[40 - min(count, 40) :]
    assert numbers(iterate(audit.path)) == list(range(40))


def test_events_are_left_out_unless_asked_for(audit: AuditWorld) -> None:
    audit.write(2)
    assert [record.get("log", {}).get("event") for record in iterate(audit.path, events=True)] == ["opened", None, None]
    assert len(tail(audit.path, 9)) == 2
    assert len(tail(audit.path, 9, events=True)) == 3


def test_torn_and_foreign_lines_are_left_out(audit: AuditWorld) -> None:
    audit.write(3)
    with open(audit.path, "ab") as file:
        file.write(b'\xff\xfe\n[1]\n"text"\n' + b"[" * 100_000 + b'\n\n{"seq":5,"ti')
    assert numbers(iterate(audit.path)) == [0, 1, 2]
    assert numbers(tail(audit.path, 2)) == [1, 2]


def test_long_lines_are_read_across_blocks(audit: AuditWorld) -> None:
    log = audit.log()
    for number in range(5):
        log.append({"n": number, "text": "é" * 70_000})
    assert numbers(tail(audit.path, 3)) == [2, 3, 4]
    assert all(len(record["text"]) == 70_000 for record in iterate(audit.path))


def test_no_log_at_all_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        tail(tmp_path / "a.jsonl", 3)
    with pytest.raises(FileNotFoundError):
        list(iterate(tmp_path / "a.jsonl"))


def test_reading_needs_no_key_and_makes_nothing(audit: AuditWorld, private_state: Path) -> None:
    audit.write(2)
    copy = audit.copy()
    assert numbers(iterate(copy)) == numbers(tail(copy, 2)) == [0, 1]
    assert list(private_state.iterdir()) == []
