"""Sentences that a reader of a preview must not miss."""

from collections.abc import Iterator

from mcp_servers_sqlite.engine.change import Outcome
from mcp_servers_sqlite.engine.naming import shown

_NAMED = 10


def notes(outcome: Outcome, *, applied: bool) -> list[str]:
    """What the counts and samples do not say by themselves."""
    return [*_about_tables(outcome), *_about_repeating(outcome, applied)]


def unrepeatable(outcome: Outcome) -> str:
    """Why the same statement cannot come out the same twice, or an empty string."""
    if not outcome.volatile.random:
        return ""
    called = " and ".join(f"{name}()" for name in outcome.volatile.random)
    return f"{called} gives another value each time: compute the value first and write it as a parameter."


def _about_tables(outcome: Outcome) -> Iterator[str]:
    if not (outcome.affected or outcome.other or outcome.counts or outcome.schema or outcome.virtual):
        yield "This statement changes nothing."
    for table in outcome.virtual[:_NAMED]:
        yield f"{shown(table.name)} is a virtual table ({table.module}): it changes too, but its rows cannot be shown."
    for name in outcome.views[:_NAMED]:
        yield f"{shown(name)} is a view: its INSTEAD OF triggers make the changes."
    for name, count in list(outcome.replaced.items())[:_NAMED]:
        yield f"REPLACE removes {count:,} rows of {shown(name)}; its triggers keep them from being shown."
    if outcome.unwatched:
        yield f"{outcome.unwatched:,} changed rows could not be watched."


def _about_repeating(outcome: Outcome, applied: bool) -> Iterator[str]:
    volatile = outcome.volatile
    if applied:
        return
    if reason := unrepeatable(outcome):
        yield f"This preview cannot be confirmed. {reason}"
    elif volatile.moment is not None:
        yield "The statement reads the clock: where a value is the present moment, the real write has its own."
    if volatile.counters:
        called = " and ".join(f"{name}()" for name in volatile.counters)
        yield f"{called} sees only this call: every call has a connection of its own."
