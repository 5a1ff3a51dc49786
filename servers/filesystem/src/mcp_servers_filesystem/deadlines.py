"""How long a piece of work may go on, and how it is told to stop."""

import time

from mcp_servers_shared.errors import LimitExceeded


class Deadline:
    """Work in a thread asks this every thousand entries or megabyte."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._ends = time.monotonic() + seconds
        self._stopped = False

    @property
    def over(self) -> bool:
        """Whether the time is up or the caller has gone."""
        return self._stopped or time.monotonic() > self._ends

    @property
    def stopped(self) -> bool:
        """Whether the caller has gone."""
        return self._stopped

    def begin(self) -> "Deadline":
        """The time runs from now: what was spent in a queue is not the work's."""
        self._ends = time.monotonic() + self.seconds
        return self

    def stop(self) -> None:
        """The caller has gone."""
        self._stopped = True

    def check(self) -> None:
        """Raises LimitExceeded (`timeout`) when it is over."""
        if self.over:
            raise LimitExceeded(
                f"this took longer than {self.seconds:g} seconds and was stopped",
                code="timeout",
                hint="Ask for less: a deeper folder, a narrower pattern, or a smaller page.",
                seconds=self.seconds,
            )
