"""A server as a real process, spoken to in raw JSON-RPC lines."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
TOY = [sys.executable, str(HERE / "toy_server.py")]
HANG_S = 60.0
"""How long a test waits for what must come: a hang is a failure, slowness is not."""
MODERN = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "raw", "version": "1"},
}


def request(number: Any, method: str, params: dict[str, Any] | None = None, *, modern: bool = False) -> dict[str, Any]:
    """A request, with the envelope that 2026-07-28 wants on each."""
    given = dict(params or {})
    if modern:
        given["_meta"] = MODERN
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": given}


def call(number: Any, name: str, arguments: dict[str, Any] | None = None, *, modern: bool = False) -> dict[str, Any]:
    """A tool call."""
    return request(number, "tools/call", {"name": name, "arguments": arguments or {}}, modern=modern)


class RawServer:
    """The toy as a process. Use it in `with`, which kills it at the end."""

    def __init__(self, folder: Path, *flags: str, command: list[str] | None = None, **options: Any) -> None:
        self.marker = folder / "marker"
        self.stderr = folder / "stderr"
        self._log = self.stderr.open("wb")
        streams: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self._log, **options}
        arguments = [*(command or TOY), "--audit-log", str(folder / "audit.jsonl"), "--marker", str(self.marker)]
        environment = {**os.environ, "MCP_SERVERS_STATE_DIR": str(folder), "PYTHONPATH": str(HERE)}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # or every start compiles all imports anew
        self.process = subprocess.Popen([*arguments, *flags], env=environment, **streams)
        self.lines: queue.Queue[bytes | None] = queue.Queue()
        self.reading = threading.Event()
        self.reading.set()
        if self.process.stdout is not None:
            threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        while self.reading.wait() and (line := self.process.stdout.readline()):
            self.lines.put(line)
        self.lines.put(None)

    def __enter__(self) -> "RawServer":
        return self

    def __exit__(self, *details: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.reading.set()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        self.process.wait()
        self._log.close()

    def write(self, data: bytes) -> None:
        """Bytes as they are."""
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, *messages: Any) -> None:
        """Messages, a line each."""
        self.write(b"".join(json.dumps(message).encode() + b"\n" for message in messages))

    def receive(self) -> dict[str, Any]:
        """The next line, which must be JSON."""
        line = self.lines.get(timeout=HANG_S)
        assert line is not None, f"the server ended: {self.log()}"
        return json.loads(line)

    def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        """The answer to a request."""
        self.send(message)
        answer = self.receive()
        assert answer["id"] == message["id"], answer
        return answer

    def start(self, *, modern: bool = False, capabilities: dict[str, Any] | None = None) -> "RawServer":
        """The first words of either era."""
        hello = request(0, "server/discover", modern=True)
        if not modern:
            client = {"name": "raw", "version": "1"}
            given = {"protocolVersion": "2025-11-25", "capabilities": capabilities or {}, "clientInfo": client}
            hello = request(0, "initialize", given)
        try:
            assert "result" in self.ask(hello)
            if not modern:
                self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        except BaseException:
            self.__exit__()
            raise
        return self

    def end(self, how: int | None = None) -> tuple[int, float]:
        """Close stdin, or send a signal: exit code and seconds it took."""
        begun = time.monotonic()
        if how is None:
            assert self.process.stdin is not None
            self.process.stdin.close()
        else:
            self.process.send_signal(how)
        return self.process.wait(timeout=HANG_S), time.monotonic() - begun

    def marks(self) -> list[str]:
        """What the lifespan left behind."""
        return self.marker.read_text().split() if self.marker.exists() else []

    def log(self) -> str:
        """What was written to stderr."""
        return self.stderr.read_text(errors="replace")

    def memory(self) -> int:
        """The most bytes it held in memory so far."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (line,) = [one for one in status.splitlines() if one.startswith("VmHWM:")]
        return int(line.split()[1]) * 1024


both_eras = pytest.mark.parametrize("modern", [True, False], ids=["modern", "legacy"])
ENDINGS = [None, signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def said(answer: dict[str, Any]) -> str:
    """The text of a tool's answer."""
    return answer["result"]["content"][0]["text"]


def assert_well(server: RawServer, modern: bool) -> None:
    """The next request works."""
    assert said(server.ask(call("well?", "echo", {"text": "well"}, modern=modern))) == "well"
