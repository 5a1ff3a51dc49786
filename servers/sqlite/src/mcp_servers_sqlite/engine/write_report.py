"""What a write does, as a reader sees it: one text and the same as data, within the room there is."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from mcp_servers_shared.guard.sql.gate import DDL
from mcp_servers_sqlite.engine.capture import DELETE, INSERT, UPDATE, Change, RawText, Row
from mcp_servers_sqlite.engine.cells import Cells, column_name, escape
from mcp_servers_sqlite.engine.change import Outcome, Request, Returned
from mcp_servers_sqlite.engine.frames import compact_json
from mcp_servers_sqlite.engine.naming import one_line, shown
from mcp_servers_sqlite.engine.schema_changes import SchemaChange
from mcp_servers_sqlite.engine.write_notes import notes

_DONE = {INSERT: "inserted", UPDATE: "updated", DELETE: "deleted"}


class Size(NamedTuple):
    """How much is shown: characters of a cell, rows of each kind of change, tables and schema objects."""

    cell_chars: int
    rows: int
    tables: int


_SMALLER = (Size(400, 50, 50), Size(120, 50, 50), Size(60, 3, 20), Size(40, 1, 10), Size(20, 0, 3))


def report(request: Request, outcome: Outcome, *, applied: bool, cell_chars: int, room: int) -> dict[str, Any]:
    """`{text, data, samples, schema_changes, notes}`, as large as fits into `room` characters of text and data."""
    sizes = [Size(cell_chars, 50, 50), *(one._replace(cell_chars=min(cell_chars, one.cell_chars)) for one in _SMALLER)]
    made: dict[str, Any] = {}
    for size in sizes:
        made = _Report(request, outcome, applied, size).made()
        if len(made["text"]) + len(compact_json(made["data"])) <= room:
            break
    return made


def destructive(outcome: Outcome) -> bool:
    """Whether anything that was there is overwritten or gone afterwards, or could be and cannot be seen."""
    if outcome.replaced or outcome.virtual or outcome.unwatched:
        return True
    if any(change != INSERT for _, change in outcome.counts):
        return True
    return any(one.change == "drop" or (one.change == "alter" and one.rows is not None) for one in outcome.schema)


class _Report:
    def __init__(self, request: Request, outcome: Outcome, applied: bool, size: Size) -> None:
        self._request = request
        self._outcome = outcome
        self._applied = applied
        self._size = size

    def made(self) -> dict[str, Any]:
        outcome = self._outcome
        samples, sections = self._samples()
        schema = [self._schema_change(one) for one in outcome.schema[: self._size.tables]]
        changes = self._changes()
        said = notes(outcome, applied=self._applied)
        data: dict[str, Any] = {
            "kind": self._request.statement.verb.lower(),
            "affected_rows": outcome.affected,
            "other_rows": outcome.other,
            "changes": changes[: self._size.tables],
            "samples": samples,
            "schema_changes": schema,
            "destructive": destructive(outcome),
        }
        lines = [self._headline(), *self._totals(changes), *self._schema_lines(schema), *sections]
        if outcome.returned is not None:
            data["returning"], table = _returning(outcome.returned, self._size)
            lines += table
        return {"text": "\n".join(lines), "data": data, "samples": samples, "schema_changes": schema, "notes": said}

    def _headline(self) -> str:
        outcome, statement = self._outcome, self._request.statement
        did = "changed" if self._applied else "would change"
        if statement.kind == DDL:
            what = "the schema" if outcome.schema else "nothing"
            if outcome.affected:
                what += f" and {_rows(outcome.affected)} with it"
        else:
            what = f"{_rows(outcome.affected)} of {shown(outcome.target)}"
        if outcome.other:
            what += f", and {_rows(outcome.other)} more through triggers, foreign keys or REPLACE"
        return f"{statement.verb} {did} {what}." + ("" if self._applied else " Nothing is changed yet.")

    def _changes(self) -> list[dict[str, Any]]:
        """Rows by table and change, such as `{table, updated: 3, deleted: 1}`."""
        tables: dict[str, dict[str, Any]] = {}
        for (table, change), count in self._outcome.counts.items():
            tables.setdefault(table, {"table": column_name(table)})[_DONE[change]] = count
        for table, count in self._outcome.replaced.items():
            tables.setdefault(table, {"table": column_name(table)})["replaced"] = count
        return list(tables.values())

    def _totals(self, changes: list[dict[str, Any]]) -> Iterator[str]:
        for one in changes[: self._size.tables]:
            parts = [f"{count:,} {what}" for what, count in one.items() if what != "table"]
            yield f"- {shown(one['table'])}: {', '.join(parts)}"
        if len(changes) > self._size.tables:
            yield f"- and {len(changes) - self._size.tables} more tables"

    def _samples(self) -> tuple[list[dict[str, Any]], list[str]]:
        groups: dict[tuple[str, str], list[Change]] = {}
        for change in sorted(self._outcome.samples, key=lambda one: one.table != self._outcome.target):
            groups.setdefault((change.table, change.change), []).append(change)
        samples: list[dict[str, Any]] = []
        sections: list[str] = []
        for (table, change), changes in list(groups.items())[: self._size.tables if self._size.rows else 0]:
            kept = changes[: self._size.rows]
            names = _names(kept, self._outcome.assigned.get(table, frozenset()))
            total = self._outcome.counts.get((table, change), self._outcome.affected)
            sections.append(f"\n{shown(table)}, {_first(len(kept), total)} {_DONE[change]}:")
            sections += _header(names)
            for one in kept:
                line, sample = _sample(one, names, self._size.cell_chars)
                sections.append(line)
                samples.append(sample)
        return samples, sections

    def _schema_change(self, change: SchemaChange) -> dict[str, Any]:
        plain = change.as_dict()
        plain["name"] = column_name(change.name)
        for side in ("before", "after"):
            if side in plain:
                plain[side] = one_line(plain[side], max(200, self._size.cell_chars))
        return plain

    def _schema_lines(self, changes: list[dict[str, Any]]) -> Iterator[str]:
        for one in changes:
            line = f"- {one['change']} {one['type']} {shown(one['name'])}"
            if "rows" in one:
                what = "values" if one["change"] == "alter" else "rows"
                line += f" with {one['rows']:,} {what}"
            texts = [f"{side}: {one[side]}" for side in ("before", "after") if side in one]
            yield "\n  ".join([line, *texts])
        left = len(self._outcome.schema) - len(changes)
        if left:
            yield f"- and {left} more schema objects"


def _returning(returned: Returned, size: Size) -> tuple[dict[str, Any], list[str]]:
    names = [column_name(name) for name in returned.columns]
    rows = [[_cell(value, size.cell_chars) for value in row] for row in returned.rows[: size.rows]]
    data = {"columns": names, "rows": [[plain for _, plain in row] for row in rows], "row_count": returned.total}
    lines = [_line([text for text, _ in row]) for row in rows]
    return data, [f"\nRETURNING, {_first(len(rows), returned.total)} rows:", *_header(names), *lines]


def _names(changes: Sequence[Change], assigned: frozenset[str]) -> list[str]:
    """The columns worth showing: all of a new or deleted row; of an update the key and what is set or changes."""
    first = changes[0]
    every = list(first.after or first.before or {})
    if first.change != UPDATE:
        return every
    changed = {name for one in changes for name in every if _differs(one.before, one.after, name)}
    return [name for name in every if name in first.keys or name in changed or name in assigned]


def _differs(before: Row | None, after: Row | None, name: str) -> bool:
    old, new = (before or {}).get(name), (after or {}).get(name)
    return type(old) is not type(new) or old != new


def _sample(change: Change, names: list[str], chars: int) -> tuple[str, dict[str, Any]]:
    """A table line, in which a changed cell reads `old → new`, and the same as data."""
    sides: list[dict[str, Any] | None] = []
    texts: list[list[str]] = []
    for row in (change.before, change.after):
        cells = [_cell(row[name], chars) for name in names] if row is not None else []
        texts.append([text for text, _ in cells])
        sides.append(
            {column_name(name): plain for name, (_, plain) in zip(names, cells, strict=True)} if cells else None
        )
    sample = {"table": column_name(change.table), "change": change.change, "before": sides[0], "after": sides[1]}
    old, new = texts
    if not old or not new:
        return _line(old or new), sample
    both = [
        f"{one} → {two}" if _differs(change.before, change.after, name) else two
        for name, one, two in zip(names, old, new, strict=True)
    ]
    return _line(both), sample


def _cell(value: Any, chars: int) -> tuple[str, Any]:
    """A value as table text and as JSON."""
    plain = bytes(value).decode("utf-8", "replace") if isinstance(value, RawText) else value
    line, values, _ = Cells(1, chars).row([plain])
    return line[1:-1], values[0]


def _line(cells: Sequence[str]) -> str:
    return f"|{'|'.join(cells)}|"


def _header(names: Sequence[str]) -> list[str]:
    return [_line([escape(column_name(name)) for name in names]), f"|{'-|' * len(names)}"]


def _first(kept: int, total: int) -> str:
    return f"first {kept} of {total:,}" if kept < total else f"{total:,}"


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"
