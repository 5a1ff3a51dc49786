"""Values that differ each time a statement runs: the clock and random numbers.

The moment of writing is known when a confirmed write runs, so a value that is "now" counts as equal to any other "now".
Random values cannot be confirmed: nobody has seen what would be written.
"""

import datetime
import re
import time
from collections.abc import Collection, Iterable
from typing import Any

from mcp_servers_sqlite.engine.capture import RawText

CLOCK = frozenset(
    {
        "current_timestamp",
        "current_time",
        "current_date",
        "datetime",
        "date",
        "time",
        "julianday",
        "unixepoch",
        "strftime",
        "timediff",
    }
)
RANDOM = frozenset({"random", "randomblob"})
COUNTERS = frozenset({"last_insert_rowid", "changes", "total_changes"})
NOW = "now"

_WORDS = re.compile(r"[a-z_]+")
_STAMP = re.compile(rb"(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d)(:\d\d(?:\.\d{1,9})?)?)?(?:Z|[+-]00:00)?\Z")
_CLOCK_TIME = re.compile(rb"(\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?\Z")
_JULIAN_EPOCH = 2440587.5
_DAY = 86_400.0
_SLACK = 2.0


def used_in(names: Collection[str], functions: Collection[str], defaults: Iterable[str]) -> list[str]:
    """Which of these functions the statement, its triggers or the defaults of its tables call."""
    found = {name for name in functions if name in names}
    for default in defaults:
        found.update(word for word in _WORDS.findall(default.lower()) if word in names)
    return sorted(found)


class Moment:
    """The time between `start` and `end` (seconds since 1970), in which a statement ran."""

    def __init__(self, start: float, end: float) -> None:
        self.start = start
        self.end = end

    @classmethod
    def since(cls, start: float) -> "Moment":
        """From `start` until now."""
        return cls(start, time.time())

    def holds(self, value: Any) -> bool:
        """Whether the value is this moment, as text, unix time or Julian day, in UTC or local time."""
        if isinstance(value, RawText):
            return self._holds_text(bytes(value))
        if isinstance(value, (int, float)):
            return self._near(value) or self._near(value / 1000) or self._near((value - _JULIAN_EPOCH) * _DAY)
        return False

    def _holds_text(self, value: bytes) -> bool:
        if len(value) > 40:
            return False
        stamp = _STAMP.match(value)
        if stamp:
            return self._holds_stamp(stamp)
        clock = _CLOCK_TIME.match(value)
        if clock:
            return self._holds_clock_time(clock)
        if value.isdigit():
            return self.holds(int(value))
        return False

    def _holds_stamp(self, stamp: "re.Match[bytes]") -> bool:
        day, minutes, seconds = stamp.groups()
        text = day + b" " + (minutes or b"00:00") + (seconds or b":00")
        try:
            seen = datetime.datetime.fromisoformat(text.decode()).replace(tzinfo=datetime.UTC).timestamp()
        except ValueError:
            return False
        width = 0.0 if seconds else 60.0 if minutes else _DAY
        return any(self._near(seen - offset, width) for offset in _offsets(self.start))

    def _holds_clock_time(self, clock: "re.Match[bytes]") -> bool:
        hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        second = hours * 3600 + minutes * 60 + seconds
        width = 0.0 if clock[3] else 60.0
        days = {self.start // _DAY * _DAY, self.end // _DAY * _DAY}
        return any(self._near(day + second - offset, width) for day in days for offset in _offsets(self.start))

    def _near(self, seconds: float, width: float = 0.0) -> bool:
        return self.start - _SLACK - width <= seconds <= self.end + _SLACK


def _offsets(moment: float) -> tuple[int, ...]:
    """Seconds east of UTC that a written time may be in."""
    return (0, time.localtime(moment).tm_gmtoff or 0)
