"""Every operation a worker can run, by name.

To register one, add a line: the module of this package, the function in it, and the connection it needs.
A function takes `(connection, args)` and returns a JSON-ready dict; modules load on first use, so a worker starts fast.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    # The server knows the operations as well, and never opens a database.
    from mcp_servers_sqlite.engine.connection import GuardedConnection

Function = Callable[["GuardedConnection", Mapping[str, Any]], dict[str, Any]]
Kind = Literal["read", "plan", "write"]


class Operation(NamedTuple):
    """Where an operation lives and which connection it gets.

    `read` cannot write; `plan` neither, but may prepare a write for EXPLAIN; `write` runs in the write worker on
    `write_connection.open_read_write(path, settings, deadline=...)`.
    """

    module: str
    function: str
    connection: Kind

    def load(self) -> Function:
        """The function itself."""
        return getattr(import_module(f"mcp_servers_sqlite.engine.{self.module}"), self.function)


OPERATIONS: dict[str, Operation] = {
    "query": Operation("reading", "query", "read"),
    "explain": Operation("explaining", "explain", "plan"),
    "list_tables": Operation("listing", "list_tables", "read"),
    "describe_table": Operation("describing", "describe_table", "read"),
    "search_schema": Operation("searching", "search_schema", "read"),
    "profile_table": Operation("profiling", "profile_table", "read"),
    "version": Operation("versions", "version", "read"),
    "diagram": Operation("diagram", "diagram", "read"),
    "complete": Operation("completing", "complete", "read"),
    "preview": Operation("writing", "preview", "write"),
    "apply": Operation("writing", "apply", "write"),
    "backup": Operation("backup", "backup", "write"),
    "recover": Operation("recovery", "recover", "write"),
}
