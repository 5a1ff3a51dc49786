"""Medians of runs that take turns, so that whatever else the machine does falls on every subject alike."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass
class Samples:
    """Seconds of one subject, kept by round."""

    rounds: list[list[float]] = field(default_factory=list[list[float]])

    @property
    def p50(self) -> float:
        """Median of all."""
        return statistics.median(self._all())

    @property
    def p95(self) -> float:
        """95th percentile of all."""
        return percentile(self._all(), 95)

    @property
    def least(self) -> float:
        """The best one."""
        return min(self._all())

    def ratio(self, base: "Samples") -> float:
        """Median over the rounds of our median in a round to theirs in the same round."""
        pairs = zip(self.rounds, base.rounds, strict=True)
        return statistics.median(statistics.median(ours) / statistics.median(theirs) for ours, theirs in pairs)

    def difference(self, base: "Samples") -> float:
        """The same for the seconds that we take longer."""
        pairs = zip(self.rounds, base.rounds, strict=True)
        return statistics.median(statistics.median(ours) - statistics.median(theirs) for ours, theirs in pairs)

    def _all(self) -> list[float]:
        return [value for one in self.rounds for value in one]


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that so many percent do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(len(ordered) * percent / 100))]


def take_turns(
    timers: Mapping[str, Callable[[], float]], rounds: int, batch: int = 1, warm: int = 1
) -> dict[str, Samples]:
    """Runs every timer `batch` times a round, `rounds` times, each round beginning with another one.

    A timer does one run and returns its seconds. `warm` runs of each come first and do not count.
    """
    names = list(timers)
    for name in names:
        for _ in range(warm):
            timers[name]()
    found = {name: Samples() for name in names}
    for number in range(rounds):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            found[name].rounds.append([timers[name]() for _ in range(batch)])
    return found
