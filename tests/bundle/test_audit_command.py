"""`mcp-servers-bundle audit`: exit codes that scripts can use, words that people can."""

from pathlib import Path

import pytest

from mcp_servers_bundle.cli import run
from mcp_servers_shared.audit import AuditLog


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "audit.jsonl"
    writer = AuditLog(path, server="toy")
    for number in range(5):
        writer.append({"phase": "call", "method": "tools/call", "target": f"tool_{number}", "decision": "allowed"})
    writer.close()
    return path


@pytest.mark.requirement("AUD-2")
def test_a_whole_log_verifies_and_a_changed_one_does_not(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["audit", "verify", str(log)]) == 0
    assert "whole" in capsys.readouterr().out
    text = log.read_text(encoding="utf-8")
    log.write_text(text.replace("tool_3", "tool_9"), encoding="utf-8")
    assert run(["audit", "verify", str(log)]) == 1
    assert "edited" in capsys.readouterr().out


@pytest.mark.requirement("AUD-2")
def test_a_truncated_copy_does_not_verify(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = tmp_path / "elsewhere" / "copy.jsonl"
    copy.parent.mkdir()
    lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
    copy.write_text("".join(lines), encoding="utf-8")
    assert run(["audit", "verify", str(copy)]) == 0
    copy.write_text("".join(lines[:-1]), encoding="utf-8")
    assert run(["audit", "verify", str(copy)]) == 1
    assert "truncated" in capsys.readouterr().out


def test_tail_shows_the_newest_and_hides_control_characters(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    writer = AuditLog(log, server="toy")
    writer.append({"phase": "call", "method": "tools/call", "target": "bad\x1b[2Jname", "decision": "refused"})
    writer.close()
    assert run(["audit", "tail", str(log), "-n", "2"]) == 0
    out = capsys.readouterr().out
    assert "tool_4" in out
    assert "tool_3" not in out
    assert "\x1b" not in out


def test_a_missing_log_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["audit", "verify", str(tmp_path / "none.jsonl")]) == 2
    assert "no such log" in capsys.readouterr().out
    assert run(["audit", "tail", str(tmp_path / "none.jsonl")]) == 2
