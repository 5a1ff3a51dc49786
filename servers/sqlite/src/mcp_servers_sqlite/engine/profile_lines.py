"""How the profile of one column looks: a line of a Markdown table, and the same as a JSON array."""

from typing import Any, NamedTuple

from mcp_servers_sqlite.engine.cells import Cells, blob, escape
from mcp_servers_sqlite.engine.measures import Measures
from mcp_servers_sqlite.engine.naming import one_line, shortened, shown
from mcp_servers_sqlite.engine.sampling import Value
from mcp_servers_sqlite.engine.scans import Range
from mcp_servers_sqlite.engine.schema import Column

HEADER = "|column|types|nulls|distinct|min|max|mean|length|most frequent|\n|-|-|-|-|-|-|-|-|-|"
FIELDS = ["name", "declared", "types", "nulls", "distinct", "min", "max", "mean", "length", "most_frequent", "range_of"]
_VALUE_CHARS = 60
_FREQUENT_CHARS = 30
SAMPLE_CHARS = 100


class Facts(NamedTuple):
    """What is known about a column: of the sample, and of the whole table where there was time for it."""

    measures: Measures
    range: Range | None = None
    distinct: int | None = None
    estimated_distinct: int | None = None
    rows: int = 0
    whole: bool = True

    @property
    def nulls(self) -> int | str:
        """NULLs; "~12" when extrapolated from the sample."""
        if self.whole:
            return self.measures.nulls
        if self.range:
            return self.rows - self.range.present
        return f"~{round(self.measures.nulls * self.rows / max(1, self.measures.size))}"

    @property
    def different(self) -> int | str:
        """Distinct values; "~12" when estimated, ">=12" when only seen."""
        if self.whole:
            return f"~{self.measures.distinct}" if self.measures.cut else self.measures.distinct
        if self.distinct is not None:
            return self.distinct
        return f">={self.measures.distinct}" if self.estimated_distinct is None else f"~{self.estimated_distinct}"


def profile_line(column: Column, facts: Facts) -> tuple[str, list[Any]]:
    """A column as a table line and as JSON values in the order of FIELDS."""
    measures, exact = facts.measures, facts.range
    least = cell(Value(exact.least) if exact else measures.least)
    most = cell(Value(exact.most) if exact else measures.most)
    mean = measures.mean if exact is None or exact.mean is None else exact.mean
    rounded = None if mean is None else float(f"{mean:.6g}")
    about = "" if facts.whole or (exact and exact.mean is not None) else "~"
    low, average, high = measures.lengths or (0, 0.0, 0)
    length = [low, float(f"{average:.4g}"), high] if measures.lengths else None
    frequent = [(cell(value, _FREQUENT_CHARS), round(100 * count / measures.size, 1)) for value, count in measures.top]
    kind = one_line(column.type, _FREQUENT_CHARS)
    guessed = "" if facts.whole or exact or least[1] is None else "~"
    line = "|".join(
        [
            "",
            shown(column.name).replace("|", "\\|"),
            escape(_types(kind, measures)),
            str(facts.nulls),
            str(facts.different),
            guessed + least[0] if least[1] is not None else "",
            guessed + most[0] if most[1] is not None else "",
            "" if rounded is None else about + cell(Value(rounded))[0],
            "" if length is None else f"{low}-{high}",
            ", ".join(f"{text} {percent:g}%" for (text, _), percent in frequent),
            "",
        ]
    )
    values: list[Any] = [shortened(column.name), kind, measures.types, facts.nulls, facts.different, least[1], most[1]]
    values += [
        f"{about}{rounded}" if about and rounded is not None else cell(Value(rounded))[1],
        length,
        [[value, percent] for (_, value), percent in frequent],
    ]
    return line, [*values, "all" if facts.whole or exact else "sample"]


def _types(declared: str, measures: Measures) -> str:
    """The storage classes seen, with their shares where there are several, and the declared type where it differs."""
    total = sum(measures.types.values())
    if len(measures.types) > 1:
        shares = ", ".join(f"{kind} {100 * count / total:.3g}%" for kind, count in measures.types.items())
        return f"{declared}: {shares}" if declared else shares
    seen = next(iter(measures.types), "")
    return seen if not declared or fold_type(declared) == seen else f"{declared}: {seen}" if seen else declared


def fold_type(declared: str) -> str:
    """The storage class that a declared type prefers, by SQLite's rules; empty for NUMERIC."""
    upper = declared.upper()
    if "INT" in upper:
        return "integer"
    if any(part in upper for part in ("CHAR", "CLOB", "TEXT")):
        return "text"
    if not upper or "BLOB" in upper:
        return "blob"
    return "real" if any(part in upper for part in ("REAL", "FLOA", "DOUB")) else ""


def cell(one: Value, chars: int = _VALUE_CHARS) -> tuple[str, Any]:
    """A value by the cell rules of every result, as text and as JSON, with the length it has in the table."""
    value = one.value
    if one.cut and isinstance(value, bytes):
        text = blob(value).replace(f"{len(value)} B", f"{one.length} B", 1)
        return text, text
    if one.cut and isinstance(value, str):
        value = f"{value[:chars]}... [{one.length} chars]"
        chars = len(value)
    line, values, _ = Cells(1, chars).row([value])
    return line[1:-1], values[0]
