"""What lives while the server does: worker pool, cursors, confirmations, memo. Made by the lifespan, read by tools."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult

from mcp_servers_shared.call import current_call
from mcp_servers_shared.confirming import Asking
from mcp_servers_shared.cursors import Cursors
from mcp_servers_shared.errors import InvalidInput, NotFound
from mcp_servers_shared.results import Answer, answer
from mcp_servers_sqlite.databases import DatabaseFile
from mcp_servers_sqlite.engine.suggesting import nearest
from mcp_servers_sqlite.memo import Memo
from mcp_servers_sqlite.pool import WorkerPool
from mcp_servers_sqlite.settings import SqliteSettings


@dataclass
class SqliteApp:
    """The parts a tool works with."""

    settings: SqliteSettings
    databases: Mapping[str, DatabaseFile]
    pool: WorkerPool
    cursors: Cursors
    asking: Asking
    memo: Memo

    @property
    def room(self) -> int:
        """Characters an operation may fill, text and data together; the rest is for notices and the cursor."""
        return max(1_000, self.settings.max_result_chars - 1_200)

    def database(self, name: str | None) -> str:
        """The configured database called `name`, or the only one.

        Raises NotFound for another name, InvalidInput when there are several and none was named.
        """
        known = list(self.databases)
        if name is not None and name in self.databases:
            return name
        if name is None and len(known) == 1:
            return known[0]
        choose = f"Databases: {', '.join(known)}."
        if name is None:
            raise InvalidInput("this server has several databases", code="which_database", hint=f"Name one. {choose}")
        near = nearest(name, known)
        raise NotFound(
            f"there is no database called '{name[:80]}'",
            code="unknown_database",
            hint=f"Did you mean {near[0]}? {choose}" if near else choose,
        )

    async def run(
        self, operation: str, database: str, args: Mapping[str, Any], *, deadline: float | None = None
    ) -> dict[str, Any]:
        """Run an operation in a worker and note its size for the audit. `deadline`: seconds, if not the server's."""
        call = current_call()
        call.note(database=database)
        reply = await self.pool.run(operation, database, args, deadline=deadline)
        if "row_count" in reply:
            call.note(rows=reply["row_count"])
        return reply

    def result(self, found: Answer) -> CallToolResult:
        """`found` as this server's settings want it. Raises LimitExceeded when it is over the budget."""
        return answer(found, budget=self.settings.max_result_chars, channels=self.settings.result)


def app_of(ctx: Context[Any, Any]) -> SqliteApp:
    """The app of the server that answers this call."""
    return cast(SqliteApp, ctx.request_context.lifespan_context)


def current_app() -> SqliteApp:
    """The same for resources and prompts, which get no context."""
    return cast(SqliteApp, current_call().lifespan)
