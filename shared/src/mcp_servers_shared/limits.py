"""Rate limits: token buckets behind a small interface that a shared store can take over later.

A bucket holds up to `burst` tokens and regains them at a steady rate, so a refusal can say exactly when to come back.
"""

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

_UNITS = {"second": 1.0, "minute": 60.0, "hour": 3600.0}
_RULE = re.compile(
    r"(?:(?P<who>[A-Za-z0-9_.-]+)=)?(?P<count>[1-9]\d{0,8})/(?P<unit>second|minute|hour)(?::(?P<burst>[1-9]\d{0,8}))?",
    re.ASCII,
)
_BUCKETS_BEFORE_SWEEP = 10_000
_ROUNDING = 1e-6
"""Of a token. Whoever comes back after exactly the wait they were told must not be a rounding error too early."""


@dataclass(frozen=True)
class Rate:
    """`burst` calls at once, then `per_second` of them."""

    per_second: float
    burst: int


class RateStore(Protocol):
    """Where buckets live."""

    async def take(self, key: str, rate: Rate) -> float:
        """Take one token from the bucket `key`: 0.0 when it was there, else seconds until it will be."""
        ...


def parse_rates(text: str) -> dict[str, Rate]:
    """`read=6000/minute,write=60/minute:10,export=2/hour` by name; a rule without a name stands for read and write.

    Raises ValueError that shows the form. `off` is no rate at all.
    """
    if text.strip().lower() == "off":
        return {}
    rates: dict[str, Rate] = {}
    for part in text.split(","):
        match = _RULE.fullmatch(part.strip())
        if not match:
            raise ValueError(f"{part.strip()!r} is not of the form [read|write|TOOL=]N/second|minute|hour[:BURST]")
        count = int(match["count"])
        rate = Rate(count / _UNITS[match["unit"]], int(match["burst"] or count))
        for name in [match["who"]] if match["who"] else ["read", "write"]:
            rates[name] = rate
    return rates


class MemoryRateStore:
    """Buckets in this process. Exact under threads and tasks; forgets buckets that are full again."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float, Rate]] = {}
        self._sweep_at = _BUCKETS_BEFORE_SWEEP

    async def take(self, key: str, rate: Rate) -> float:
        with self._lock:
            now = self._clock()
            tokens, seen, _ = self._buckets.get(key, (float(rate.burst), now, rate))
            now = max(now, seen)
            tokens = min(float(rate.burst), tokens + (now - seen) * rate.per_second)
            wait = 0.0 if tokens >= 1.0 - _ROUNDING else (1.0 - tokens) / rate.per_second
            self._buckets[key] = (tokens - 1.0 if wait == 0.0 else tokens, now, rate)
            if len(self._buckets) > self._sweep_at:
                self._forget_full(now)
            return wait

    def _forget_full(self, now: float) -> None:
        for key, (tokens, seen, rate) in list(self._buckets.items()):
            if tokens + (now - seen) * rate.per_second >= rate.burst:
                del self._buckets[key]
        # Twice what is left: a sweep that finds nothing must not happen again at the next call.
        self._sweep_at = max(_BUCKETS_BEFORE_SWEEP, 2 * len(self._buckets))
