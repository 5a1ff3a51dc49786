"""The README's first command, run as a newcomer runs it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mcp_servers_bundle.console import Console
from mcp_servers_bundle.sample import INJECTION, make_shop

HANG_SECONDS = 180


def run_demo(*arguments: str, temporary: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "NO_COLOR": "1", "TMPDIR": str(temporary)}
    return subprocess.run(
        [sys.executable, "-m", "mcp_servers_bundle", "demo", *arguments],
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        env=environment,
        check=False,
    )


@pytest.mark.requirement("CONF-1", "SCOPE-1", "AUD-2")
def test_the_demo_shows_what_it_promises_and_leaves_nothing(tmp_path: Path) -> None:
    done = run_demo(temporary=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "NOT AS PROMISED" not in done.stdout
    for shown in (
        "schema://tables",
        "analyze_table",
        "[statement_refused]",
        "[writes_disabled]",
        "Did you mean name?",
        "The server asks the user",
        "protocol 2025-11-25",
        "confirm_id=",
        "whole:",
        "edited at line",
        "Everything above was real.",
    ):
        assert shown in done.stdout, shown
    assert "\x1b" not in done.stdout, "NO_COLOR is honoured"
    assert list(tmp_path.iterdir()) == [], "the sample data is removed"


def test_kept_data_is_where_it_was_asked_for(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    done = run_demo("--keep", str(kept), temporary=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (kept / "shop.db").is_file()
    assert (kept / "audit.jsonl").is_file()


def test_the_sample_is_the_same_at_every_run(tmp_path: Path) -> None:
    make_shop(tmp_path / "a.db")
    make_shop(tmp_path / "b.db")
    assert (tmp_path / "a.db").read_bytes() == (tmp_path / "b.db").read_bytes()
    assert INJECTION.encode() in (tmp_path / "a.db").read_bytes()


def test_colour_is_for_terminals(capsys: pytest.CaptureFixture[str]) -> None:
    Console(sys.stdout).line("plain", "red")
    Console(sys.stdout, colour=True).line("loud", "red")
    assert capsys.readouterr().out == "plain\n\x1b[31mloud\x1b[0m\n"


def test_a_long_answer_is_cut_for_the_screen_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    Console(sys.stdout).shown("\n".join(str(number) for number in range(20)), most_lines=5)
    assert "(15 more lines, not shown in this demo)" in capsys.readouterr().out
