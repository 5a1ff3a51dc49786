"""The audit log as its writers see it: shape, order, rotation, odd records, threads."""

import hmac
import json
import os
import stat
import threading
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from audit_world import AuditWorld

from mcp_servers_shared.audit import AuditLog, iterate, verify
from mcp_servers_shared.errors import AuditUnavailable, InvalidInput
from mcp_servers_shared.state import StateFolder

posix_only = pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")


def records(path: Path) -> list[dict[str, Any]]:
    return list(iterate(path))


def test_nothing_is_made_before_the_first_append(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "log" / "a.jsonl", server="test", state=StateFolder(tmp_path / "state"))
    log.close()
    assert list(tmp_path.iterdir()) == []
    assert verify(tmp_path / "log" / "a.jsonl", state=StateFolder(tmp_path / "state")).problems[0].kind == "missing"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.requirement("AUD-2")
def test_each_line_is_sealed_as_documented(audit: AuditWorld) -> None:
    audit.write(3)
    lines = audit.lines()
    log_id = json.loads(lines[0])["log"]["id"]
    key = hmac.digest(audit.state.secret("audit.key"), b"mcp-servers audit log " + log_id.encode(), "sha256")
    prev = bytes(32)
    for number, line in enumerate(lines, start=1):
        whole = json.loads(line)
        body, _, _ = line.rpartition(b',"mac":"')
        assert whole["seq"] == number
        assert whole["prev"] == prev.hex()
        prev = hmac.digest(key, prev + body, "sha256")
        assert whole["mac"] == prev.hex()
        assert datetime.fromisoformat(whole["time"]).utcoffset() is not None
    assert [json.loads(line).get("n") for line in lines] == [None, 0, 1, 2]


def test_the_first_line_says_which_log_this_is(audit: AuditWorld) -> None:
    audit.write(1)
    first = json.loads(audit.lines()[0])["log"]
    assert first["event"] == "opened"
    assert (first["generation"], first["format"], first["server"], first["pid"]) == (1, 1, "test", os.getpid())


def test_a_clean_log_has_no_problems_here_and_as_a_copy(audit: AuditWorld) -> None:
    audit.write(5)
    audit.write(5)
    for path in (audit.path, audit.copy()):
        found = audit.verify(path)
        assert (found.ok, found.records, found.generations, found.problems) == (True, 10, 1, [])
        assert found.first
        assert found.last
        assert found.first < found.last


@posix_only
def test_log_key_and_head_are_private(audit: AuditWorld) -> None:
    old = os.umask(0)
    try:
        audit.write(1)
    finally:
        os.umask(old)
    for path in [audit.path, *audit.state.path.rglob("*")]:
        expected = 0o700 if path.is_dir() else 0o600
        if path.parent.name != "paths":
            assert stat.S_IMODE(path.stat().st_mode) == expected, path


def test_a_symlink_to_a_log_is_the_log(audit: AuditWorld) -> None:
    link = audit.folder / "link.jsonl"
    link.symlink_to(audit.path)
    with audit.log(link) as log:
        log.append({"n": 1})
    audit.write(1)
    assert link.is_symlink()
    assert audit.verify(link).records == audit.verify().records == 2


def test_rotation_keeps_what_it_says_and_the_chain_goes_on(audit: AuditWorld) -> None:
    audit.write(60, max_bytes=2000, keep=3)
    names = sorted(path.name for path in audit.path.parent.iterdir())
    assert names == ["audit.jsonl", "audit.jsonl.1", "audit.jsonl.2", "audit.jsonl.3"]
    assert all(path.stat().st_size <= 2000 for path in audit.path.parent.iterdir())
    generations = [json.loads(audit.lines(number)[0])["log"]["generation"] for number in (3, 2, 1, 0)]
    assert generations == list(range(generations[0], generations[0] + 4))
    found = audit.verify()
    assert (found.problems, found.generations) == ([], 4)
    assert [record["n"] for record in records(audit.path)] == list(range(60 - found.records, 60))
    assert audit.verify(audit.copy()).problems == []


@pytest.mark.parametrize("keep", [0, 1, 2])
def test_rotation_with_few_files(audit: AuditWorld, keep: int) -> None:
    audit.write(60, max_bytes=2000, keep=keep)
    assert len(list(audit.path.parent.iterdir())) == keep + 1
    assert audit.verify().problems == []


def test_keeping_fewer_files_than_before_prunes_the_oldest(audit: AuditWorld) -> None:
    audit.write(60, max_bytes=2000, keep=6)
    audit.write(20, max_bytes=2000, keep=2)
    assert len(list(audit.path.parent.iterdir())) == 3
    assert audit.verify().problems == []


def test_two_writers_with_different_limits_share_a_log(audit: AuditWorld) -> None:
    one, other = audit.log(max_bytes=2000), audit.log(max_bytes=3000)
    for number in range(60):
        (one if number % 2 else other).append({"n": number})
    found = audit.verify()
    assert (found.problems, found.records) == ([], 60)
    assert [record["n"] for record in records(audit.path)] == list(range(60))


def test_threads_share_one_log(audit: AuditWorld) -> None:
    log = audit.log(max_bytes=20_000)
    start = threading.Barrier(8)

    def work(worker: int) -> None:
        start.wait()
        for number in range(50):
            log.append({"worker": worker, "n": number})

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = audit.verify()
    assert (found.problems, found.records) == ([], 400)
    for worker in range(8):
        assert [record["n"] for record in records(audit.path) if record["worker"] == worker] == list(range(50))


class Odd:
    def __repr__(self) -> str:
        return "secret=hunter2"


def circular() -> list[Any]:
    loop: list[Any] = []
    loop.append(loop)
    return loop


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        b"bytes",
        Odd(),
        {1: 2, ("a", "b"): 3},
        {"set"},
        circular(),
        10**5000,
        "lone surrogate \udc80",
        'a "quote", a \\ and a\nnewline\u2028',
        "x" * 3_000_000,
        ["y" * 400] * 20_000,
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_record_is_written_whatever_it_holds(audit: AuditWorld, value: Any) -> None:
    log = audit.log()
    log.append({"n": 1, "value": value})
    log.append({"n": 2})
    found = audit.verify()
    assert (found.problems, found.records) == ([], 2)
    assert b"hunter2" not in audit.path.read_bytes()
    assert [record["n"] for record in records(audit.path)] == [1, 2]


def test_names_that_the_log_uses_get_an_underscore(audit: AuditWorld) -> None:
    audit.log().append({"seq": 99, "time": "never", "log": {"event": "opened"}, "prev": "x", "mac": "y"})
    record = records(audit.path)[0]
    assert (record["seq"], record["seq_"], record["log_"]) == (2, 99, {"event": "opened"})
    assert audit.verify().records == 1


def test_an_empty_record_is_a_line_too(audit: AuditWorld) -> None:
    audit.log().append({})
    assert audit.verify().records == 1


def test_durable_flushes_line_by_line(audit: AuditWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    log = audit.log()
    log.append({"n": 0})
    flushed: list[int] = []
    monkeypatch.setattr("mcp_servers_shared.audit.logfile.flush", flushed.append)
    log.append({"n": 1})
    assert flushed == []
    log.append({"n": 2}, durable=True)
    assert len(flushed) == 1
    always = audit.log(durable=True)
    always.append({"n": 3})
    always.append({"n": 4}, durable=False)
    assert len(flushed) == 2


def test_closing_is_not_the_end(audit: AuditWorld) -> None:
    log = audit.log()
    log.append({"n": 1})
    log.close()
    log.close()
    log.append({"n": 2})
    assert audit.verify().records == 2


@pytest.mark.parametrize("options", [{"max_bytes": 10}, {"keep": -1}])
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        AuditLog(tmp_path / "a.jsonl", server="test", **options)


def test_what_is_no_audit_log_is_not_appended_to(audit: AuditWorld) -> None:
    audit.path.write_bytes(b"a letter to my bank\n")
    with pytest.raises(AuditUnavailable) as refusal:
        audit.log().append({})
    assert refusal.value.evidence["reason"] == "not_a_log"
    assert "--audit-log PATH" in refusal.value.hint
    assert audit.path.read_bytes() == b"a letter to my bank\n"


def test_an_empty_file_made_beforehand_becomes_the_log(audit: AuditWorld) -> None:
    audit.path.touch()
    audit.write(1)
    assert audit.verify().problems == []


@posix_only
@pytest.mark.parametrize("what", ["folder", "pipe", "device"])
def test_only_regular_files_hold_a_log(audit: AuditWorld, what: str) -> None:
    path = Path("/dev/null") if what == "device" else audit.path
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    with pytest.raises(AuditUnavailable):
        audit.log(path).append({})
