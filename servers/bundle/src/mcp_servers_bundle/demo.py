"""`mcp-servers-bundle demo`: what an AI host sees, played with a real client against real server processes."""

import asyncio
import os
import shutil
import sys
import tempfile
import time
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Literal

from mcp_servers_bundle import audit
from mcp_servers_bundle.console import Console
from mcp_servers_bundle.sample import make_shop
from mcp_servers_shared.state import STATE_DIR_VARIABLE

Era = Literal["auto", "legacy"]


def show(*, keep: Path | None = None) -> int:
    """Play the demo. Exit code 0 when everything it claims was seen."""
    console = Console()
    folder = keep or Path(tempfile.mkdtemp(prefix="mcp-servers-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return asyncio.run(_Demo(console, folder).play(kept=keep is not None))
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)


class _Demo:
    def __init__(self, console: Console, folder: Path) -> None:
        self.console = console
        self.database = folder / "shop.db"
        self.log = folder / "audit.jsonl"
        self.state = folder / "state"
        self.failures: list[str] = []

    async def play(self, *, kept: bool) -> int:
        console, started = self.console, time.monotonic()
        console.line("mcp-servers demo: a real SQLite server, a real MCP client, sample data", "bold")
        console.step("1. Sample data")
        make_shop(self.database)
        console.say("A small shop: customers, products, orders, reviews. One review is a prompt injection.")
        await self._read_only_session()
        await self._writing_sessions()
        self._audit()
        console.line()
        for failure in self.failures:
            console.line(f"NOT AS PROMISED: {failure}", "bold", "red")
        if not self.failures:
            console.line(f"Everything above was real. {time.monotonic() - started:.1f} s.", "bold", "green")
        if kept:
            console.say(f"The database and the audit log are in {self.database.parent}.")
        console.say('Use it in your host: {"command": "uvx", "args": ["mcp-servers-sqlite", "--db", "shop.db"]}')
        return 1 if self.failures else 0

    async def _read_only_session(self) -> None:
        console = self.console
        console.step("2. Reading, protocol 2026-07-28 (read-only is the default)")
        console.call("mcp-servers-sqlite --db shop.db")
        async with self._client("auto") as client:
            self._expect(client.protocol_version == "2026-07-28", "the newest protocol was negotiated")
            console.call("tools/list, resources/list, prompts/list")
            tools = (await client.list_tools()).tools
            resources = (await client.list_resources()).resources
            prompts = (await client.list_prompts()).prompts
            console.shown("tools      " + ", ".join(tool.name for tool in tools))
            console.shown("resources  " + ", ".join(str(one.uri) for one in resources))
            console.shown("prompts    " + ", ".join(prompt.name for prompt in prompts))
            self._expect("execute_sql" not in [tool.name for tool in tools], "no tool that writes is offered")
            await self._resource(client, "schema://tables")
            await self._prompt(client)
            await self._query(client)
            await self._refusals(client)

    async def _resource(self, client: Any, uri: str) -> None:
        self.console.call(f"resources/read {uri}")
        read = await client.read_resource(uri)
        self.console.shown(read.contents[0].text, most_lines=9)

    async def _prompt(self, client: Any) -> None:
        self.console.call("prompts/get analyze_table(table_name='orders')")
        prompt = await client.get_prompt("analyze_table", {"table_name": "orders"})
        self.console.shown(prompt.messages[0].content.text, most_lines=4)

    async def _query(self, client: Any) -> None:
        sql = (
            "SELECT c.city, count(*) AS orders, sum(o.status = ?) AS returned FROM orders o"
            " JOIN customers c ON c.id = o.customer_id GROUP BY c.city ORDER BY orders DESC"
        )
        result = await self._call(client, "query_database", sql=sql, params=["returned"], limit=4)
        structured: dict[str, Any] = result.structured_content or {}
        cursor = structured.get("next_cursor")
        self._expect(bool(cursor), "a page that is not the last has a cursor")
        if cursor:
            self.console.say("The next page, by its cursor:")
            await self._call(client, "query_database", sql=sql, params=["returned"], limit=4, cursor=cursor)

    async def _refusals(self, client: Any) -> None:
        await self._call(client, "query_database", sql="SELECT body FROM reviews WHERE id = 300")
        self.console.say("That review tells the model to drop a table. If a model obeyed, this would happen:")
        for sql in ("DROP TABLE customers", "SELECT 1; DROP TABLE customers"):
            result = await self._call(client, "query_database", sql=sql)
            self._expect(bool(result.is_error), f"refused: {sql}")
        result = await self._call(client, "execute_sql", sql="DELETE FROM customers")
        self._expect(bool(result.is_error), "the write tool is refused in read-only mode")
        self.console.say("And a mistake is answered with its repair:")
        result = await self._call(client, "query_database", sql="SELECT nmae FROM customers")
        self._expect("name" in result.content[0].text, "a misspelt column gets its right name")

    async def _writing_sessions(self) -> None:
        console = self.console
        console.step("3. Writing, protocol 2026-07-28: the question comes back with the call")
        console.call("mcp-servers-sqlite --db shop.db --allow-writes")
        async with self._client("auto", "--allow-writes", asks=True) as client:
            sql = "UPDATE products SET stock = stock + ? WHERE stock < ?"
            self._confirmed(await self._call(client, "execute_sql", sql=sql, params=[10, 5]))
        console.step("4. Writing, an older client: the question is asked during the call")
        async with self._client("legacy", "--allow-writes", asks=True) as client:
            console.shown(f"protocol {client.protocol_version}")
            sql = "DELETE FROM customers WHERE id = ?"
            self._confirmed(await self._call(client, "execute_sql", sql=sql, params=[6]))
        console.step("5. Writing, a client that cannot ask: a confirm_id for exactly this preview")
        async with self._client("auto", "--allow-writes", asks=False) as client:
            asked: dict[str, Any] = {"sql": "DELETE FROM reviews WHERE id = ?", "params": [300]}
            preview = await self._call(client, "execute_sql", **asked)
            structured: dict[str, Any] = preview.structured_content or {}
            confirm_id = structured.get("confirm_id", "")
            self._confirmed(await self._call(client, "execute_sql", **asked, confirm_id=confirm_id))
            again = await self._call(client, "execute_sql", **asked, confirm_id=confirm_id)
            self._expect(bool(again.is_error), "a confirm_id works once")

    def _confirmed(self, result: Any) -> None:
        structured: dict[str, Any] = result.structured_content or {}
        self._expect(structured.get("applied") is True, "a confirmed write is done")

    def _client(self, era: Era, *flags: str, asks: bool = False) -> AbstractAsyncContextManager[Any]:
        from mcp import Client, StdioServerParameters

        server = StdioServerParameters(
            command=sys.executable,
            args=["-m", "mcp_servers_sqlite", "--db", str(self.database), "--audit-log", str(self.log), *flags],
            env={**os.environ, STATE_DIR_VARIABLE: str(self.state)},
        )
        return Client(server, mode=era, elicitation_callback=self._asked if asks else None, cache=None)

    async def _asked(self, context: Any, params: Any) -> Any:
        from mcp.types import ElicitResult

        self.console.line("? The server asks the user:", "yellow")
        self.console.shown(params.message, "yellow", most_lines=12)
        self.console.line("  The user (this demo) answers: yes", "yellow")
        return ElicitResult(action="accept", content={"confirm": True})

    async def _call(self, client: Any, name: str, **arguments: Any) -> Any:
        shown = ", ".join(f"{key}={value!r}" for key, value in arguments.items() if key not in ("cursor", "confirm_id"))
        self.console.call(f"{name}({shown})")
        result = await client.call_tool(name, arguments)
        style = ("red",) if result.is_error else ()
        self.console.shown(result.content[0].text, *style)
        return result

    def _audit(self) -> None:
        self.console.step("6. What was recorded")
        audit.show_tail(self.console, self.log, 12)
        self.console.call(f"mcp-servers-bundle audit verify {self.log.name}")
        os.environ[STATE_DIR_VARIABLE] = str(self.state)
        self._expect(audit.show_verification(self.console, self.log), "the untouched log verifies")
        forged = self.log.with_name("forged.jsonl")
        text = self.log.read_text(encoding="utf-8")
        forged.write_text(text.replace('"decision":"refused"', '"decision":"allowed"', 1), encoding="utf-8")
        self.console.say("The same log with one 'refused' changed to 'allowed':")
        self._expect(not audit.show_verification(self.console, forged), "a changed log is found out")

    def _expect(self, seen: bool, promise: str) -> None:
        if not seen:
            self.failures.append(promise)
