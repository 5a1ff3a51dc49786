"""Log, key or head are deleted, moved, cut or replaced: missed when checked, and never papered over."""

import json
import os
import shutil

import pytest
from audit_world import AuditWorld, numbers, refusal_of

from mcp_servers_shared.errors import AuditUnavailable


@pytest.mark.requirement("AUD-2")
@pytest.mark.parametrize("how", ["unlink", "rename", "folder", "empty"])
def test_a_log_that_goes_away_while_running_is_begun_again_and_missed(
    audit: AuditWorld, always_look: None, how: str
) -> None:
    log = audit.log()
    for number in range(3):
        log.append({"n": number})
    if how == "unlink":
        audit.path.unlink()
    elif how == "rename":
        audit.path.rename(audit.path.with_name("away"))
    elif how == "folder":
        audit.path.unlink()
        audit.path.parent.rmdir()
    else:
        os.truncate(audit.path, 0)
    log.append({"n": 3})
    found = audit.verify()
    assert {problem.kind for problem in found.problems} == {"deleted"}
    assert found.records == 1
    assert json.loads(audit.lines()[0])["log"]["event"] == "recreated"
    assert not audit.verify(audit.copy()).ok


@pytest.mark.requirement("AUD-2")
def test_a_log_deleted_while_nobody_ran_is_missed(audit: AuditWorld) -> None:
    audit.write(3)
    audit.path.unlink()
    audit.write(3)
    found = audit.verify()
    assert [(problem.kind, problem.evidence["last"]) for problem in found.problems if problem.line == 0] == [
        ("deleted", 1)
    ]
    assert not found.ok


@pytest.mark.requirement("AUD-2")
@pytest.mark.parametrize("size", [-1, -30, 700, 400])
def test_a_log_cut_while_running_goes_on_and_the_cut_is_found(audit: AuditWorld, size: int) -> None:
    log = audit.log()
    for number in range(5):
        log.append({"n": number})
    os.truncate(audit.path, size if size > 0 else audit.path.stat().st_size + size)
    log.append({"n": 5})
    log.append({"n": 6})
    found = audit.verify()
    assert "truncated" in {problem.kind for problem in found.problems}
    assert not found.ok
    assert numbers(audit.path)[-2:] == [5, 6]


def test_a_log_moved_by_its_owner_goes_on_at_the_new_place(audit: AuditWorld) -> None:
    audit.write(3)
    new = audit.path.with_name("moved.jsonl")
    audit.path.rename(new)
    with audit.log(new) as log:
        log.append({"n": 3})
    found = audit.verify(new)
    assert (found.problems, found.records) == ([], 4)


@pytest.mark.requirement("AUD-2")
def test_another_log_or_an_older_file_in_its_place_is_not_appended_to(audit: AuditWorld, always_look: None) -> None:
    audit.write(2)
    other = audit.path.with_name("other.jsonl")
    with audit.log(other) as log:
        log.append({})
    running = audit.log()
    running.append({"n": 2})
    lines, strange = audit.lines(), other.read_bytes()
    os.replace(other, audit.path)
    for log in (running, audit.log()):
        with pytest.raises(AuditUnavailable) as refusal:
            log.append({"n": 3})
        assert refusal.value.evidence["reason"] in ("replaced", "first_line")
    assert audit.path.read_bytes() == strange
    audit.put(lines)
    running.append({"n": 3})
    assert audit.verify().ok


@pytest.mark.requirement("AUD-4")
@pytest.mark.parametrize("how", ["delete", "trash"])
def test_without_its_state_folder_the_log_stays_closed(audit: AuditWorld, always_look: None, how: str) -> None:
    log = audit.log()
    log.append({"n": 1})
    saved = audit.folder / "saved"
    shutil.copytree(audit.state.path, saved)
    if how == "delete":
        shutil.rmtree(audit.state.path)
    else:
        audit.state.path.rename(audit.folder / "trash")
    for _ in range(2):
        assert refusal_of(log).evidence["reason"] == "state_gone"
    assert refusal_of(audit.log()).evidence["reason"] == "foreign_key"
    assert not audit.state.path.exists()
    saved.rename(audit.state.path)
    log.append({"n": 2})
    assert audit.verify().ok
    assert audit.verify().records == 2


@pytest.mark.requirement("AUD-4")
@pytest.mark.parametrize("gone", ["keys/audit.key", "audit/heads"])
def test_without_key_or_head_nothing_is_appended(audit: AuditWorld, gone: str) -> None:
    audit.write(2)
    before = audit.path.read_bytes()
    path = audit.state.path / gone
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    assert refusal_of(audit.log()).evidence["reason"] in ("foreign_key", "no_head")
    assert audit.path.read_bytes() == before
    assert not path.exists()


@pytest.mark.requirement("AUD-4")
def test_a_damaged_head_is_not_written_over(audit: AuditWorld) -> None:
    audit.write(2)
    (head,) = (audit.state.path / "audit" / "heads").iterdir()
    for data in (b"", b"short", os.urandom(104), head.read_bytes()[:-1] + b"\0\0"):
        head.write_bytes(data)
        assert refusal_of(audit.log()).evidence["reason"] == "damaged_head"
        assert head.read_bytes() == data


@pytest.mark.requirement("AUD-2")
def test_an_older_part_in_place_of_the_current_file_is_not_appended_to(audit: AuditWorld) -> None:
    audit.write(30, max_bytes=2000)
    older = audit.file(2).read_bytes()
    audit.path.write_bytes(older)
    for how in ("in place", "replaced"):
        if how == "replaced":
            audit.path.unlink()
            audit.path.write_bytes(older)
        assert refusal_of(audit.log(max_bytes=2000)).evidence["reason"] == "other_generation"
        assert audit.path.read_bytes() == older


@pytest.mark.requirement("AUD-2")
def test_the_head_of_another_log_is_no_head_of_this_one(audit: AuditWorld) -> None:
    audit.write(2)
    heads = audit.state.path / "audit" / "heads"
    (head,) = heads.iterdir()
    with audit.log(audit.path.with_name("other.jsonl")) as log:
        log.append({})
    (other,) = set(heads.iterdir()) - {head}
    head.write_bytes(other.read_bytes())
    assert refusal_of(audit.log()).evidence["reason"] == "damaged_head"
    assert audit.kinds() == {"no_head"}
