"""What a user installs: wheels built from this tree, run by uvx in an environment of their own."""

import json
import os
import shutil
import sqlite3
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
NAMES = ("shared", "sqlite", "filesystem", "bundle")
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}


def uv() -> str:
    found = shutil.which("uv")
    if not found:
        pytest.skip("needs uv on PATH (pip install uv)")
    return found


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [uv(), "build", "--all-packages", "--quiet", "--out-dir", str(folder)], cwd=ROOT, check=True, timeout=300
    )
    return folder


def test_every_member_builds_a_wheel_and_an_sdist_without_tests(dist: Path) -> None:
    for name in NAMES:
        wheel = next(dist.glob(f"mcp_servers_{name}-*.whl"))
        assert next(dist.glob(f"mcp_servers_{name}-*.tar.gz")).stat().st_size > 1_000
        files = zipfile.ZipFile(wheel).namelist()
        assert f"mcp_servers_{name}/py.typed" in files
        assert not [one for one in files if "test" in one.lower()], wheel.name


def books(folder: Path) -> list[str]:
    database = folder / "books.db"
    connection = sqlite3.connect(database)
    connection.executescript("CREATE TABLE books(title TEXT); INSERT INTO books VALUES('Emma');")
    connection.close()
    return ["--db", str(database)]


def notes(folder: Path) -> list[str]:
    (folder / "notes.txt").write_text("read Emma\n")
    return [str(folder)]


SERVERS: dict[str, tuple[Callable[[Path], list[str]], str, dict[str, str]]] = {
    "sqlite": (books, "query_database", {"sql": "SELECT title FROM books"}),
    "filesystem": (notes, "grep_files", {"path": ".", "pattern": "(?i)EMMA"}),
}


@pytest.mark.parametrize("name", SERVERS)
def test_uvx_runs_the_server_from_the_wheels(dist: Path, tmp_path: Path, name: str) -> None:
    make, tool, arguments = SERVERS[name]
    call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
    command = [uv(), "tool", "run", "--find-links", str(dist), "--refresh-package", "mcp-servers-shared"]
    command += ["--refresh-package", f"mcp-servers-{name}", f"mcp-servers-{name}", *make(tmp_path)]
    environment = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, cwd=tmp_path
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        answers: list[dict[str, Any]] = []
        for message in (INITIALIZE, {"jsonrpc": "2.0", "method": "notifications/initialized"}, call):
            server.stdin.write((json.dumps(message) + "\n").encode())
            server.stdin.flush()
            if "id" in message:
                answers.append(json.loads(server.stdout.readline()))
        server.stdin.close()
        assert server.wait(timeout=60) == 0
    assert answers[0]["result"]["serverInfo"]["name"] == name
    assert "Emma" in answers[1]["result"]["content"][0]["text"]
