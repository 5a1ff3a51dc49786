"""Which tables matter most, and which ones a pattern means."""

import fnmatch
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping

from mcp_servers_shared.errors import InvalidInput
from mcp_servers_sqlite.engine.naming import fold
from mcp_servers_sqlite.engine.rows import RowCount
from mcp_servers_sqlite.engine.schema import ForeignKey, Table

_LONGEST_PATTERN = 200


def ranked(tables: Iterable[Table], keys: Iterable[ForeignKey], rows: Mapping[str, RowCount]) -> list[Table]:
    """The most connected tables first, then the largest, then by name.

    Being referred to counts twice as much as referring; ten times the rows count as one foreign key.
    """
    weight: Counter[str] = Counter()
    for key in keys:
        weight[key.table] += 1
        weight[key.target] += 2
    scores = {table.name: weight[table.name] + _magnitude(rows.get(table.name)) for table in tables}
    by_name = {table.name: table for table in tables}
    return [by_name[name] for name in sorted(scores, key=lambda name: (-scores[name], name))]


def matching(tables: Iterable[Table], pattern: str | None) -> list[Table]:
    """The tables whose name holds `pattern`, or fits it where it has the wildcards * and ?; case is ignored.

    Raises InvalidInput for a pattern over 200 characters.
    """
    if not pattern:
        return list(tables)
    if len(pattern) > _LONGEST_PATTERN:
        raise InvalidInput(f"the pattern is longer than {_LONGEST_PATTERN} characters", hint="Use a part of the name.")
    wanted = fold(pattern).replace("%", "*")
    if not set(wanted) & {"*", "?"}:
        return [table for table in tables if wanted in fold(table.name)]
    # Only * and ? are wildcards here; a bracket is a character like any other.
    fits = re.compile(fnmatch.translate(wanted.replace("[", "[[]"))).match
    return [table for table in tables if fits(fold(table.name))]


def _magnitude(rows: RowCount | None) -> int:
    return int(math.log10(rows.number)) if rows and rows.number else 0
