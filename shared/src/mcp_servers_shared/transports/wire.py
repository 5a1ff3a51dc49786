"""Lines over two pipes, without threads: POSIX only.

Both directions hold back: a line is kept up to 16 MiB, little is read ahead, and a client that does not read its
answers is not read from either once it has enough underway.
"""

import asyncio
import contextlib
import os
from collections import deque
from collections.abc import Callable

MOST_LINE_BYTES = 16 * 1024 * 1024
_READ_AHEAD_BYTES = 1024 * 1024
_READ_AHEAD_LINES = 1_000
_UNREAD_BYTES = 16 * 1024 * 1024
_MESSAGE_BYTES = 64 * 1024
"""What a message underway is reckoned to cost besides its own bytes: its task and its answer."""
_LAST_WORDS_S = 0.5


class Wire(asyncio.Protocol):
    """One client's lines. `stdin_fd` and `stdout_fd` are owned and closed."""

    def __init__(self, stdin_fd: int, stdout_fd: int) -> None:
        self._stdin_fd, self._stdout_fd = stdin_fd, stdout_fd
        self._incoming = _Incoming()
        self._may_write = asyncio.Event()
        self._may_write.set()
        self._closed = asyncio.Event()
        self._unread = 0

    async def open(self) -> None:
        """Begin to read and write."""
        loop = asyncio.get_running_loop()
        self._reader, _ = await loop.connect_read_pipe(lambda: self, os.fdopen(self._stdin_fd, "rb", 0))
        self._writer, _ = await loop.connect_write_pipe(
            lambda: _Outgoing(self._may_write, self._lost), os.fdopen(self._stdout_fd, "wb", 0)
        )

    async def close(self) -> None:
        """Let out what is written, for as long as half a second."""
        self._reader.close()
        self._writer.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS_S):
                await self._closed.wait()

    async def next(self) -> bytes | None:
        """The next line that is not empty, without its end; None for one that was too long to keep; `END` behind the
        last one."""
        line = await self._incoming.next()
        if not self._incoming.full():
            self._reader.resume_reading()
        return line

    def stop(self) -> None:
        """Read no more: what has not been taken yet is dropped, and nobody is held back any longer."""
        self._incoming.drop()
        self._may_write.set()

    async def room_for(self, size: int) -> None:
        """Wait until the client reads, if it has not for a while and has this much underway already."""
        if self._may_write.is_set():
            self._unread = 0
            return
        self._unread += size + _MESSAGE_BYTES
        if self._unread > _UNREAD_BYTES:
            await self._may_write.wait()

    async def send(self, line: bytes) -> None:
        """Write a line, which holds its end. Returns when the client has read enough of those before; nothing happens
        if it has gone."""
        await self._may_write.wait()
        self.write(line)

    def write(self, line: bytes) -> None:
        """Write a line now, however much the client has left unread; nothing happens if it has gone."""
        if not self._closed.is_set():
            self._writer.write(line)

    def data_received(self, data: bytes) -> None:
        self._incoming.feed(data)
        if self._incoming.full():
            self._reader.pause_reading()

    def eof_received(self) -> bool:
        self._incoming.end()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._incoming.end()

    def _lost(self) -> None:
        self._closed.set()
        self._may_write.set()
        self._incoming.end()


END = b"\n"
"""No line holds its own end."""


class _Incoming:
    """What was read and not yet taken."""

    def __init__(self) -> None:
        self._lines: deque[bytes | None] = deque()
        self._bytes = 0
        self._rest = bytearray()
        self._skipping = False
        self._ended = False
        self._news = asyncio.Event()

    def feed(self, data: bytes) -> None:
        *complete, rest = data.split(b"\n")
        for piece in complete:
            self._rest += piece
            self._take(bytes(self._rest))
            self._rest.clear()
        self._rest += rest
        if len(self._rest) > MOST_LINE_BYTES:
            self._skipping = True
            self._rest.clear()

    def _take(self, line: bytes) -> None:
        too_long = self._skipping or len(line) > MOST_LINE_BYTES
        self._skipping = False
        if too_long or line.strip():
            self._lines.append(None if too_long else line)
            self._bytes += 0 if too_long else len(line)
            self._news.set()

    def end(self) -> None:
        """No more will come. A line without its end is nobody's message."""
        self._ended = True
        self._news.set()

    def full(self) -> bool:
        return self._bytes > _READ_AHEAD_BYTES or len(self._lines) > _READ_AHEAD_LINES

    def drop(self) -> None:
        """Forget what was not taken; no more will come."""
        self._lines.clear()
        self._bytes = 0
        self.end()

    async def next(self) -> bytes | None:
        """The next line, or `END`."""
        if self._lines:
            # Lines that came together are not dispatched in one go: what they began has its turn between them.
            await asyncio.sleep(0)
        while not self._lines:
            if self._ended:
                return END
            self._news.clear()
            await self._news.wait()
        line = self._lines.popleft()
        self._bytes -= len(line or b"")
        return line


class _Outgoing(asyncio.BaseProtocol):
    def __init__(self, may_write: asyncio.Event, lost: Callable[[], None]) -> None:
        self._may_write, self._lost = may_write, lost

    def pause_writing(self) -> None:
        self._may_write.clear()

    def resume_writing(self) -> None:
        self._may_write.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost()
