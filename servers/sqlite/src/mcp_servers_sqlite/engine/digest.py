"""The digest of what a write does: what a confirmation is bound to.

Equal digests mean the same statement with the same parameters, changing the same number of rows in the same tables, the
same first rows from the same values to the same values, and the same schema. The moment of writing counts as equal to
any other moment of writing.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from mcp_servers_sqlite.engine.capture import Change, RawText
from mcp_servers_sqlite.engine.change import Outcome, Request
from mcp_servers_sqlite.engine.volatile import NOW, Moment

_VERSION = 1


def digest(request: Request, outcome: Outcome) -> str:
    """SHA-256 in hexadecimal."""
    params = request.params
    named = isinstance(params, Mapping)
    samples = _Samples(outcome.volatile.moment)
    facts = [
        _VERSION,
        request.statement.text,
        sorted((name, _plain(value)) for name, value in params.items()) if named else [_plain(one) for one in params],
        request.sample_rows,
        outcome.affected,
        outcome.other,
        sorted((table, change, count) for (table, change), count in outcome.counts.items()),
        sorted(outcome.replaced.items()),
        [samples.plain(one) for one in outcome.samples],
        [one.as_dict() for one in outcome.schema],
        outcome.returned.total if outcome.returned else None,
    ]
    encoded = json.dumps(facts, ensure_ascii=True, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(encoded.encode()).hexdigest()


class _Samples:
    """Rows as JSON, with the moment of writing taken out of what this statement wrote, and of nothing older."""

    def __init__(self, moment: Moment | None) -> None:
        self._moment = moment
        self._written: set[tuple[str, str, Any]] = set()

    def plain(self, change: Change) -> list[Any]:
        before, after = change.before or {}, change.after or {}
        old = [[name, self._old(change.table, name, value)] for name, value in before.items()]
        new = [[name, self._new(change, name, value)] for name, value in after.items()]
        return [change.table, change.change, old, new]

    def _new(self, change: Change, name: str, value: Any) -> Any:
        if change.before is not None and change.before[name] == value:
            return self._old(change.table, name, value)
        if self._moment is None or not self._moment.holds(value):
            return _plain(value)
        self._written.add((change.table, name, value))
        return NOW

    def _old(self, table: str, name: str, value: Any) -> Any:
        """A row that changes twice is seen a second time with what the first change wrote."""
        return NOW if (table, name, value) in self._written else _plain(value)


def _plain(value: Any) -> list[Any]:
    """A value with its type, so that 1, 1.0, '1' and x'31' differ."""
    if isinstance(value, (str, RawText)):
        raw = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
        return ["text", len(raw), hashlib.sha256(raw).hexdigest()]
    if isinstance(value, bytes):
        return ["blob", len(value), hashlib.sha256(value).hexdigest()]
    return [type(value).__name__, repr(value)]
