"""One worker process, seen from the server: started, asked, and killed when it must be."""

import asyncio
import os
import signal
import struct
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import mcp_servers_shared
import mcp_servers_sqlite
from mcp_servers_shared.pipes import widen
from mcp_servers_sqlite.engine import frames

_STDERR_KEPT = 4_000
_ROOT = os.path.abspath(os.sep)
_BOOTSTRAP = """\
import sys
sys.path[:0] = {parents!r}
from mcp_servers_sqlite.engine.worker import main
main()
"""


def worker_command() -> list[str]:
    """The command of a worker: isolated Python, no site-packages, only the two packages it needs."""
    parents = list(dict.fromkeys(_parent_of(module.__file__) for module in (mcp_servers_shared, mcp_servers_sqlite)))
    return [sys.executable, "-I", "-S", "-X", "utf8", "-c", _BOOTSTRAP.format(parents=parents)]


def _parent_of(file: str | None) -> str:
    return str(Path(file or ".").resolve().parent.parent)


class WorkerDied(Exception):
    """The process ended before it answered. `returncode` is negative for a signal, as in subprocess."""

    def __init__(self, returncode: int | None, reason: str) -> None:
        super().__init__(reason or f"exit status {returncode}")
        self.returncode = returncode
        self.reason = reason


class WorkerProcess(asyncio.SubprocessProtocol):
    """A worker and its pipes. `reason` says why we killed it, and is empty while we did not."""

    def __init__(self, reply_bytes: int) -> None:
        self._reply_bytes = reply_bytes
        self._buffer = bytearray()
        self._answer: asyncio.Future[dict[str, Any]] | None = None
        self._expected = 0
        self._transport: asyncio.SubprocessTransport | None = None
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._stderr = b""
        self._exited = False
        self.pid = 0
        self.reason = ""
        self.retired = False

    async def start(
        self, command: Sequence[str], environment: Mapping[str, str], hello: Mapping[str, Any], timeout: float
    ) -> None:
        """Starts the process with this environment and no other, and waits at most `timeout` seconds until it is ready.

        Raises:
            WorkerDied: it ended instead.
            OSError: it could not be started at all.
        """
        loop = asyncio.get_running_loop()
        ready = self._expect(0)
        if sys.platform == "win32":
            environment = {**environment, "SYSTEMROOT": os.environ.get("SYSTEMROOT", "")}
        try:
            await loop.subprocess_exec(lambda: self, *command, env=environment, cwd=_ROOT)
        except BaseException:
            if self._transport is None:
                self._ended.set_result(None)
            self.kill("start")
            raise
        timer = loop.call_later(timeout, self.kill, "start")
        try:
            self._send(frames.encode({**hello, "parent": os.getpid()}))
            await ready
        except BaseException:
            self.kill("start")
            raise
        finally:
            timer.cancel()

    def when_ended(self, callback: Callable[["WorkerProcess"], object]) -> None:
        """Calls back once the process is gone and its pipes are closed."""
        self._ended.add_done_callback(lambda _: callback(self))

    @property
    def alive(self) -> bool:
        """Whether it may be asked again."""
        return not (self.retired or self.reason or self._exited)

    @property
    def stderr(self) -> str:
        """The end of what it wrote to stderr, for the log."""
        return self._stderr.decode("utf-8", "replace")

    async def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Sends one request and waits for its frame.

        Raises:
            WorkerDied: the process ended instead of answering.
        """
        if not self.alive:
            raise self._death()
        answer = self._expect(self._expected + 1)
        self._send(frames.encode({**request, "id": self._expected}))
        return await answer

    def outstanding(self) -> asyncio.Future[dict[str, Any]] | None:
        """The answer still to come for a call that nobody waits for any more."""
        return self._expect(self._expected) if self._answer is not None else None

    def kill(self, reason: str) -> None:
        """Ends the process now; whoever waits gets WorkerDied with this reason."""
        if self._ended.done():
            return
        self.reason = self.reason or reason
        if self._transport is not None and self._transport.get_returncode() is None:
            self._transport.kill()

    def interrupt(self) -> None:
        """Asks the statement to stop at its next step; where there are no signals this does nothing."""
        if self._transport is not None and hasattr(signal, "SIGUSR1") and self._transport.get_returncode() is None:
            self._transport.send_signal(signal.SIGUSR1)

    async def ended(self) -> None:
        """Waits until the process is gone and reaped."""
        await asyncio.shield(self._ended)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.SubprocessTransport, transport)
        self.pid = self._transport.get_pid()
        if self.reason:
            self._transport.kill()
        answers = self._transport.get_pipe_transport(1)
        if answers is not None:
            widen(answers.get_extra_info("pipe").fileno())

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == 2:
            self._stderr = (self._stderr + data)[-_STDERR_KEPT:]
            return
        if not self.reason and not self._buffer and (end := self._frame_end(data)) == len(data):
            # A frame that came in one piece, as most do, is never copied as a whole.
            self._frame(memoryview(data)[frames.LENGTH.size :])
            return
        self._buffer += data
        while not self.reason and (end := self._frame_end(self._buffer)) and len(self._buffer) >= end:
            payload = bytes(memoryview(self._buffer)[frames.LENGTH.size : end])
            del self._buffer[:end]
            self._frame(payload)

    def _frame_end(self, data: bytes | bytearray) -> int:
        """Where the first frame ends, 0 where that cannot be known yet. A frame that is too large ends the worker."""
        if len(data) < frames.LENGTH.size:
            return 0
        size = frames.LENGTH.unpack_from(data)[0]
        if size > self._reply_bytes:
            self.kill("too_large")
            return 0
        return frames.LENGTH.size + size

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._transport.close()
        if not self._ended.done():
            self._ended.set_result(None)

    def process_exited(self) -> None:
        self._exited = True
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_exception(self._death())

    def _death(self) -> WorkerDied:
        return WorkerDied(self._transport.get_returncode() if self._transport else None, self.reason)

    def _expect(self, identity: int) -> asyncio.Future[dict[str, Any]]:
        self._expected = identity
        self._answer = asyncio.get_running_loop().create_future()
        return self._answer

    def _send(self, frame: bytes) -> None:
        pipe = cast(asyncio.WriteTransport, self._transport and self._transport.get_pipe_transport(0))
        pipe.write(frame)

    def _frame(self, payload: bytes | memoryview) -> None:
        """Takes one answer; a frame that was not asked for, or is no answer, ends the worker."""
        answer = self._answer
        try:
            message: Any = frames.decode(payload)
            valid = message["id"] == self._expected and isinstance(message.get("ok", message.get("error")), dict)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, struct.error):
            message, valid = None, False
        if not valid or answer is None or answer.done():
            self.kill("garbage")
            return
        self._answer = None
        self.retired = message.get("retire") is True
        answer.set_result(message)
