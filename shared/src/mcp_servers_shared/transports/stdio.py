"""Newline-delimited JSON-RPC over the process's own pipes.

On POSIX without threads: the SDK's stdio hops to a worker thread for every read, write and flush, and a first Ctrl-C
waits there until stdin closes. Here EOF, SIGINT and SIGTERM all end the server the same way: the lifespan is closed,
what is written is flushed, the process ends. Where stdin is no pipe (a file, Windows) the SDK's transport serves.

While serving, fd 0 is the null device and fd 1 is stderr, so a stray print or a child cannot break the protocol.
"""

import asyncio
import contextlib
import json
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator, Callable, Generator
from typing import Any, cast

import anyio
from mcp.server.mcpserver import MCPServer
from mcp.types import INVALID_REQUEST, PARSE_ERROR, JSONRPCMessage, jsonrpc_message_adapter

from mcp_servers_shared.compat import ContextSendStream, SessionMessage, create_context_streams, serve_streams
from mcp_servers_shared.pipes import widen
from mcp_servers_shared.splice import Splicer, splicing

MOST_LINE_BYTES = 4 * 1024 * 1024
_CHUNK = 1 << 16


async def serve_stdio(server: MCPServer[Any]) -> None:
    """Serve one client on stdin and stdout until it closes the pipe or a signal ends us."""
    if os.name != "posix" or not _is_stream(0) or not _is_stream(1):
        await server.run_stdio_async()
        return
    with _private_pipes() as (stdin_fd, stdout_fd):
        wire = _Wire(stdin_fd, stdout_fd)
        await wire.open()
        with anyio.CancelScope() as scope, _signals(scope), splicing() as splicer:
            await _serve(server, wire, splicer)
        await wire.close()


async def _serve(server: MCPServer[Any], wire: "_Wire", splicer: Splicer) -> None:
    to_server, from_client = create_context_streams[SessionMessage | Exception](0)
    from_server, to_client = create_context_streams[SessionMessage](0)

    async def read() -> None:
        async with to_server:
            async for line in wire.lines():
                await _deliver(line, to_server, wire)

    async def write() -> None:
        async with to_client:
            async for message in to_client:
                line = message.message.model_dump_json(by_alias=True, exclude_unset=True).encode()
                await wire.send(splicer.splice(line))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(write)
        tasks.start_soon(read)
        await serve_streams(server, from_client, from_server)
        tasks.cancel_scope.cancel()


async def _deliver(line: bytes | None, to_server: ContextSendStream[SessionMessage | Exception], wire: "_Wire") -> None:
    if line is None:
        limit = MOST_LINE_BYTES // (1024 * 1024)
        await wire.send(_error_line(None, INVALID_REQUEST, f"Message is over {limit} MiB"))
        return
    try:
        message: JSONRPCMessage = jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValueError:
        await wire.send(_refusal_of(line))
        return
    # A reader that is gone means that the connection is ending.
    with contextlib.suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
        await to_server.send(SessionMessage(message))


def _refusal_of(line: bytes) -> bytes:
    """The error for a line that is no JSON-RPC message, under its own id where it has one."""
    try:
        raw: Any = json.loads(line)
    except (ValueError, RecursionError):
        return _error_line(None, PARSE_ERROR, "Parse error: not JSON")
    request_id: Any = cast("dict[str, Any]", raw).get("id") if isinstance(raw, dict) else None
    if not isinstance(request_id, str | int) or isinstance(request_id, bool):
        request_id = None
    return _error_line(request_id, INVALID_REQUEST, "Not a JSON-RPC 2.0 message, or it holds text that is not Unicode")


def _error_line(request_id: str | int | None, code: int, message: str) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": request_id, "error": {"code": code, "message": message}}).encode()


class _Wire(asyncio.Protocol):
    """Lines in, lines out, both with back-pressure."""

    def __init__(self, stdin_fd: int, stdout_fd: int) -> None:
        self._stdin_fd, self._stdout_fd = stdin_fd, stdout_fd
        self._buffer = bytearray()
        self._lines: asyncio.Queue[bytes | EOFError | None] = asyncio.Queue()
        self._skipping = False
        self._paused = False
        self._may_write = asyncio.Event()
        self._may_write.set()
        self._closed = asyncio.Event()

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._reader, _ = await loop.connect_read_pipe(lambda: self, os.fdopen(self._stdin_fd, "rb", 0))
        self._writer, _ = await loop.connect_write_pipe(
            lambda: _Outgoing(self._may_write, self._lost), os.fdopen(self._stdout_fd, "wb", 0)
        )

    async def close(self) -> None:
        """Let what is written out, for at most a second."""
        self._reader.close()
        self._writer.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                await self._closed.wait()

    async def lines(self) -> AsyncIterator[bytes | None]:
        """Each line without its end; None for one that was too long to keep."""
        while True:
            line = await self._lines.get()
            if self._paused and self._lines.qsize() < 16:
                self._paused = False
                self._reader.resume_reading()
            if isinstance(line, EOFError):
                return
            if line is None or line.strip():
                yield line

    async def send(self, line: bytes) -> None:
        await self._may_write.wait()
        if not self._closed.is_set():
            self._writer.write(line + b"\n")

    def data_received(self, data: bytes) -> None:
        *complete, rest = data.split(b"\n")
        for piece in complete:
            self._take(bytes(self._buffer) + piece)
            self._buffer.clear()
        self._buffer += rest
        if len(self._buffer) > MOST_LINE_BYTES:
            self._skipping = True
            self._buffer.clear()
        if self._lines.qsize() > 64 and not self._paused:
            self._paused = True
            self._reader.pause_reading()

    def _take(self, line: bytes) -> None:
        too_long = self._skipping or len(line) > MOST_LINE_BYTES
        self._skipping = False
        self._lines.put_nowait(None if too_long else line)

    def eof_received(self) -> bool:
        self._lines.put_nowait(EOFError())
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._lines.put_nowait(EOFError())

    def _lost(self) -> None:
        self._closed.set()
        self._may_write.set()
        self._lines.put_nowait(EOFError())


class _Outgoing(asyncio.BaseProtocol):
    def __init__(self, may_write: asyncio.Event, lost: Callable[[], None]) -> None:
        self._may_write, self._lost = may_write, lost

    def pause_writing(self) -> None:
        self._may_write.clear()

    def resume_writing(self) -> None:
        self._may_write.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost()


def _is_stream(fd: int) -> bool:
    """asyncio can watch pipes, sockets and terminals, not files."""
    try:
        mode = os.fstat(fd).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or stat.S_ISCHR(mode)


@contextlib.contextmanager
def _private_pipes() -> Generator[tuple[int, int], None, None]:
    """Duplicates of stdin and stdout for the wire; fd 0 and 1 lead elsewhere meanwhile."""
    sys.stdout.flush()
    wire = os.dup(0), os.dup(1)
    widen(wire[1])
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    yield wire


@contextlib.contextmanager
def _signals(scope: anyio.CancelScope) -> Generator[None, None, None]:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, scope.cancel)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
