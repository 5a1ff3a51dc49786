"""Builds an `MCPServer` with the pipeline around it. What a server's `build(settings)` calls."""

import logging
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcp.server import CacheHint
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.prompts import Prompt
from mcp.server.subscriptions import InMemorySubscriptionBus, SubscriptionBus
from mcp.types import Tool as ListedTool

from mcp_servers_shared import __version__
from mcp_servers_shared.audit import ArgumentPolicy, AuditLog
from mcp_servers_shared.compat import ServerMiddleware
from mcp_servers_shared.guard.redact import Redactor
from mcp_servers_shared.limits import MemoryRateStore, RateStore, parse_rates
from mcp_servers_shared.pipeline import (
    Answers,
    AuditMiddleware,
    AuditTrail,
    AuthorizeMiddleware,
    Catalogue,
    ErrorsMiddleware,
    IdentifyMiddleware,
    RateLimitMiddleware,
)
from mcp_servers_shared.settings import ServerSettings
from mcp_servers_shared.state import StateFolder
from mcp_servers_shared.tooling import StrictTool

Lifespan = Callable[["Server"], AbstractAsyncContextManager[Any]]
LISTS = ("tools/list", "prompts/list", "resources/list", "resources/templates/list")


@dataclass
class Blueprint:
    """What a server is made of, before it is built."""

    name: str
    title: str
    instructions: str
    tools: Sequence[Callable[..., Any]]
    """Functions marked with `@tool`. The ones that write are known but not served in read-only mode."""
    aliases: Mapping[str, str] = field(default_factory=dict[str, str])
    """Other names of tools: callable, unlisted."""
    lifespan: Lifespan | None = None
    register: Callable[["Server"], None] | None = None
    """Adds resources, prompts and completion."""
    secrets: Sequence[str] = ()
    """Values that must never appear anywhere."""
    bus: SubscriptionBus = field(default_factory=InMemorySubscriptionBus)


class Server(MCPServer[Any]):
    """An `MCPServer` that can serve more tool names than it lists."""

    catalogue: Catalogue
    bus: SubscriptionBus
    unlisted: frozenset[str] = frozenset()

    async def list_tools(self) -> list[ListedTool]:
        return [tool for tool in await super().list_tools() if tool.name not in self.unlisted]

    def add_prompt(self, prompt: Prompt) -> None:
        super().add_prompt(prompt)
        self.catalogue.prompts[prompt.name] = [one.name for one in prompt.arguments or [] if one.required]


def build_server(blueprint: Blueprint, settings: ServerSettings, *, store: RateStore | None = None) -> Server:
    """The server that `blueprint` and `settings` describe. Opens nothing and starts nothing."""
    configure_logging(settings.log_level)
    tools = _tools(blueprint)
    catalogue = Catalogue({tool.name: tool.kind for tool in tools}, allow_writes=settings.allow_writes)
    answers = Answers()
    served = [tool for tool in tools if tool.kind == "read" or settings.allow_writes]
    server = Server(
        blueprint.name,
        title=blueprint.title,
        version=__version__,
        instructions=blueprint.instructions,
        tools=list(served),
        lifespan=_once(blueprint.lifespan) if blueprint.lifespan else None,  # pyright: ignore[reportArgumentType]
        middleware=_pipeline(blueprint, settings, catalogue, answers, store or MemoryRateStore()),
        subscriptions=blueprint.bus,
        cache_hints={method: CacheHint(ttl_ms=3_600_000, scope="private") for method in LISTS},  # pyright: ignore[reportArgumentType]
        log_level=settings.log_level,
    )
    server.unlisted = frozenset(tool.name for tool in served if not tool.listed)
    server.catalogue = catalogue
    server.bus = blueprint.bus
    answers.server = server
    if blueprint.register:
        blueprint.register(server)
    return server


def _tools(blueprint: Blueprint) -> list[StrictTool]:
    tools = {tool.name: tool for tool in map(StrictTool.make, blueprint.tools)}
    for alias, name in blueprint.aliases.items():
        tools.setdefault(alias, tools[name].alias(alias))
    return list(tools.values())


def _pipeline(
    blueprint: Blueprint, settings: ServerSettings, catalogue: Catalogue, answers: Answers, store: RateStore
) -> list[ServerMiddleware[Any]]:
    redactor = Redactor(secrets=blueprint.secrets)
    trail = AuditTrail(audit_log(blueprint.name, settings), ArgumentPolicy("redacted", redact=redactor), blueprint.name)
    return [
        IdentifyMiddleware(catalogue.kind_of),
        AuthorizeMiddleware(catalogue, trail, answers),
        RateLimitMiddleware(parse_rates(settings.rate_limit), store, trail, answers),
        AuditMiddleware(trail, answers),
        ErrorsMiddleware(answers),
    ]


def audit_log(name: str, settings: ServerSettings) -> AuditLog | None:
    """The log these settings ask for. Not opened before its first record."""
    if settings.audit_log.lower() == "off":
        return None
    state = StateFolder()
    return AuditLog(audit_path(name, settings, state), server=name, state=state)


def audit_path(name: str, settings: ServerSettings, state: StateFolder) -> Path:
    """Where the audit log of the server `name` is."""
    return Path(settings.audit_log).expanduser() if settings.audit_log else state.path / "audit" / f"{name}.jsonl"


def configure_logging(level: str) -> None:
    """Plain lines on stderr. Before the SDK, which would take over the root logger otherwise."""
    if not logging.getLogger().handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(level)


def _once(lifespan: Lifespan) -> Lifespan:
    """Run a lifespan once for all connections that overlap: the SDK enters it anew for every SSE connection."""
    open_stack = AsyncExitStack()
    users: list[object] = []
    state: list[Any] = []

    @asynccontextmanager
    async def shared(server: "Server") -> AsyncIterator[Any]:
        nonlocal open_stack
        user = object()
        if not users:
            open_stack = AsyncExitStack()
            state[:] = [await open_stack.enter_async_context(lifespan(server))]
        users.append(user)
        try:
            yield state[0]
        finally:
            users.remove(user)
            if not users:
                await open_stack.aclose()

    return shared
