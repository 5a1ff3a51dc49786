"""What cannot be written is refused with reason and remedy, leaves no half line, and is owned up to afterwards."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from audit_world import AuditWorld, refusal_of

from mcp_servers_shared.audit import iterate
from mcp_servers_shared.audit.descriptors import try_lock
from mcp_servers_shared.errors import AuditUnavailable

posix_only = pytest.mark.skipif(os.name != "posix", reason="POSIX limits and modes")


def failing(number: int, share: float = 0.0) -> Callable[[int, bytes], int]:
    """An `os.write` that takes a share of the data, and then fails for good."""
    real, calls = os.write, iter([share])

    def write(descriptor: int, data: bytes) -> int:
        part = next(calls, 0.0)
        if part:
            return real(descriptor, data[: int(len(data) * part)])
        raise OSError(number, os.strerror(number))

    return write


@pytest.mark.requirement("AUD-4")
@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EIO, "the disk reports an error"),
        (errno.EDQUOT, "the disk is full"),
        (errno.EPERM, "permission denied"),
        (errno.EBADF, "Bad file descriptor"),
    ],
)
def test_a_failed_write_leaves_nothing_and_the_next_works(
    audit: AuditWorld, monkeypatch: pytest.MonkeyPatch, number: int, says: str, share: float
) -> None:
    log = audit.log()
    log.append({"n": 1})
    before = audit.path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", failing(number, share))
        error = refusal_of(log)
    assert says in error.message
    assert "--audit-log PATH" in error.hint
    assert error.evidence["reason"] == errno.errorcode[number]
    assert audit.path.read_bytes() == before
    assert audit.verify().problems == []
    log.append({"n": 2})
    assert [record["n"] for record in iterate(audit.path)] == [1, 2]
    assert audit.verify().ok


@pytest.mark.requirement("AUD-4")
def test_a_half_line_that_cannot_be_taken_back_is_torn(audit: AuditWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    log = audit.log()
    log.append({"n": 1})
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", failing(errno.EIO, 0.5))
        patch.setattr(os, "ftruncate", failing(errno.EIO))
        refusal_of(log)
    log.append({"n": 2})
    found = audit.verify()
    assert found.ok
    assert {problem.kind for problem in found.problems} == {"torn", "unwritten"}


@pytest.mark.requirement("AUD-4")
@pytest.mark.parametrize("place", ["heads.write_at", "logfile.flush"])
def test_a_record_whose_head_or_flush_fails_is_not_in_the_log(
    audit: AuditWorld, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    log = audit.log(durable=True)
    log.append({"n": 1})
    with monkeypatch.context() as patch:

        def fail(*_: Any) -> None:
            raise OSError(errno.EIO, "Input/output error")

        patch.setattr(f"mcp_servers_shared.audit.{place}", fail)
        refusal_of(log)
    assert audit.verify().problems == []
    log.append({"n": 2})
    assert [record["n"] for record in iterate(audit.path)] == [1, 2]


@pytest.mark.requirement("AUD-5")
def test_the_log_owns_up_to_what_it_could_not_write(audit: AuditWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    log = audit.log()
    log.append({"n": 1})
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", failing(errno.ENOSPC))
        for _ in range(3):
            refusal_of(log)
    log.append({"n": 2})
    log.append({"n": 3})
    found = audit.verify()
    (problem,) = found.problems
    assert (problem.kind, problem.line) == ("unwritten", 3)
    assert problem.evidence == {"records": 3, "reason": "ENOSPC"}
    assert found.ok
    assert found.records == 3
    lines = audit.lines()
    audit.put(lines[:2] + lines[3:])
    assert "deleted" in audit.kinds()


@posix_only
@pytest.mark.requirement("AUD-4")
def test_too_many_open_files(audit: AuditWorld) -> None:
    import resource

    log = audit.log()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    open_before = len(os.listdir("/dev/fd"))
    for allowed in range(3):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (free + allowed, hard))
            error = None
            try:
                log.append({"n": allowed})
            except AuditUnavailable as raised:
                error = raised
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        if error:
            assert error.evidence["reason"] == "EMFILE"
            assert "ulimit -n" in error.hint
        log.close()
    log.append({"n": 9})
    found = audit.verify()
    assert found.ok
    assert {problem.kind for problem in found.problems} <= {"unwritten"}
    log.close()
    assert len(os.listdir("/dev/fd")) == open_before


@posix_only
@pytest.mark.requirement("AUD-4")
def test_a_folder_that_may_not_be_written(audit: AuditWorld) -> None:
    """Where the user is not bound by modes (root), an immutable parent stands in: a file where the folder should be."""
    if os.geteuid():
        audit.path.parent.chmod(0o500)
        expected = "EACCES"
    else:
        audit.path.parent.rmdir()
        audit.path.parent.write_text("a file")
        expected = "ENOTDIR"
    try:
        assert refusal_of(audit.log()).evidence["reason"] == expected
    finally:
        audit.path.parent.chmod(0o700)


@pytest.fixture
def read_only(audit: AuditWorld) -> Iterator[Callable[[], None]]:
    """Makes the log's folder a read-only file system when called."""
    folder = audit.path.parent
    made = subprocess.run(["mount", "-t", "tmpfs", "none", str(folder)], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"mounting a file system needs root: {made.stderr.strip()}")
    yield lambda: subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True) and None
    audit.close()
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a tmpfs")
@pytest.mark.requirement("AUD-4")
def test_a_read_only_file_system(audit: AuditWorld, read_only: Callable[[], None]) -> None:
    audit.write(1)
    read_only()
    error = refusal_of(audit.log())
    assert error.evidence["reason"] == "EROFS"
    assert "read-only" in error.message
    assert audit.verify().ok


@posix_only
@pytest.mark.requirement("AUD-4")
def test_another_process_that_holds_the_lock_does_not_hang_the_server(
    audit: AuditWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mcp_servers_shared.audit.heads.LOCK_SECONDS", 0.05)
    monkeypatch.setattr("mcp_servers_shared.audit.snapshot.LOCK_SECONDS", 0.05)
    log = audit.log()
    log.append({"n": 1})
    (head,) = (audit.state.path / "audit" / "heads").iterdir()
    holder = os.open(head, os.O_RDWR)
    try:
        try_lock(holder)
        assert refusal_of(log).evidence["reason"] == "ETIMEDOUT"
        assert audit.verify().ok
    finally:
        os.close(holder)
    log.append({"n": 2})
    assert audit.verify().records == 2


@pytest.mark.requirement("AUD-4")
def test_a_rotation_that_fails_is_made_up_for(audit: AuditWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    log = audit.log(max_bytes=2000)
    log.append({"n": -1})
    done = [-1]
    for step, name in enumerate(["replace", "open", "listdir"]):
        with monkeypatch.context() as patch:
            real: Any = getattr(os, name)

            def full(*arguments: Any, real: Any = real, **options: Any) -> Any:
                if str(audit.path) in str(arguments[0]) or arguments[0] == audit.path.parent:
                    raise OSError(errno.ENOSPC, "No space left on device")
                return real(*arguments, **options)

            patch.setattr(os, name, full)
            for number in range(20):
                try:
                    log.append({"n": step * 100 + number})
                except AuditUnavailable:
                    break
                done.append(step * 100 + number)
            else:
                pytest.fail("no rotation was needed")
        assert audit.verify().ok
        log.append({"n": step * 100 + 99})
        done.append(step * 100 + 99)
        assert audit.verify().ok, name
    assert [record["n"] for record in iterate(audit.path)] == done


def test_the_message_says_nothing_of_folders(tmp_path: Path) -> None:
    world = AuditWorld(tmp_path / "very-private-folder")
    world.path.mkdir()
    assert "very-private-folder" not in refusal_of(world.log()).for_model()
