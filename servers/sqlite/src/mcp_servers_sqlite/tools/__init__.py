"""What a model sees: names, arguments, one sentence what and one when."""

from collections.abc import Callable, Sequence
from typing import Any

from mcp_servers_sqlite.tools.legacy import append_insight, create_table, read_query, write_query
from mcp_servers_sqlite.tools.reading import explain_query, query_database
from mcp_servers_sqlite.tools.schema import describe_table, list_tables, profile_table, search_schema
from mcp_servers_sqlite.tools.writing import execute_sql

TOOLS: Sequence[Callable[..., Any]] = (
    query_database,
    list_tables,
    describe_table,
    search_schema,
    profile_table,
    explain_query,
    execute_sql,
)
LEGACY_TOOLS: Sequence[Callable[..., Any]] = (read_query, write_query, create_table, append_insight)
"""The names of mcp-server-sqlite that have no namesake above."""

__all__ = ["LEGACY_TOOLS", "TOOLS"]
