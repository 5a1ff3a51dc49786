"""Operation `complete`: names of tables or columns that go on from a prefix."""

import sqlite3
from collections.abc import Mapping
from typing import Any

from mcp_servers_shared.errors import InvalidInput
from mcp_servers_sqlite.engine.naming import fold
from mcp_servers_sqlite.engine.schema import find, in_snapshot, read_tables, try_columns

MOST_VALUES = 100


@in_snapshot
def complete(conn: sqlite3.Connection, args: Mapping[str, Any]) -> dict[str, Any]:
    """Names that begin with a prefix, then those that hold it, each in order of the alphabet.

    Args:
        args: `kind` ("table" or "column"), `prefix`, `table` (for columns), `all` for more than 100 values.

    Returns `{"values": [...], "total": int, "has_more": bool}`.
    Raises NotFound for columns of an unknown table.
    """
    kind, prefix = args.get("kind", "table"), fold(str(args.get("prefix") or ""))
    tables = read_tables(conn)
    if kind == "table":
        names = [table.name for table in tables.values() if table.listed]
    elif kind == "column":
        table = find(tables, str(args.get("table") or ""))
        names = [column.name for column in try_columns(conn, table.name)[0] if column.hidden != "hidden"]
    else:
        raise InvalidInput(f"cannot complete {str(kind)[:40]!r}", hint="kind is table or column.")
    fits = sorted(
        (name for name in names if prefix in fold(name)), key=lambda name: (not fold(name).startswith(prefix), name)
    )
    values = fits if args.get("all") else fits[:MOST_VALUES]
    return {"values": values, "total": len(fits), "has_more": len(values) < len(fits)}
