"""Places for workers of one kind, and the calls that wait for a place, first come first served."""

import asyncio
from collections import deque

from mcp_servers_shared.errors import Busy, ServerError
from mcp_servers_sqlite.worker_process import WorkerProcess


class Lane:
    """`size` places and a queue of at most `queue` calls; `usual_seconds` is a running mean of what a call takes."""

    def __init__(self, role: str, size: int, queue: int) -> None:
        self.role = role
        self.size = size
        self.queue = queue
        self.taken = 0
        self.idle: list[WorkerProcess] = []
        self.usual_seconds = 0.05
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> None:
        """Takes a place, waiting for one while the queue has room.

        Raises:
            Busy: the queue is full; says when to come back.
        """
        if self.taken < self.size:
            self.taken += 1
            return
        if len(self._waiting) >= self.queue:
            after = max(0.1, self.usual_seconds * (len(self._waiting) + 1) / self.size)
            raise Busy(
                f"All {self.size} workers are busy and {len(self._waiting)} calls wait",
                hint=f"Try again in {after:.1f} s.",
                retry_after_s=round(after, 1),
            )
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave()
            elif turn in self._waiting:
                self._waiting.remove(turn)
            raise

    def leave(self) -> None:
        """Gives the place to the next in line."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.taken -= 1

    def took(self, seconds: float) -> None:
        """Remembers how long a call took."""
        self.usual_seconds += 0.2 * (seconds - self.usual_seconds)

    def send_away(self, error: ServerError) -> None:
        """Ends the waiting of everybody."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_exception(error)
