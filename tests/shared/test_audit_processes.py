"""Several processes write one log, and some of them are killed."""

import contextlib
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest
from audit_world import AuditWorld

from mcp_servers_shared.audit import iterate

WRITER = """
import sys
from pathlib import Path
from mcp_servers_shared.audit import AuditLog
from mcp_servers_shared.state import StateFolder

path, state, name, count, max_bytes, keep = sys.argv[1:]
log = AuditLog(Path(path), server=name, state=StateFolder(Path(state)), max_bytes=int(max_bytes), keep=int(keep))
out = sys.stdout
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(count)):
    log.append({"writer": name, "n": number})
    out.write(f"{number}\\n")
    out.flush()
"""


class Writer:
    """A real process that appends, and says after each record that it is written."""

    def __init__(self, world: AuditWorld, name: str, count: int, max_bytes: int, keep: int = 10_000) -> None:
        arguments = [str(world.path), str(world.state.path), name, str(count), str(max_bytes), str(keep)]
        self.name = name
        self.process = subprocess.Popen(
            [sys.executable, "-c", WRITER, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.out: IO[str] = self.process.stdout or sys.stdout
        assert self.out.readline() == "ready\n"

    def start(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def wait_for(self, number: int) -> None:
        """Return when the record `number` is in the log."""
        for line in self.out:
            if int(line) >= number:
                return

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)

    def acknowledged(self) -> int:
        """How many records it said were written, once it has ended."""
        rest = self.out.read().split("\n")
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.out.close()
        self.process.wait(timeout=60)
        return len([line for line in rest if line])


def written_by(path: Path) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for record in iterate(path):
        found.setdefault(record["writer"], []).append(record["n"])
    return found


@pytest.mark.requirement("AUD-2", "AUD-6")
@pytest.mark.parametrize("max_bytes", [1 << 24, 20_000], ids=["one file", "rotating"])
def test_processes_that_begin_together_share_one_whole_chain(audit: AuditWorld, max_bytes: int) -> None:
    writers = [Writer(audit, f"w{number}", 300, max_bytes) for number in range(4)]
    for writer in writers:
        writer.start()
    assert [writer.acknowledged() for writer in writers] == [300] * 4
    found = audit.verify()
    assert (found.problems, found.records) == ([], 1200)
    assert (found.generations > 5) == (max_bytes == 20_000)
    assert written_by(audit.path) == {writer.name: list(range(300)) for writer in writers}
    assert len(list((audit.state.path / "audit" / "paths").iterdir())) == 1


@pytest.mark.requirement("AUD-3", "AUD-6")
@pytest.mark.skipif(os.name != "posix", reason="kill -9 is POSIX")
def test_kill_9_at_random_instants(audit: AuditWorld) -> None:
    """24 kills, two writers at a time: every acknowledged record is there, in order, and the chain is whole."""
    chance = random.Random(20261122)
    for turn in range(12):
        writers = [Writer(audit, f"{turn}-{number}", 1_000_000, 50_000) for number in range(2)]
        for writer in writers:
            writer.start()
        known: dict[str, int] = {}
        for writer in writers:
            least = chance.randrange(1, 60)
            writer.wait_for(least)
            known[writer.name] = least + 1
            writer.kill()
        for writer in writers:
            known[writer.name] += writer.acknowledged()
        found = audit.verify()
        assert found.ok, (turn, found.problems)
        assert {problem.kind for problem in found.problems} <= {"torn"}
        written = written_by(audit.path)
        for name, count in known.items():
            assert written[name] == list(range(len(written[name])))
            # The record it was writing when it died may be there unannounced.
            assert len(written[name]) - count in (0, 1), (name, len(written[name]), count)
    audit.write(1)
    assert audit.verify().ok


FORK = """
import os, sys
from pathlib import Path
from mcp_servers_shared.audit import AuditLog
from mcp_servers_shared.state import StateFolder

log = AuditLog(Path(sys.argv[1]), server="forks", state=StateFolder(Path(sys.argv[2])))
log.append({"writer": "parent", "n": 0})
gate, opener = os.pipe()
children = []
for child in range(3):
    pid = os.fork()
    if pid == 0:
        os.close(opener)
        os.read(gate, 1)
        for number in range(1000):
            log.append({"writer": f"child {child}", "n": number})
        os._exit(0)
    children.append(pid)
os.close(opener)
for number in range(1, 1000):
    log.append({"writer": "parent", "n": number})
sys.exit(max(os.waitpid(pid, 0)[1] for pid in children))
"""


@pytest.mark.requirement("AUD-6")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_forked_children_do_not_share_the_lock(audit: AuditWorld) -> None:
    subprocess.run([sys.executable, "-c", FORK, str(audit.path), str(audit.state.path)], check=True, timeout=60)
    found = audit.verify()
    assert (found.problems, found.records) == ([], 4000)
    assert written_by(audit.path) == {name: list(range(1000)) for name in ("parent", "child 0", "child 1", "child 2")}


@pytest.mark.requirement("AUD-2", "AUD-6")
@pytest.mark.parametrize("keep", [0, 3])
def test_a_running_log_can_be_verified_and_read(audit: AuditWorld, keep: int) -> None:
    writer = Writer(audit, "busy", 1_000_000, 10_000, keep)
    writer.start()
    writer.wait_for(50)
    times: list[str] = []
    try:
        for _ in range(20):
            found = audit.verify()
            assert found.problems == []
            times.append(found.last or "")
            read = [record["n"] for record in iterate(audit.path)]
            assert read == sorted(set(read))
    finally:
        writer.kill()
        writer.acknowledged()
    assert times == sorted(times)
    assert times[0] < times[-1]
