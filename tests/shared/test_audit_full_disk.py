"""A disk that is really full: a small tmpfs where mounting is allowed, and a file size limit everywhere.

The report says which ran: the test on a tmpfs is skipped with its reason where it cannot be mounted.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from audit_world import AuditWorld

from mcp_servers_shared.audit import AuditLog, iterate
from mcp_servers_shared.errors import AuditUnavailable


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 kB."""
    folder = tmp_path / "small"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(folder)], capture_output=True, text=True, check=False
    )
    if made.returncode:
        pytest.skip(f"mounting a tmpfs needs root (the file size limit ran instead): {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """Take all the space that is left."""
    filler = disk / "filler"
    descriptor = os.open(filler, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        while os.write(descriptor, b"x" * 4096):
            pass
    except OSError:
        pass
    finally:
        os.close(descriptor)
    return filler


def append_until_full(log: AuditLog) -> tuple[list[int], AuditUnavailable]:
    for number in range(3000):
        try:
            log.append({"n": number, "what": "x" * 300})
        except AuditUnavailable as error:
            return list(range(number)), error
    pytest.fail("the disk is not full")


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a tmpfs")
@pytest.mark.requirement("AUD-4")
@pytest.mark.parametrize("state_there", [False, True], ids=["log", "log and state"])
def test_a_full_disk_is_said_and_survived(tmp_path: Path, small_disk: Path, state_there: bool) -> None:
    world = AuditWorld(tmp_path / "world")
    if state_there:
        world.state.path = small_disk / "state"
    world.path = small_disk / "audit.jsonl"
    log = world.log()
    log.append({"n": -1})
    filler = fill(small_disk)
    done, error = append_until_full(log)
    assert "the disk is full" in error.message
    assert "Free space" in error.hint
    assert "--audit-log PATH" in error.hint
    assert error.evidence["reason"] == "ENOSPC"
    found = world.verify()
    assert (found.problems, found.records) == ([], len(done) + 1)
    assert world.path.read_bytes().endswith(b"\n")
    for _ in range(3):
        with pytest.raises(AuditUnavailable):
            log.append({"n": 0, "what": "x" * 5000})
    filler.unlink()
    log.append({"n": 9999})
    found = world.verify()
    assert [problem.kind for problem in found.problems] == ["unwritten"]
    assert found.problems[0].evidence["records"] == 4
    assert [record["n"] for record in iterate(world.path)] == [-1, *done, 9999]
    world.close()


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a tmpfs")
@pytest.mark.requirement("AUD-4")
def test_a_disk_full_from_the_start_or_at_rotation(tmp_path: Path, small_disk: Path) -> None:
    world = AuditWorld(tmp_path / "world")
    world.path = small_disk / "audit.jsonl"
    filler = fill(small_disk)
    log = world.log(max_bytes=3000, keep=50)
    with pytest.raises(AuditUnavailable, match="the disk is full"):
        log.append({"n": 0})
    filler.unlink()
    log.append({"n": 0})
    filler = fill(small_disk)
    done, _ = append_until_full(log)
    assert world.verify().ok
    filler.unlink()
    log.append({"n": 9999})
    found = world.verify()
    assert {problem.kind for problem in found.problems} == {"unwritten"}
    assert [record["n"] for record in iterate(world.path)] == [0, *done, 9999]
    world.close()


LIMITED = """
import resource, sys
from pathlib import Path
from mcp_servers_shared.audit import AuditLog, verify
from mcp_servers_shared.errors import AuditUnavailable
from mcp_servers_shared.state import StateFolder

folder = Path(sys.argv[1])
path, state = folder / "audit.jsonl", StateFolder(folder / "state")
log = AuditLog(path, server="test", state=state)
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, resource.RLIM_INFINITY))
try:
    for number in range(100):
        log.append({"n": number})
except AuditUnavailable as error:
    print(number, error.evidence["reason"], error.for_model())
found = verify(path, state=state)
print(found.records, found.problems)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
log.append({"n": number})
found = verify(path, state=state)
print(found.records, found.ok, [problem.kind for problem in found.problems])
"""


@pytest.mark.skipif(os.name != "posix", reason="file size limits are POSIX")
@pytest.mark.requirement("AUD-4")
def test_a_file_that_may_not_grow(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stderr == ""
    refused, limited, after = done.stdout.splitlines()
    count = int(refused.split()[0])
    assert count > 5
    assert "EFBIG [audit_unavailable]" in refused
    assert "--audit-log PATH" in refused
    assert limited == f"{count} []"
    assert after == f"{count + 1} True ['unwritten']"
