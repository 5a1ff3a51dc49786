"""Filling one answer of `list_tables`: as much of the ranked tables as its budget holds."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from mcp_servers_sqlite.engine import packing
from mcp_servers_sqlite.engine.entries import (
    FULL_FIELDS,
    LEGEND,
    SUMMARY_FIELDS,
    Entry,
    compact,
    full_entry,
    summary_entry,
)
from mcp_servers_sqlite.engine.naming import shown
from mcp_servers_sqlite.engine.rows import UNKNOWN, RowCount
from mcp_servers_sqlite.engine.schema import ForeignKey, Table
from mcp_servers_sqlite.engine.tokens import estimate

# Names may fill this much of the budget when not all of them fit: a page without any columns helps nobody.
_NAMES_SHARE = 0.85
_PACKED_FROM = 100
_MOST_COLUMNS = 2_000


class Budget(NamedTuple):
    """Characters for both channels together, and tokens for each of them."""

    chars: int
    tokens: int | None = None

    def holds(self, page: "Page") -> bool:
        """Whether a page is within the budget."""
        written = compact(page.data)
        if len(page.text) + len(written) > self.chars:
            return False
        return self.tokens is None or (estimate(page.text) <= self.tokens and estimate(written) <= self.tokens)

    def share(self, part: float) -> "Budget":
        """A part of it."""
        return Budget(int(self.chars * part), None if self.tokens is None else int(self.tokens * part))


class Overview(NamedTuple):
    """The tables of a page and what follows it, in order, and what is known about them."""

    conn: sqlite3.Connection
    tables: Sequence[Table]
    keys: Mapping[str, Sequence[ForeignKey]]
    rows: Mapping[str, RowCount]
    head: str
    counts: Mapping[str, int]

    def entry(self, make: Callable[..., Entry], table: Table, *most: int) -> Entry:
        """One table in the form that `make` gives it."""
        return make(self.conn, table, self.keys.get(table.name, ()), self.rows.get(table.name, UNKNOWN), *most)


class Page(NamedTuple):
    """A filled answer: `covered` tables of the order, the first `described` of them with columns."""

    text: str
    data: dict[str, Any]
    covered: int
    described: int = 0
    cut: bool = False


def summary_page(overview: Overview, budget: Budget) -> Page:
    """Every table by name, and as many of the first ones as fit with their columns instead."""
    page = names_page(overview, budget)
    entries: list[Entry] = []
    room = _Room(budget, page)
    for table in overview.tables[: page.covered]:
        entry = overview.entry(summary_entry, table)
        if not room.takes(entry, shown(table.name)):
            break
        entries.append(entry)
    while True:
        filled = _compose(overview, page.covered, entries)
        # The sums are a little off where names share their beginnings.
        if not entries or budget.holds(filled):
            return filled
        entries.pop()


class _Room:
    """What a page has left for entries, by the sum of their sizes."""

    def __init__(self, budget: Budget, page: Page) -> None:
        self._chars = budget.chars - len(page.text) - len(compact(page.data))
        self._tokens = (
            None if budget.tokens is None else budget.tokens - max(estimate(page.text), estimate(compact(page.data)))
        )

    def takes(self, entry: Entry, name: str) -> bool:
        """Takes an entry in place of a name, unless that is more than what is left."""
        self._chars -= entry.chars - 2 * len(name)
        if self._tokens is not None:
            self._tokens -= max(estimate(entry.text), estimate(compact(entry.data))) - estimate(name)
        return self._chars >= 0 and (self._tokens is None or self._tokens >= 0)


def names_page(overview: Overview, budget: Budget) -> Page:
    """As many names as fit, all of them where possible."""
    # A name takes a token and four characters at least: more than this cannot fit, and need not be tried.
    total = min(len(overview.tables), budget.chars // 4, budget.tokens or budget.chars)
    page = _compose(overview, total, [])
    if budget.holds(page):
        return page
    smaller = budget.share(_NAMES_SHARE)
    covered = _most(total, lambda count: smaller.holds(_compose(overview, count, [])))
    return _compose(overview, max(1, covered), [])


def full_page(overview: Overview, budget: Budget) -> Page:
    """As many tables as fit with all they have; at least one, cut where it alone is too large."""
    entries: list[Entry] = []
    left = budget.chars
    for table in overview.tables:
        entry = overview.entry(full_entry, table)
        if not entries:
            page = _compose(overview, 1, [entry], FULL_FIELDS)
            left -= len(page.text) + len(compact(page.data)) - entry.chars
        left -= entry.chars
        if left < 0:
            break
        entries.append(entry)
    if entries or not overview.tables:
        return _compose(overview, len(entries), entries, FULL_FIELDS)

    def first(most: int) -> Page:
        return _compose(overview, 1, [overview.entry(full_entry, overview.tables[0], most)], FULL_FIELDS)

    return first(_most(_MOST_COLUMNS, lambda most: budget.holds(first(most))))


def _compose(
    overview: Overview, covered: int, entries: Sequence[Entry], fields: Sequence[Any] = SUMMARY_FIELDS
) -> Page:
    """The page that shows `entries` and the rest of the covered tables by name."""
    rest = overview.tables[len(entries) : covered]
    pack = packing.packed if len(rest) > _PACKED_FROM else packing.plain
    lines = [overview.head]
    data: dict[str, Any] = dict(overview.counts)
    if entries:
        lines += [LEGEND, *(entry.text for entry in entries)]
        data |= {"legend": LEGEND, "fields": list(fields), "described": [entry.data for entry in entries]}
    for label, views in (("Tables", False), ("Views", True)):
        names = pack((table.name for table in rest if (table.kind == "view") == views), label)
        lines += names.lines
        data |= names.data
    return Page("\n".join(lines), data, covered, len(entries), any(entry.cut for entry in entries))


def _most(total: int, fits: Callable[[int], bool]) -> int:
    """The greatest count up to `total` that fits, given that smaller ones take less; 0 where none does."""
    if total and fits(total):
        return total
    low, high = 0, total
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
