"""The `preview` and `apply` operations: one write, shown first, done only when it still does what was shown."""

import hmac
from collections.abc import Mapping
from typing import Any

from mcp_servers_shared.guard.sql.write_gate import require_write
from mcp_servers_sqlite.engine.arguments import parameters, text, whole
from mcp_servers_sqlite.engine.change import Outcome, Request, perform
from mcp_servers_sqlite.engine.connection import GuardedConnection
from mcp_servers_sqlite.engine.digest import digest
from mcp_servers_sqlite.engine.transaction import commit, transaction
from mcp_servers_sqlite.engine.write_notes import unrepeatable
from mcp_servers_sqlite.engine.write_report import destructive, report

_SAMPLE_ROWS = 5
_RETURNING_ROWS = 50
_CELL_CHARS = 400
_CHANGED = "The statement does something else now than in the preview, because the data has changed since."


def preview(connection: GuardedConnection, args: Mapping[str, Any]) -> dict[str, Any]:
    """Runs `{sql, params, sample_rows?, cell_chars?, max_chars?}` and rolls it back.

    Returns `{text, data, affected_rows, other_rows, samples: [{table, change, before, after}], schema_changes, kind,
    destructive, digest, notes}`. `digest` is what a confirmation is bound to.
    """
    request = _request(args)
    with transaction(connection):
        outcome = perform(connection, request)
    return _shown(connection, args, request, outcome, applied=False)


def apply(connection: GuardedConnection, args: Mapping[str, Any]) -> dict[str, Any]:
    """The same with `expect_digest`; commits when the digest is still that one.

    Returns the report with `applied: true`, or `{applied: false, preview, hint}` after a rollback.
    """
    request = _request(args)
    expected = text(args, "expect_digest")
    with transaction(connection):
        outcome = perform(connection, request)
        same = hmac.compare_digest(digest(request, outcome).encode(), expected.encode("utf-8", "replace"))
        if same:
            commit(connection)
    if same:
        return {"applied": True, **_shown(connection, args, request, outcome, applied=True)}
    reason = unrepeatable(outcome)
    return {
        "applied": False,
        "preview": _shown(connection, args, request, outcome, applied=False),
        "hint": reason or f"{_CHANGED} Preview it again.",
    }


def _request(args: Mapping[str, Any]) -> Request:
    statement = require_write(text(args, "sql"))
    return Request(
        statement,
        parameters(args.get("params"), statement.tokens),
        whole(args, "sample_rows", _SAMPLE_ROWS, least=0, most=50),
        _RETURNING_ROWS,
    )


def _shown(
    connection: GuardedConnection, args: Mapping[str, Any], request: Request, outcome: Outcome, *, applied: bool
) -> dict[str, Any]:
    settings = connection.settings
    shown = report(
        request,
        outcome,
        applied=applied,
        cell_chars=whole(args, "cell_chars", min(_CELL_CHARS, settings.cell_chars), least=20, most=settings.cell_chars),
        room=whole(args, "max_chars", settings.result_chars, least=200, most=50 * 1024 * 1024),
    )
    shown["notes"] = [*connection.notes, *shown["notes"]]
    return {
        **shown,
        "affected_rows": outcome.affected,
        "other_rows": outcome.other,
        "kind": request.statement.verb.lower(),
        "destructive": destructive(outcome),
        "digest": digest(request, outcome),
    }
