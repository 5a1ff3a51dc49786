"""A small server made of everything in shared: built in tests, or run as `python tests/shared/toy_server.py`.

`--marker FILE` gets a line when the lifespan begins, when it has ended, a few awaits later, and when the process does.
"""

import atexit
import logging
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import anyio
from mcp.server.mcpserver import Context
from mcp.types import CallToolResult, Completion, InputRequiredResult
from pydantic import Field

from mcp_servers_shared.app import Blueprint, Server, build_server
from mcp_servers_shared.call import current_call
from mcp_servers_shared.cli import Finding, serve
from mcp_servers_shared.confirming import Asking, Confirmed
from mcp_servers_shared.errors import LimitExceeded, NotFound, Refused
from mcp_servers_shared.guard.confirm import Binding, Confirmations
from mcp_servers_shared.limits import RateStore
from mcp_servers_shared.results import Answer, answer
from mcp_servers_shared.settings import ServerSettings
from mcp_servers_shared.tooling import carried, tool

SECRET = "canary-4f9d2c7b-never-shown"
TOKEN = "ghp_" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"


class ToySettings(ServerSettings):
    """The switches of the toy."""

    program: ClassVar[str] = "toy-server"
    prefix: ClassVar[str] = "MCP_SERVERS_TOY_"
    summary: ClassVar[str] = "A server for tests."

    marker: Path | None = Field(None, description="File that gets a line when the lifespan begins and ends.")
    broken: bool = Field(False, description="Let --check find something wrong.")


class ToyApp:
    """What lives while the server does."""

    def __init__(self, settings: ToySettings) -> None:
        self.settings = settings
        self.asking = Asking(Confirmations(), budget=settings.max_result_chars, channels=settings.result)
        self.items = {"apple": 1, "pear": 2}
        self.effects: list[str] = []
        self.reached = anyio.Event()
        self.go_on = anyio.Event()


def app_of(ctx: Context[Any, Any]) -> ToyApp:
    """The app of the server that answers this call."""
    return ctx.request_context.lifespan_context


def said(text: str) -> CallToolResult:
    """A plain answer."""
    return answer(Answer(text, {"said": text}), budget=10_000_000)


@tool(kind="read", title="Echo")
async def echo(
    text: str,
    times: Annotated[int, Field(ge=1, le=100)] = 1,
    tags: list[str] | None = None,
    style: Literal["plain", "loud"] = "plain",
) -> CallToolResult:
    """Say it again."""
    current_call().note(rows=times)
    shown = text.upper() if style == "loud" else text
    return said(" ".join([shown] * times + [f"#{tag}" for tag in tags or []]))


@tool(kind="read", title="Echo in a thread")
def echo_in_thread(text: str) -> CallToolResult:
    """Say it again, from a worker thread."""
    return said(f"{text} for {current_call().target}")


@tool(kind="read", title="Big")
async def big(characters: int) -> CallToolResult:
    """A long answer."""
    return answer(Answer("x" * characters, {}), budget=100_000_000)


@tool(kind="read", title="Fail")
async def fail(how: str) -> CallToolResult:
    """Fail in one of several ways."""
    if how == "not_found":
        raise NotFound("there is no item called 'aple'", hint="Did you mean apple?", near=["apple"])
    if how == "refused":
        raise Refused("rule 7 says no", rule="TOY-7", code="toy_refused", hint="Ask for something else.")
    if how == "leaky":
        raise LimitExceeded(f"the upstream said {SECRET} and {TOKEN}", hint=f"password={SECRET}", said=[SECRET, TOKEN])
    if how == "long":
        raise LimitExceeded("y" * 100_000, hint="z" * 100_000)
    if how == "mcp":
        raise KeyError(TOKEN)
    raise RuntimeError(f"crashed at /srv/private/{SECRET} with {TOKEN}")


@tool(kind="read", title="Wait")
async def wait(ctx: Context[Any, Any]) -> CallToolResult:
    """Wait until told to go on."""
    app = app_of(ctx)
    app.reached.set()
    await app.go_on.wait()
    return said("done")


@tool(kind="read", title="Stray output")
async def stray_output() -> CallToolResult:
    """Print where the protocol is."""
    print("stray text on stdout")
    sys.stdout.write("no newline and no flush")
    logging.getLogger("toy").warning("a warning with %s", SECRET)
    return said("printed")


@tool(kind="write", title="Put", idempotent=True)
async def put(name: str, ctx: Context[Any, Any]) -> CallToolResult:
    """Store an item."""
    app_of(ctx).effects.append(f"put {name}")
    if name == "crash":
        raise RuntimeError("crashed after the effect")
    return said(f"stored {name}")


@tool(kind="write", title="Erase", destructive=True)
async def erase(
    name: str, ctx: Context[Any, Any], confirm_id: str | None = None
) -> CallToolResult | InputRequiredResult:
    """Erase an item, once that is confirmed."""
    app, call = app_of(ctx), current_call()
    preview = Answer(f"erases {name} ({app.items.get(name, 0)})", {"would_erase": name, "applied": "not yet"})
    binding = Binding(call.principal.name, "erase", {"name": name}, preview.text)
    reply = await app.asking.confirmed(ctx, preview, binding, confirm_id)
    if not isinstance(reply, Confirmed):
        return reply
    app.effects.append(f"erase {name}")
    return said(f"erased {name}")


TOOLS = (echo, echo_in_thread, big, fail, wait, stray_output, put, erase)


def register(server: Server) -> None:
    """Add resources, prompts and completion."""

    async def plain() -> str:
        """A text."""
        return "plain text"

    async def item(name: str) -> str:
        """One item."""
        if name == "crash":
            raise RuntimeError(f"crashed with {SECRET}")
        raise NotFound(f"there is no item called '{name}'", hint="Did you mean apple?")

    async def greet(name: str, style: Literal["plain", "loud"] = "plain") -> str:
        """Greet somebody."""
        if name == "crash":
            raise RuntimeError(f"crashed with {SECRET}")
        return f"Greet {name} in a {style} way."

    async def complete(ref: Any, argument: Any, context: Any) -> Completion | None:
        if argument.value == "crash":
            raise RuntimeError(f"crashed with {SECRET}")
        return Completion(values=["apple"])

    server.resource("toy://plain")(carried(plain))
    server.resource("toy://items/{name}")(carried(item))
    server.prompt()(carried(greet))
    server.completion()(complete)


def build(settings: ToySettings, *, app: ToyApp | None = None, store: RateStore | None = None) -> Server:
    """The toy server."""

    @asynccontextmanager
    async def lifespan(server: Server) -> AsyncGenerator[ToyApp]:
        _mark(settings, "opened")
        atexit.register(_mark, settings, "left")
        try:
            yield app or ToyApp(settings)
        finally:
            # An end that takes a few turns of the loop: a cancelled scope would cut it short.
            for _ in range(5):
                await anyio.sleep(0.01)
            _mark(settings, "closed")

    blueprint = Blueprint(
        name="toy",
        title="Toy",
        instructions="Nothing here is real.",
        tools=TOOLS,
        aliases={"repeat": "echo"},
        lifespan=lifespan,
        register=register,
        secrets=[SECRET],
    )
    return build_server(blueprint, settings, store=store)


def check(settings: ToySettings) -> Sequence[Finding]:
    """What would be served."""
    found = [Finding("one drawer of items")]
    return [Finding("the drawer is broken", ok=False), *found] if settings.broken else found


def _mark(settings: ToySettings, text: str) -> None:
    if settings.marker:
        with settings.marker.open("a") as file:
            file.write(f"{text}\n")


if __name__ == "__main__":
    serve(ToySettings, build, check)
