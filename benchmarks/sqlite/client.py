"""A JSON-RPC client over the pipes of a child, without an SDK: what it adds to a measurement is a few microseconds."""

import json
import os
import select
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, NamedTuple, cast

Era = Literal["modern", "legacy"]

_MODERN = "2026-07-28"
_LEGACY = "2025-06-18"
_CLIENT = {"name": "benchmarks", "version": "1"}
_META = {
    "io.modelcontextprotocol/protocolVersion": _MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": _CLIENT,
}


class Reply(NamedTuple):
    """A response, the seconds from its request's last byte out to its own last byte in, and its bytes on the wire."""

    message: dict[str, Any]
    seconds: float
    size: int

    @property
    def text(self) -> str:
        """The text of a tool's result.

        Raises RuntimeError when the call failed.
        """
        result = cast("dict[str, Any]", self.message.get("result") or {})
        text = "\n".join(str(block.get("text", "")) for block in result.get("content", ()))
        if "result" not in self.message or result.get("isError"):
            raise RuntimeError(f"the call failed: {text or self.message.get('error')}"[:300])
        return text


class RawClient:
    """One server process and its pipes. `era` decides between the handshake and the self-contained request."""

    def __init__(self, command: Sequence[str], era: Era, env: Mapping[str, str] | None = None) -> None:
        self._era = era
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115
        self.started = time.perf_counter()
        self._process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=child_env(env),
            bufsize=0,
        )
        assert self._process.stdin
        assert self._process.stdout
        self._in, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        self._buffer = bytearray()
        self._early: dict[int, tuple[dict[str, Any], float, int]] = {}
        self._last = 0

    def __enter__(self) -> "RawClient":
        if self._era == "legacy":
            self.request(
                "initialize", {"protocolVersion": _LEGACY, "capabilities": {}, "clientInfo": _CLIENT}, timeout=60
            )
            self.notify("notifications/initialized", {})
        else:
            self.request("server/discover", {}, timeout=60)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)
        assert self._process.stdout
        self._process.stdout.close()
        self._stderr.close()

    @property
    def pid(self) -> int:
        """Process id of the server."""
        return self._process.pid

    def call(self, tool: str, arguments: Mapping[str, Any], timeout: float = 60) -> Reply:
        """Calls a tool and waits for its result."""
        return self.request("tools/call", {"name": tool, "arguments": dict(arguments)}, timeout=timeout)

    def request(self, method: str, params: Mapping[str, Any], timeout: float = 60) -> Reply:
        """Sends a request and waits for its response."""
        identity, sent = self.send(method, params)
        return self.receive(identity, sent, timeout)

    def send(self, method: str, params: Mapping[str, Any]) -> tuple[int, float]:
        """Sends a request without waiting: its id, and when it was on its way."""
        self._last += 1
        return self._last, self._write({"id": self._last, "method": method, "params": params})

    def notify(self, method: str, params: Mapping[str, Any]) -> float:
        """Sends a notification: when it was on its way."""
        return self._write({"method": method, "params": params})

    def receive(self, identity: int, sent: float, timeout: float = 60) -> Reply:
        """The response to a request sent before; others that come first are kept.

        Raises RuntimeError when the server ends or says nothing in time, with the end of its stderr.
        """
        ends = time.perf_counter() + timeout
        while identity not in self._early:
            line = self._line(ends)
            self._keep(line, time.perf_counter())
        message, arrived, size = self._early.pop(identity)
        return Reply(message, arrived - sent, size)

    def receive_all(self, sent: Sequence[tuple[int, float]], timeout: float = 60) -> list[Reply]:
        """The responses to these requests, none of them parsed before all have come: parsing would take from the
        servers the processor that they share with us.
        """
        ends = time.perf_counter() + timeout
        lines = [(self._line(ends), time.perf_counter()) for _ in sent]
        for line, arrived in lines:
            self._keep(line, arrived)
        return [self.receive(identity, when, timeout) for identity, when in sent]

    def has(self, identity: int) -> bool:
        """Whether the response to this request came while another one was waited for."""
        return identity in self._early

    def _keep(self, line: bytes, arrived: float) -> None:
        message: dict[str, Any] = json.loads(line)
        if "id" in message and "method" not in message:
            self._early[message["id"]] = message, arrived, len(line)

    def _write(self, message: dict[str, Any]) -> float:
        if self._era == "modern":
            message["params"] = {**message["params"], "_meta": _META}
        data = json.dumps({"jsonrpc": "2.0", **message}, separators=(",", ":")).encode() + b"\n"
        sent = time.perf_counter()
        while data:
            data = data[os.write(self._in, data) :]
        return sent

    def _line(self, ends: float) -> bytes:
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            ready, _, _ = select.select([self._out], [], [], max(0.0, ends - time.perf_counter()))
            chunk = os.read(self._out, 1 << 18) if ready else b""
            if not chunk:
                raise RuntimeError(f"{'the server ended' if ready else 'no answer in time'}: {self._complaint()}")
            self._buffer += chunk
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line

    def _complaint(self) -> str:
        self._stderr.seek(0)
        return self._stderr.read().decode("utf-8", "replace").strip()[-300:]


def child_env(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Our environment as a user's would be: with byte code kept, and without a virtual environment."""
    dropped = {"PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "VIRTUAL_ENV", "UV", "PYTHONHOME"}
    return {name: value for name, value in os.environ.items() if name not in dropped} | dict(extra or {})
