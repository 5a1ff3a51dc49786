"""Samples the memory of a process and of all that descend from it."""

import threading
from types import TracebackType

from raw_client import descendants, resident_bytes

_INTERVAL_SECONDS = 0.02


class MemoryWatch:
    """While entered, remembers in `peak` the most bytes that `pid` and its descendants held together."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.peak = 0

    def __enter__(self) -> "MemoryWatch":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def reset(self) -> int:
        """The peak since the last reset."""
        peak, self.peak = self.peak, 0
        return peak

    def _watch(self) -> None:
        while not self._over.wait(_INTERVAL_SECONDS):
            together = sum(resident_bytes(pid) for pid in [self._pid, *descendants(self._pid)])
            self.peak = max(self.peak, together)
