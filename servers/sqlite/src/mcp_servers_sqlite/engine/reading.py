"""The `query` operation: one page of one read-only statement."""

import functools
import sqlite3
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from mcp_servers_shared.errors import InvalidInput
from mcp_servers_shared.guard.sql.gate import Statement, require_read, unchecked, words
from mcp_servers_sqlite.engine import settings as layer
from mcp_servers_sqlite.engine.arguments import parameters, text, whole
from mcp_servers_sqlite.engine.connection import GuardedConnection, lenient
from mcp_servers_sqlite.engine.paging import Page, Params, page_at
from mcp_servers_sqlite.engine.scratch import recovered, use_files_if_sorting
from mcp_servers_sqlite.engine.table import MOST_AT_ONCE, Table

if TYPE_CHECKING:
    from mcp_servers_sqlite.engine.keyset import Order

_FAR = 2**62
_COUNTING_NOTE = "Pages of this query count rows from the start, so they can shift while the data changes."
_BAD_TEXT_NOTE = "Some text is not valid UTF-8; bad bytes are shown as \ufffd. Use hex(column) for the bytes."
_DECODE_FAILED = "Could not decode to UTF-8"


class _Request(NamedTuple):
    statement: Statement
    params: Params
    limit: int
    offset: int
    keyset: list[Any]
    width: int
    as_json: bool
    packed: bool
    cell_chars: int
    room: int


def query(connection: GuardedConnection, args: Mapping[str, Any]) -> dict[str, Any]:
    """Runs `{sql, params, limit, offset?, keyset?, format?, cell_chars?, max_chars?, packed?}` and returns one page.

    `{columns: [{name, type}], rows: [[..]], text, row_count, truncated, reason, notes, elapsed_ms, next}`; `reason` is
    null, `"rows"` or `"size"`; `next` is null or what a following call passes beside the same sql and params. With
    `packed`, `rows` and `text` are parts that the server need not read.
    """
    started = time.perf_counter()
    request = _read_request(connection, args)
    order, page = _page(connection, request)
    table, notes = _run(connection, request, page)
    truncated = table.cut_by is not None
    following = _following(connection, request, order, table) if truncated else None
    if following and "keyset" not in following:
        notes.append(_COUNTING_NOTE)
    return {
        "columns": table.columns(),
        "rows": table.rows_part() if request.packed else table.rows,
        "text": table.text_part() if request.packed else table.text(),
        "row_count": table.row_count,
        "truncated": truncated,
        "reason": table.cut_by,
        "notes": [*connection.notes, *notes],
        "elapsed_ms": round((time.perf_counter() - started) * 1000, 2),
        "next": following,
    }


def _page(connection: GuardedConnection, request: _Request) -> tuple["Order | None", Page]:
    if not request.keyset:
        return None, page_at(request.statement, request.params, request.limit, request.offset)
    order = _order_of(connection, request, request.width)
    if order is None or len(order.columns) != len(request.keyset):
        raise InvalidInput(
            "The table changed since this cursor was made", code="stale_cursor", hint="Start again without the cursor."
        )
    return order, order.page_after(request.keyset, request.params, request.limit)


def _following(connection: GuardedConnection, request: _Request, order: "Order | None", table: Table) -> dict[str, Any]:
    """Where the next page begins: after the last row's key where there is one, else after so many rows."""
    following: dict[str, Any] = {"offset": request.offset + table.row_count}
    if request.keyset or not request.offset:
        order = order or _order_of(connection, request, len(table.names))
        key = order.values(table.last, exact=connection.text_factory is str) if order else None
        if key:
            following |= {"keyset": key, "width": len(table.names)}
    return following


def _order_of(connection: GuardedConnection, request: _Request, width: int) -> "Order | None":
    from mcp_servers_sqlite.engine.keyset import order_of  # short results never need it

    return order_of(connection, request.statement, request.params, width)


_remembered_statement = functools.lru_cache(maxsize=64)(require_read)
_LONGEST_REMEMBERED = 4_000


def _read_statement(sql: str) -> Statement:
    """The statement; of the same text as a moment ago (the next page) it is known already."""
    return _remembered_statement(sql) if len(sql) <= _LONGEST_REMEMBERED else require_read(sql)


def _read_request(connection: GuardedConnection, args: Mapping[str, Any]) -> _Request:
    settings = connection.settings
    sql = text(args, "sql")
    statement = _read_statement(sql) if layer.GATE in connection.layers else unchecked(sql)
    style = args.get("format") or "markdown"
    if style not in ("markdown", "json"):
        raise InvalidInput("'format' is markdown or json", code="invalid_arguments")
    capped = layer.CAPS in connection.layers
    return _Request(
        statement,
        parameters(args.get("params"), statement.tokens),
        whole(args, "limit", settings.default_rows, least=1, most=settings.max_rows) if capped else _FAR,
        whole(args, "offset", 0, least=0, most=_FAR),
        list(args.get("keyset") or ()),
        whole(args, "width", 0, least=0, most=2000),
        style == "json",
        bool(args.get("packed")),
        whole(args, "cell_chars", settings.cell_chars, least=20, most=settings.cell_chars) if capped else _FAR,
        whole(args, "max_chars", settings.result_chars, least=200, most=50 * 1024 * 1024) if capped else _FAR,
    )


def _run(connection: GuardedConnection, request: _Request, page: Page) -> tuple[Table, list[str]]:
    """Runs the page; again with lenient decoding when a value is not UTF-8, in memory when it sorts too much, or row
    by row when many rows at once are too large to hold."""
    notes: list[str] = []
    at_once = MOST_AT_ONCE
    connection.text_factory = str
    use_files_if_sorting(connection, page.sql, page.params, limited="LIMIT" in words(request.statement.tokens))
    while True:
        try:
            table = _fill(connection, request, page, at_once)
            break
        except MemoryError:
            if at_once == 1:
                raise
            at_once = 1
        except sqlite3.OperationalError as error:
            if _DECODE_FAILED in str(error) and layer.LENIENT_TEXT in connection.layers:
                connection.text_factory = lenient
                notes.append(_BAD_TEXT_NOTE)
            elif not recovered(connection, error):
                _raise_as_written(connection, request, page, error)
    if table.squeezed:
        notes.append("One row fills this answer, so its long values were cut shorter than usual.")
    if table.cut_columns:
        name = table.cut_columns[0]
        notes.append(
            f"Long values were cut in: {', '.join(table.cut_columns[:10])}. Read on with "
            f'substr("{name}", {request.cell_chars + 1}, {request.cell_chars}).'
        )
    return table, notes


def _fill(connection: GuardedConnection, request: _Request, page: Page, at_once: int) -> Table:
    cursor = connection.execute(page.sql, page.params)
    try:
        table = Table(
            cursor,
            as_json=request.as_json,
            cell_chars=request.cell_chars,
            room=request.room,
            keep_rows=not request.packed,
        )
        table.fill(request.limit, page.skip, at_once)
        return table
    finally:
        cursor.close()


def _raise_as_written(
    connection: GuardedConnection, request: _Request, page: Page, error: sqlite3.OperationalError
) -> None:
    """Raises the error of the statement as the caller wrote it: ours may complain about the LIMIT we added."""
    if page.sql != request.statement.text and getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_ERROR:
        connection.execute("EXPLAIN " + request.statement.text, request.params).close()
    raise error
