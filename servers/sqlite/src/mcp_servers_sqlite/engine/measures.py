"""What a column holds, computed from the values of a sample."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from mcp_servers_sqlite.engine.sampling import Value

MOST_TOP = 5
_LEAST_SHARE = 0.005
_TYPES: dict[type, str] = {int: "integer", float: "real", str: "text", bytes: "blob"}
_ORDER = {"integer": 0, "real": 0, "text": 1, "blob": 2}


class Measures(NamedTuple):
    """Facts about the values of one column.

    `types` counts storage classes without NULL, `lengths` is (least, mean, most) of text characters and BLOB bytes,
    `once` how many values occur once, `cut` whether some are only beginnings, `top` the values that occur more than
    once and in 0.5 % of the rows.
    """

    size: int
    nulls: int
    distinct: int
    once: int
    cut: bool
    types: dict[str, int]
    least: Value
    most: Value
    mean: float | None
    lengths: tuple[int, float, int] | None
    top: list[tuple[Value, int]]


def measure(values: Sequence[Value]) -> Measures:
    """The facts about some values."""
    present = [one for one in values if one.value is not None]
    counts = Counter(present)
    numbers = [float(one.value) for one in present if isinstance(one.value, (int, float))]
    sizes = [one.length for one in present if one.length is not None]
    least_count = max(2, _LEAST_SHARE * len(values))
    return Measures(
        size=len(values),
        nulls=len(values) - len(present),
        distinct=len(counts),
        once=sum(count == 1 for count in counts.values()),
        cut=any(one.cut for one in present),
        types=dict(Counter(_storage_class(one.value) for one in present).most_common()),
        least=min(counts, key=_place, default=Value(None)),
        most=max(counts, key=_place, default=Value(None)),
        mean=sum(numbers) / len(numbers) if numbers else None,
        lengths=(min(sizes), sum(sizes) / len(sizes), max(sizes)) if sizes else None,
        top=[(one, count) for one, count in counts.most_common(MOST_TOP) if count >= least_count],
    )


def estimated_distinct(measures: Measures, rows: int) -> int:
    """Distinct values of the whole table, from how many values of a random sample occur only once.

    The estimator of Haas and Stokes that PostgreSQL's ANALYZE uses too.
    """
    sampled = measures.size - measures.nulls
    if not sampled:
        return 0
    present = max(sampled, rows * sampled / measures.size)
    spread = sampled - measures.once + measures.once * sampled / present
    return max(measures.distinct, min(round(present), round(sampled * measures.distinct / spread)))


def _storage_class(value: object) -> str:
    return _TYPES.get(type(value), "text")


def _place(one: Value) -> tuple[int, Any]:
    """SQLite's order: numbers, then text, then BLOBs."""
    return _ORDER[_storage_class(one.value)], one.value
