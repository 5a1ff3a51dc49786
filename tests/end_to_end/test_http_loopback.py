"""Streamable HTTP and SSE on loopback, with a real server process: both eras work, strangers are turned away."""

import http.client
import json
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.client.sse import sse_client

START_SECONDS = 60


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("http") / "books.db"
    connection = sqlite3.connect(path)
    connection.executescript("CREATE TABLE books(title TEXT); INSERT INTO books VALUES('Emma');")
    connection.close()
    return path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(database: Path, transport: str) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    port = free_port()
    command = [sys.executable, "-m", "mcp_servers_sqlite", "--db", str(database), "--transport", transport]
    with subprocess.Popen([*command, "--port", str(port)], stderr=subprocess.PIPE) as server:
        try:
            ends = time.monotonic() + START_SECONDS
            while server.poll() is None and time.monotonic() < ends:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    time.sleep(0.05)
            yield port, server
        finally:
            if server.poll() is None:
                server.kill()


def ask(client: Client) -> Any:
    async def go() -> Any:
        async with client as session:
            return await session.call_tool("query_database", {"sql": "SELECT title FROM books"})

    return anyio.run(go)


def status(port: int, path: str, headers: dict[str, str], body: Any = None) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        sent = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream", **headers}
        connection.request("POST" if body else "GET", path, json.dumps(body) if body else None, sent)
        return connection.getresponse().status
    finally:
        connection.close()


PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


@pytest.mark.requirement("REB-1")
def test_streamable_http_serves_both_eras_and_no_strangers(database: Path) -> None:
    with serving(database, "http") as (port, server):
        url = f"http://127.0.0.1:{port}/mcp"
        for mode in ("auto", "legacy"):
            result = ask(Client(url, mode=mode))  # type: ignore[arg-type]
            assert result.structured_content["rows"] == [["Emma"]], mode
            assert "|Emma|" in result.content[0].text, mode
        assert status(port, "/mcp", {"Host": "evil.example"}, PING) == 421
        assert status(port, "/mcp", {"Host": f"127.0.0.1.evil.example:{port}"}, PING) == 421
        assert status(port, "/mcp", {"Origin": "http://evil.example"}, PING) == 403
        assert status(port, "/mcp", {"Origin": f"http://localhost.evil.example:{port}"}, PING) == 403
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=20) == 0


@pytest.mark.requirement("REB-1")
def test_sse_serves_older_clients_and_no_strangers(database: Path) -> None:
    with serving(database, "sse") as (port, server):
        result = ask(Client(sse_client(f"http://127.0.0.1:{port}/sse"), mode="legacy"))
        assert result.structured_content["rows"] == [["Emma"]]
        assert status(port, "/sse", {"Host": "evil.example"}) == 421
        assert status(port, "/sse", {"Origin": "http://evil.example"}) == 403
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=20) == 0


@pytest.mark.requirement("AUTH-1")
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com"])
@pytest.mark.parametrize("transport", ["http", "sse"])
def test_what_other_machines_can_reach_is_refused_at_start(database: Path, host: str, transport: str) -> None:
    command = [sys.executable, "-m", "mcp_servers_sqlite", "--db", str(database), "--transport", transport]
    done = subprocess.run([*command, "--host", host], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "can be reached from other machines" in done.stderr
    assert done.stdout == ""
