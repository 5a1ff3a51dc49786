"""Newline-delimited JSON-RPC over the process's own pipes.

On POSIX without threads: the SDK's stdio hops to a worker thread for every read, write and flush, and a first Ctrl-C
waits there until stdin closes. Here EOF, SIGINT, SIGTERM and SIGHUP all end the server the same way: calls underway are
given up, the lifespan is closed, what is written is let out. Where stdin or stdout cannot be watched (a file, Windows)
the SDK's transport serves.

While serving, fd 0 is the null device and fd 1 is stderr, so a stray print or a child cannot break the protocol.
"""

import asyncio
import contextlib
import json
import logging
import os
import signal
import stat
import sys
from collections.abc import Callable, Generator
from typing import Any, Self, cast

import anyio
from mcp.server.mcpserver import MCPServer
from mcp.types import INVALID_REQUEST, PARSE_ERROR, JSONRPCError, JSONRPCResponse, jsonrpc_message_adapter

from mcp_servers_shared.compat import SessionMessage, Stream, serve_streams
from mcp_servers_shared.pipes import widen
from mcp_servers_shared.splice import Splicer, splicing
from mcp_servers_shared.transports.wire import END, MOST_LINE_BYTES, Wire

logger = logging.getLogger("mcp_servers")

_PATIENCE_S = 5.0
"""How long calls and the lifespan may take to end. A thread that never returns must not keep the process."""


async def serve_stdio(server: MCPServer[Any]) -> None:
    """Serve one client on stdin and stdout until it closes the pipe or a signal ends us.

    Raises what the lifespan raises. Leaves fd 0 and 1 diverted: the process is meant to end.
    """
    if not _can_watch_pipes():
        await server.run_stdio_async()
        return
    with _private_pipes() as (stdin_fd, stdout_fd):
        wire = Wire(stdin_fd, stdout_fd)
        await wire.open()
        try:
            with splicing() as splicer:
                await _serve(server, wire, splicer)
        finally:
            with anyio.CancelScope(shield=True):
                await wire.close()


async def _serve(server: MCPServer[Any], wire: Wire, splicer: Splicer) -> None:
    with contextlib.ExitStack() as patience:

        def ended() -> None:
            patience.callback(asyncio.get_running_loop().call_later(_PATIENCE_S, _give_up).cancel)

        with _signals(wire.stop):
            await serve_streams(server, _Requests(wire, ended), _Answers(wire, splicer))


class _Requests(Stream):
    """The client's messages, for the SDK to take. No task stands between the wire and the one who dispatches."""

    def __init__(self, wire: Wire, ended: Callable[[], None]) -> None:
        self._wire = wire
        self._ended = ended

    async def receive(self) -> SessionMessage | Exception:
        try:
            return await anext(self)
        except StopAsyncIteration:
            raise anyio.EndOfStream from None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        while (line := await self._wire.next()) != END:
            if (message := await self._message(line)) is not None:
                return message
        self._ended()
        raise StopAsyncIteration

    async def _message(self, line: bytes | None) -> SessionMessage | None:
        if line is None:
            limit = MOST_LINE_BYTES // (1024 * 1024)
            await self._wire.send(_error_line(None, INVALID_REQUEST, f"Message is over {limit} MiB"))
            return None
        await self._wire.room_for(len(line))
        try:
            return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
        except ValueError:
            await self._wire.send(_refusal_of(line))
            return None

    async def aclose(self) -> None:
        self._wire.stop()


class _Answers(Stream):
    """What the SDK sends, put on the wire as it comes. The wire is closed by who opened it, once all is written."""

    def __init__(self, wire: Wire, splicer: Splicer) -> None:
        self._wire = wire
        self._splicer = splicer

    async def send(self, item: SessionMessage, /) -> None:
        line = self._splicer.splice(_line(item))
        if isinstance(item.message, JSONRPCResponse | JSONRPCError):
            # Never held back: one that still waited when the connection ends would be dropped by the SDK, and how many
            # calls a client may have underway without reading is limited where they are read.
            self._wire.write(line)
        else:
            await self._wire.send(line)


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
    return json.dumps({"jsonrpc": "2.0", "id": request_id, "error": {"code": code, "message": message}}).encode() + END


def _line(message: SessionMessage) -> bytes:
    try:
        return message.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + END
    except ValueError:
        # Half a surrogate pair in a text: JSON over UTF-8 cannot say it, and one result must not end the connection.
        text = json.dumps(
            message.message.model_dump(by_alias=True, exclude_unset=True), ensure_ascii=False, default=str
        )
        return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace").encode() + END


def _give_up() -> None:
    logger.error("a call or the lifespan did not end; ending without it")
    os._exit(1)


def _can_watch_pipes() -> bool:
    """asyncio can watch pipes, sockets and terminals: not files, not the null device, not one socket for both ways."""
    if os.name != "posix":
        return False
    try:
        stdin, stdout = os.fstat(0), os.fstat(1)
    except OSError:
        return False
    both = stat.S_ISSOCK(stdin.st_mode) and os.path.samestat(stdin, stdout)
    return not both and all(
        stat.S_ISFIFO(one.st_mode) or stat.S_ISSOCK(one.st_mode) or os.isatty(fd)
        for fd, one in enumerate((stdin, stdout))
    )


@contextlib.contextmanager
def _private_pipes() -> Generator[tuple[int, int], None, None]:
    """Duplicates of stdin and stdout for the wire; fd 0 and 1 lead elsewhere from now on."""
    sys.stdout.flush()
    wire, kept = (os.dup(0), os.dup(1)), (os.dup(0), os.dup(1))
    widen(wire[1])
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    try:
        os.dup2(2, 1)
    except OSError:
        os.dup2(null, 1)
    os.close(null)
    try:
        yield wire
    finally:
        # Watching made them non-blocking for everybody who shares them: a shell would stumble over its terminal.
        for fd in kept:
            os.set_blocking(fd, True)


@contextlib.contextmanager
def _signals(end: Callable[[], None]) -> Generator[None, None, None]:
    """The first signal ends us in order, the second at once."""
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    seen: list[int] = []

    def came(number: int) -> None:
        seen.append(number)
        if len(seen) > 1:
            os._exit(128 + number)
        end()

    for number in numbers:
        loop.add_signal_handler(number, came, number)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
