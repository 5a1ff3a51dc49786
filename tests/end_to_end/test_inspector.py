"""The MCP Inspector's command line: a client that nobody here wrote, in both protocol eras."""

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from npm_programs import npm_program

PACKAGE = Path(__file__).parent / "inspector"


@pytest.fixture(scope="module")
def inspector() -> Path:
    """The pinned Inspector."""
    return npm_program(PACKAGE, "mcp-inspector")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("inspector") / "books.db"
    connection = sqlite3.connect(path)
    connection.executescript(
        "CREATE TABLE books(id INTEGER PRIMARY KEY, title TEXT); INSERT INTO books VALUES(1,'Emma');"
    )
    connection.close()
    return path


def ask(inspector: Path, database: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    server = [sys.executable, "-m", "mcp_servers_sqlite", "--db", str(database)]
    return subprocess.run(
        [str(inspector), "--cli", *server, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "NO_COLOR": "1"},
        check=False,
    )


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_tools_are_listed_without_a_complaint(inspector: Path, database: Path, era: str) -> None:
    done = ask(inspector, database, "--protocol-era", era, "--method", "tools/list", "--strict")
    assert done.returncode == 0, done.stdout + done.stderr
    listed: dict[str, Any] = json.loads(done.stdout)
    assert "query_database" in [tool["name"] for tool in listed["tools"]]
    assert "0 warnings" in done.stderr or "Warning" not in done.stderr, done.stderr


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_a_query_is_answered_in_both_channels(inspector: Path, database: Path, era: str) -> None:
    call = ["--method", "tools/call", "--tool-name", "query_database", "--tool-arg", "sql=SELECT title FROM books"]
    done = ask(inspector, database, "--protocol-era", era, *call, "--format", "json")
    assert done.returncode == 0, done.stdout + done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    result = result.get("result", result)
    assert "|Emma|" in result["content"][0]["text"]
    assert result["structuredContent"]["rows"] == [["Emma"]]


@pytest.mark.requirement("SQL-1")
def test_a_write_is_an_error_that_the_inspector_sees(inspector: Path, database: Path) -> None:
    call = ["--method", "tools/call", "--tool-name", "query_database", "--tool-arg", "sql=DELETE FROM books"]
    done = ask(inspector, database, *call)
    assert done.returncode == 5, done.stdout + done.stderr
    assert "statement_refused" in done.stdout
