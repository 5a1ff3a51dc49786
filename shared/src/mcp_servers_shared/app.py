"""Builds an `MCPServer` with the pipeline around it. What a server's `build(settings)` calls."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcp.server import CacheHint
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.prompts import Prompt
from mcp.server.subscriptions import InMemorySubscriptionBus, SubscriptionBus
from mcp.types import Completion, InputRequiredResult
from mcp.types import Tool as ListedTool
from pydantic import AnyUrl

from mcp_servers_shared import __version__
from mcp_servers_shared.audit import ArgumentPolicy, AuditLog
from mcp_servers_shared.compat import ServerMiddleware, around_request_state, without_idle_telemetry
from mcp_servers_shared.errors import InvalidInput
from mcp_servers_shared.guard._literal_secrets import LiteralSecrets  # pyright: ignore[reportPrivateUsage]
from mcp_servers_shared.guard.redact import Redactor
from mcp_servers_shared.lifespans import SharedLifespan
from mcp_servers_shared.limits import MemoryRateStore, Rate, RateStore, parse_rates
from mcp_servers_shared.logs import configure_logging
from mcp_servers_shared.pipeline import (
    Answers,
    AuditMiddleware,
    AuditTrail,
    AuthorizeMiddleware,
    Catalogue,
    ErrorsMiddleware,
    IdentifyMiddleware,
    RateLimitMiddleware,
    RecordedMiddleware,
)
from mcp_servers_shared.settings import ServerSettings
from mcp_servers_shared.state import StateFolder
from mcp_servers_shared.tooling import StrictTool, carried

Completer = Callable[..., Awaitable[Completion | None]]
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
    middleware: Sequence[ServerMiddleware[Any]] = ()
    """What stands between the pipeline and the tools."""
    read_uri: Callable[[str], Awaitable[Sequence[ReadResourceContents] | None]] | None = None
    """Reads resources that no fixed kind of content fits; None for a URI that is not its own."""


class Server(MCPServer[Any]):
    """An `MCPServer` that can serve more tool names than it lists."""

    catalogue: Catalogue
    bus: SubscriptionBus
    unlisted: frozenset[str] = frozenset()
    read_uri: Callable[..., Awaitable[Sequence[ReadResourceContents] | None]] | None = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        without_idle_telemetry(self)

    async def list_tools(self) -> list[ListedTool]:
        return [tool for tool in await super().list_tools() if tool.name not in self.unlisted]

    async def read_resource(
        self, uri: AnyUrl | str, context: Context[Any, Any] | None = None
    ) -> Iterable[ReadResourceContents] | InputRequiredResult:
        if self.read_uri is not None and (found := await self.read_uri(str(uri))) is not None:
            return found
        return await super().read_resource(uri, context)

    def completion(self) -> Callable[..., Any]:
        """The SDK's decorator, for functions that may raise what tools may raise."""
        register = super().completion()

        def decorate(func: Completer) -> Completer:
            register(carried(func))
            return func

        return decorate

    def add_prompt(self, prompt: Prompt) -> None:
        super().add_prompt(prompt)
        self.catalogue.prompts[prompt.name] = {one.name: one.required for one in prompt.arguments or []}


def build_server(blueprint: Blueprint, settings: ServerSettings, *, store: RateStore | None = None) -> Server:
    """The server that `blueprint` and `settings` describe. Opens nothing and starts nothing.

    Raises InvalidInput for a rate limit on a tool that there is not.
    """
    redactor = Redactor(secrets=blueprint.secrets)
    configure_logging(settings.log_level, redactor.text)
    tools = _tools(blueprint)
    catalogue = Catalogue({tool.name: tool.kind for tool in tools}, allow_writes=settings.allow_writes)
    answers = Answers(redactor.value)
    trail = AuditTrail(audit_log(blueprint.name, settings), ArgumentPolicy(redact=redactor.value), blueprint.name)
    rates = _rates(settings.rate_limit, catalogue)
    served = [tool for tool in tools if tool.kind == "read" or settings.allow_writes]
    server = Server(
        blueprint.name,
        title=blueprint.title,
        version=__version__,
        instructions=blueprint.instructions,
        tools=list(served),
        lifespan=SharedLifespan(blueprint.lifespan) if blueprint.lifespan else None,  # pyright: ignore[reportArgumentType]
        middleware=[
            AuthorizeMiddleware(catalogue, answers),
            RateLimitMiddleware(rates, store or MemoryRateStore(), answers),
            AuditMiddleware(trail, answers),
            ErrorsMiddleware(answers, LiteralSecrets(blueprint.secrets).redact if blueprint.secrets else None),
            *blueprint.middleware,
        ],
        subscriptions=blueprint.bus,
        cache_hints={method: CacheHint(ttl_ms=3_600_000, scope="private") for method in LISTS},  # pyright: ignore[reportArgumentType]
        log_level=settings.log_level,
    )
    around_request_state(
        server, IdentifyMiddleware(catalogue.kind_of, settings.transport), RecordedMiddleware(trail, answers)
    )
    server.unlisted = frozenset(tool.name for tool in served if not tool.listed)
    server.catalogue = catalogue
    answers.server = server
    return _registered(server, blueprint)


def _registered(server: Server, blueprint: Blueprint) -> Server:
    server.bus = blueprint.bus
    server.read_uri = carried(blueprint.read_uri) if blueprint.read_uri else None
    if blueprint.register:
        blueprint.register(server)
    return server


def _tools(blueprint: Blueprint) -> list[StrictTool]:
    tools: dict[str, StrictTool] = {}
    for tool in map(StrictTool.make, blueprint.tools):
        if tool.name in tools:
            raise ValueError(f"two tools of {blueprint.name} are called {tool.name}")
        tools[tool.name] = tool
    for alias, name in blueprint.aliases.items():
        tools.setdefault(alias, tools[name].alias(alias))
    return list(tools.values())


def _rates(text: str, catalogue: Catalogue) -> dict[str, Rate]:
    rates = parse_rates(text)
    known = {"read", "write", *catalogue.tools}
    for name in rates:
        if name not in known:
            raise InvalidInput(
                f"--rate-limit names {name!r}, which is no tool of this server",
                code="unknown_tool",
                hint=f"Known: {', '.join(sorted(known))}.",
            )
    return rates


def audit_log(name: str, settings: ServerSettings) -> AuditLog | None:
    """The log these settings ask for. Not opened before its first record."""
    if settings.audit_log.lower() == "off":
        return None
    state = StateFolder()
    return AuditLog(audit_path(name, settings, state), server=name, state=state)


def audit_path(name: str, settings: ServerSettings, state: StateFolder) -> Path:
    """Where the audit log of the server `name` is."""
    return Path(settings.audit_log).expanduser() if settings.audit_log else state.path / "audit" / f"{name}.jsonl"
