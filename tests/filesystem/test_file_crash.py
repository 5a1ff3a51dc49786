"""Killed at any line of a write: after the next start it is the old tree or the new one, and nothing lies about."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from file_killing import OPERATIONS

_TESTS = Path(__file__).parent
# Each line of the code takes minutes in all; the strides have no common factor with one another's halves.
STRIDES = {"edit_files": 23, "undo": 29}


def kills(operation: str, stride: int, folder: Path, elsewhere: Path, without: str = "") -> tuple[list[str], int]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(_TESTS), *sys.path]), "FILE_KILLING": without}
    command = [sys.executable, "-m", "file_killing", operation, str(stride), str(folder), str(elsewhere)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    *problems, count = done.stdout.splitlines()
    return problems, int(count)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.requirement("FILE-32", "FILE-33")
@pytest.mark.parametrize("operation", OPERATIONS)
def test_killed_anywhere(operation: str, tmp_path: Path) -> None:
    problems, count = kills(operation, STRIDES.get(operation, 11), tmp_path, tmp_path)
    assert not problems
    assert count >= 10


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="no second file system at /dev/shm")
@pytest.mark.requirement("FILE-32", "FILE-33")
@pytest.mark.parametrize("operation", ["overwrite", "edit_files", "undo"])
def test_killed_anywhere_with_the_journal_on_another_file_system(operation: str, tmp_path: Path) -> None:
    elsewhere = Path("/dev/shm", f"mcp-{os.getpid()}-{operation}")
    elsewhere.mkdir()
    try:
        problems, count = kills(operation, 31, tmp_path, elsewhere)
    finally:
        subprocess.run(["rm", "-rf", str(elsewhere)], check=True)
    assert not problems
    assert count >= 10


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.requirement("FILE-32", "FILE-33")
@pytest.mark.parametrize("without", ["no exchange", "no links"])
@pytest.mark.parametrize("operation", ["overwrite", "edit_files", "undo"])
def test_killed_anywhere_on_simple_file_systems(operation: str, without: str, tmp_path: Path) -> None:
    problems, count = kills(operation, 31, tmp_path, tmp_path, without)
    assert not problems
    assert count >= 10
