"""What the audit tests share: a log in a folder of its own, and its lines as bytes to tamper with."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mcp_servers_shared.audit import AuditLog, Verification, iterate, verify
from mcp_servers_shared.errors import AuditUnavailable
from mcp_servers_shared.state import StateFolder

Lines = list[bytes]


class AuditWorld:
    """A log at `path`, its state, and what a tamperer does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "log" / "audit.jsonl"
        self.path.parent.mkdir(parents=True)
        self.state = StateFolder(folder / "state")
        self._open: list[AuditLog] = []

    def log(self, path: Path | None = None, **options: Any) -> AuditLog:
        """A log object as a new process would make it."""
        log = AuditLog(path or self.path, server="test", state=self.state, **options)
        self._open.append(log)
        return log

    def write(self, count: int, **options: Any) -> None:
        """Append `count` records as a process of its own."""
        with self.log(**options) as log:
            for number in range(count):
                log.append({"n": number})

    def lines(self, number: int = 0) -> Lines:
        """The lines of the current file, or of a rotated one."""
        return self.file(number).read_bytes().splitlines(keepends=True)

    def file(self, number: int = 0) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}") if number else self.path

    def put(self, lines: Lines, number: int = 0) -> None:
        """What a tamperer makes of a file."""
        self.file(number).write_bytes(b"".join(lines))

    def tampered(self, path: Path, lines: Lines) -> Verification:
        """What verify says after `lines` were put at `path`."""
        path.write_bytes(b"".join(lines))
        return self.verify(path)

    def verify(self, path: Path | None = None) -> Verification:
        return verify(path or self.path, state=self.state)

    def kinds(self, path: Path | None = None) -> set[str]:
        """The kinds of problems that verify finds."""
        return {problem.kind for problem in self.verify(path).problems}

    def copy(self) -> Path:
        """A copy of all files, in another folder."""
        folder = self.folder / "copy"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.path.parent, folder)
        return folder / self.path.name

    def close(self) -> None:
        for log in self._open:
            log.close()


def numbers(path: Path) -> list[int]:
    """The records of a log by their number."""
    return [record["n"] for record in iterate(path)]


def refusal_of(log: AuditLog) -> AuditUnavailable:
    """Append, and return the refusal, which says what was wrong and what to do, and names no folder."""
    with pytest.raises(AuditUnavailable) as refusal:
        log.append({"n": "refused"})
    error = refusal.value
    assert error.code == "audit_unavailable"
    assert "audit.jsonl" in error.message
    assert "/" not in error.message
    assert error.hint
    return error


@pytest.fixture
def audit(tmp_path: Path) -> Iterator[AuditWorld]:
    """A fresh world."""
    world = AuditWorld(tmp_path / "audit world")
    yield world
    world.close()


@pytest.fixture
def always_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at every append whether log and head are still in place, not 20 times a second."""
    monkeypatch.setattr("mcp_servers_shared.audit.logfile.LOOK_SECONDS", 0.0)
    monkeypatch.setattr("mcp_servers_shared.audit.heads.LOOK_SECONDS", 0.0)
