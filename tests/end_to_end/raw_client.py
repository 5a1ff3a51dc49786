"""A JSON-RPC client over the pipes of a real server process, without an SDK, in both protocol eras.

with RawClient(sqlite_command(db="odd=/tmp/odd.db")) as client:
    reply = client.call("query_database", {"sql": "SELECT 1"})
    client.pids()          the server and its workers
"""

import contextlib
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal

Era = Literal["modern", "legacy"]
MODERN = "2026-07-28"
LEGACY = "2025-06-18"
_CLIENT = {"name": "raw-client", "version": "1"}
_HANG_SECONDS = 60.0


@dataclass(frozen=True)
class Reply:
    """A response: the message, and the seconds from the request's last byte out to its own last byte in."""

    message: dict[str, Any]
    seconds: float

    @property
    def result(self) -> dict[str, Any]:
        """The result. Raises AssertionError for a JSON-RPC error."""
        assert "result" in self.message, self.message.get("error")
        return self.message["result"]

    @property
    def is_error(self) -> bool:
        """Whether the request failed, as a tool's `isError` or as a JSON-RPC error."""
        return "error" in self.message or bool(self.message["result"].get("isError"))

    @property
    def text(self) -> str:
        """All text of a tool's result, or the message of a JSON-RPC error."""
        if "error" in self.message:
            return str(self.message["error"]["message"])
        return "\n".join(str(block.get("text", "")) for block in self.result.get("content", ()))

    @property
    def data(self) -> dict[str, Any]:
        """The structured content."""
        return self.result.get("structuredContent") or {}

    @property
    def code(self) -> str:
        """The stable code of an error, empty where there is none."""
        if "error" in self.message:
            evidence: dict[str, Any] = self.message["error"].get("data") or {}
            return str(evidence.get("code", ""))
        error: dict[str, Any] = self.result.get("_meta", {}).get("mcp-servers/error", {})
        return str(error.get("code", ""))


@dataclass
class RawClient:
    """One server process and its pipes.

    `answer` is asked for the result of every request that the server sends (elicitation in the older era).
    """

    command: Sequence[str]
    era: Era = "modern"
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    capabilities: Mapping[str, Any] = field(default_factory=dict[str, Any])
    answer: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    notifications: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def __enter__(self) -> "RawClient":
        self._stderr = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            list(self.command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env={**child_environment(), **self.env},
            bufsize=0,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._in, self._out = self.process.stdin.fileno(), self.process.stdout.fileno()
        self._buffer = bytearray()
        self._early: dict[int, tuple[dict[str, Any], float]] = {}
        self._last = 0
        try:
            self._greet()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> int:
        """Closes the pipe as a host does and waits for the server's end: its exit code. Kills it after 10 s."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            code = self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait(10)
        self.process.stdout.close()
        if not self._stderr.closed:
            self._said = self._read_stderr()
            self._stderr.close()
        return code

    @property
    def pid(self) -> int:
        """Process id of the server."""
        return self.process.pid

    def stderr(self) -> str:
        """What the server wrote on stderr so far."""
        return self._said if self._stderr.closed else self._read_stderr()

    def _read_stderr(self) -> str:
        self._stderr.seek(0)
        return self._stderr.read().decode("utf-8", "replace")

    def call(self, tool: str, arguments: Mapping[str, Any] | None = None, timeout: float = _HANG_SECONDS) -> Reply:
        """Calls a tool and waits for its result."""
        return self.request("tools/call", {"name": tool, "arguments": dict(arguments or {})}, timeout)

    def query(self, sql: str, timeout: float = _HANG_SECONDS, **more: Any) -> Reply:
        """`query_database`."""
        return self.call("query_database", {"sql": sql, **more}, timeout)

    def request(self, method: str, params: Mapping[str, Any] | None = None, timeout: float = _HANG_SECONDS) -> Reply:
        """Sends a request and waits for its response."""
        identity, sent = self.send(method, params)
        return self.receive(identity, sent, timeout)

    def send(self, method: str, params: Mapping[str, Any] | None = None) -> tuple[int, float]:
        """Sends a request without waiting: its id, and when it was on its way."""
        self._last += 1
        return self._last, self._write({"id": self._last, "method": method, "params": dict(params or {})})

    def start(self, tool: str, arguments: Mapping[str, Any]) -> tuple[int, float]:
        """Calls a tool without waiting."""
        return self.send("tools/call", {"name": tool, "arguments": dict(arguments)})

    def notify(self, method: str, params: Mapping[str, Any] | None = None) -> None:
        """Sends a notification."""
        self._write({"method": method, "params": dict(params or {})})

    def cancel(self, identity: int) -> None:
        """Says that nobody waits for this request any more."""
        self.notify("notifications/cancelled", {"requestId": identity, "reason": "test"})

    def receive(self, identity: int, sent: float, timeout: float = _HANG_SECONDS) -> Reply:
        """The response to a request sent before; others that come first are kept.

        Raises RuntimeError when the server ends or says nothing in time, with the end of its stderr.
        """
        ends = time.perf_counter() + timeout
        while identity not in self._early:
            self._take(ends)
        message, arrived = self._early.pop(identity)
        return Reply(message, arrived - sent)

    def has(self, identity: int) -> bool:
        """Whether the response to this request came while another one was waited for."""
        return identity in self._early

    def listen(self, seconds: float, until: Callable[[list[dict[str, Any]]], bool]) -> bool:
        """Reads until `until(notifications)` is true, at most `seconds`: whether it became true."""
        ends = time.perf_counter() + seconds
        while not until(self.notifications):
            try:
                self._take(ends)
            except TimeoutError:
                return False
        return True

    def pids(self) -> list[int]:
        """The server's process and all that descend from it."""
        return [self.pid, *descendants(self.pid)]

    def _greet(self) -> None:
        if self.era == "modern":
            self.request("server/discover")
            return
        params = {"protocolVersion": LEGACY, "capabilities": dict(self.capabilities), "clientInfo": _CLIENT}
        assert self.request("initialize", params).result["protocolVersion"] == LEGACY
        self.notify("notifications/initialized")

    def _take(self, ends: float) -> None:
        message = json.loads(self._line(ends))
        arrived = time.perf_counter()
        if "method" not in message:
            self._early[message["id"]] = message, arrived
        elif "id" not in message:
            self.notifications.append(message)
        elif self.answer is not None:
            self._write({"id": message["id"], "result": self.answer(message)})

    def _write(self, message: dict[str, Any]) -> float:
        if self.era == "modern" and "params" in message:
            meta = {
                "io.modelcontextprotocol/protocolVersion": MODERN,
                "io.modelcontextprotocol/clientCapabilities": dict(self.capabilities),
                "io.modelcontextprotocol/clientInfo": _CLIENT,
            }
            message["params"] = {**message["params"], "_meta": meta}
        data = json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n"
        while data:
            data = data[os.write(self._in, data) :]
        return time.perf_counter()

    def _line(self, ends: float) -> bytes:
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            ready, _, _ = select.select([self._out], [], [], max(0.0, ends - time.perf_counter()))
            if not ready:
                raise TimeoutError(f"no answer in time: {self.stderr()[-500:]}")
            chunk = os.read(self._out, 1 << 18)
            if not chunk:
                raise RuntimeError(f"the server ended: {self.stderr()[-500:]}")
            self._buffer += chunk
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line


def sqlite_command(*flags: str, db: str | Sequence[str] = ()) -> list[str]:
    """The SQLite server as a process of this Python. `db`: one or more `[NAME=]PATH`."""
    databases = [db] if isinstance(db, str) else list(db)
    named = [word for one in databases for word in ("--db", one)]
    return [sys.executable, "-m", "mcp_servers_sqlite", *named, *flags]


def child_environment() -> dict[str, str]:
    """Our environment without what a user's shell would not have."""
    dropped = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "UV"}
    return {name: value for name, value in os.environ.items() if name not in dropped}


def descendants(pid: int) -> list[int]:
    """Process ids of the children of `pid` and of theirs, from /proc."""
    found: list[int] = []
    for task in _listed(f"/proc/{pid}/task"):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
            for child in map(int, file.read().split()):
                found += [child, *descendants(child)]
    return sorted(found)


def alive(pid: int) -> bool:
    """Whether a process exists and is not only waiting to be reaped."""
    return state(pid) not in ("", "Z", "X")


def state(pid: int) -> str:
    """`R`, `S`, `D`, `Z`, ... as in /proc; empty for a process that is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def resident_bytes(pid: int) -> int:
    """Bytes of memory that a process holds now; 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
