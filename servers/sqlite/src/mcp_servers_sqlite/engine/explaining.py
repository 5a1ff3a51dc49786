"""The `explain` operation: how SQLite would run a statement, as a tree, with plain advice. Nothing is run."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mcp_servers_shared.errors import StatementRefused
from mcp_servers_shared.guard.sql.gate import READ, UNKNOWN, WRITE, Statement, classify
from mcp_servers_shared.guard.sql.lexer import PARAMETER, Token
from mcp_servers_sqlite.engine.advising import Step, advise
from mcp_servers_sqlite.engine.arguments import parameters, text, whole
from mcp_servers_sqlite.engine.connection import GuardedConnection
from mcp_servers_sqlite.engine.paging import Params

_NULLS_NOTE = "Planned without values for the parameters; pass params to see the plan for these values."


class _Shown(NamedTuple):
    lines: list[str]
    left_out: int


def explain(connection: GuardedConnection, args: Mapping[str, Any]) -> dict[str, Any]:
    """Explains `{sql, params?, max_chars?}`: `{text, data: {verb, writes, plan, advice}, notes}`.

    `plan` is a list of `[depth, detail]`. A write is planned and never executed.
    """
    statement = _explainable(classify(text(args, "sql")))
    params, notes = _params(args.get("params"), statement.tokens)
    body = statement.text[statement.tokens[0].start :]
    rows = connection.execute(f"EXPLAIN QUERY PLAN {body}", params).fetchall()
    steps = _tree(rows)
    advice = advise(connection, statement, steps)
    writes = statement.kind == WRITE
    room = whole(args, "max_chars", connection.settings.result_chars, least=200, most=50 * 1024 * 1024)
    shown = _fitted([f"{'  ' * step.depth}- {step.detail}" for step in steps], room // 2 - sum(map(len, advice)) * 2)
    if shown.left_out:
        notes.append(f"{shown.left_out} more steps of the plan are not shown.")
    what = f"{statement.verb} would change data; it was not run" if writes else f"{statement.verb} was not run"
    lines = [f"Plan ({what}):", *shown.lines, "Advice:", *[f"- {line}" for line in advice]]
    return {
        "text": "\n".join(lines),
        "data": {
            "verb": statement.verb,
            "writes": writes,
            "plan": [[step.depth, step.detail] for step in steps[: len(shown.lines)]],
            "advice": advice,
        },
        "notes": [*connection.notes, *notes],
    }


def _explainable(statement: Statement) -> Statement:
    statement = statement.inner or statement
    if statement.kind in (READ, WRITE, UNKNOWN):
        return statement
    raise StatementRefused(
        f"{statement.verb} has no query plan", rule="gate", hint="Explain a SELECT, INSERT, UPDATE or DELETE."
    )


def _params(given: Any, tokens: Sequence[Token]) -> tuple[Params, list[str]]:
    """Values to plan with; NULLs when none were given."""
    marks = [token.text for token in tokens if token.kind == PARAMETER]
    if given is not None or not marks:
        return parameters(given, list(tokens)), []
    if all(mark[0] != "?" for mark in marks):
        return {mark[1:]: None for mark in marks}, [_NULLS_NOTE]
    count = 0
    for mark in marks:
        count = max(count, int(mark[1:])) if mark[1:].isdigit() else count + 1
    return [None] * min(count, 1000), [_NULLS_NOTE]


def _tree(rows: Sequence[sqlite3.Row | tuple[Any, ...]]) -> list[Step]:
    depths: dict[int, int] = {0: -1}
    steps: list[Step] = []
    for number, parent, _, detail in rows:
        depths[number] = depths.get(parent, -1) + 1
        steps.append(Step(depths[number], parent, str(detail)))
    return steps


def _fitted(lines: list[str], room: int) -> _Shown:
    used = 0
    for index, line in enumerate(lines):
        used += len(line) + 1
        if index and used > room:
            return _Shown(lines[:index], len(lines) - index)
    return _Shown(lines, 0)
