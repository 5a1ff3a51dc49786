"""Second: may this principal call this at all? Refuses unknown names and, in read-only mode, everything that writes."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS

from mcp_servers_shared.call import Call, Kind, current_call
from mcp_servers_shared.compat import CallNext, HandlerResult, ServerRequestContext
from mcp_servers_shared.errors import WritesDisabled
from mcp_servers_shared.pipeline.errors import Answers

_MOST_NAME_CHARS = 120


@dataclass
class Catalogue:
    """The names a server knows, also those that this mode does not serve."""

    tools: dict[str, Kind] = field(default_factory=dict[str, Kind])
    prompts: dict[str, Mapping[str, bool]] = field(default_factory=dict[str, Mapping[str, bool]])
    """Argument names by prompt, each with whether it is required."""
    allow_writes: bool = False

    def kind_of(self, tool: str) -> Kind:
        """Unknown names count as reads: they are refused a moment later."""
        return self.tools.get(tool, "read")


class AuthorizeMiddleware:
    """Refuses before anything is spent on the call."""

    def __init__(self, catalogue: Catalogue, answers: Answers) -> None:
        self._catalogue = catalogue
        self._answers = answers

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        call = current_call()
        try:
            self._require_known(call)
            self._require_writes(call)
        except WritesDisabled as refusal:
            return self._answers.to(ctx, call, refusal)
        except MCPError:
            call.decision, call.code, call.rule = "refused", "unknown_name", "AUTH-2"
            raise
        return await call_next(ctx)

    def _require_known(self, call: Call) -> None:
        if call.method == "tools/call" and call.target not in self._catalogue.tools:
            raise _unknown("tool", call.target, self._catalogue.tools)
        if call.method == "prompts/get":
            if call.target not in self._catalogue.prompts:
                raise _unknown("prompt", call.target, self._catalogue.prompts)
            _require_arguments(call, self._catalogue.prompts[call.target])

    def _require_writes(self, call: Call) -> None:
        if call.kind == "write" and not self._catalogue.allow_writes:
            raise WritesDisabled(
                f"{call.target} changes things and this server is read-only",
                rule="SCOPE-1",
                hint="Nothing was done. The person who runs this server can start it with --allow-writes.",
            )


def _require_arguments(call: Call, known: Mapping[str, bool]) -> None:
    for name in call.arguments:
        if name not in known:
            raise _unknown(f"argument of the prompt {call.target}", name, known)
    missing = [name for name, required in known.items() if required and name not in call.arguments]
    if missing:
        raise MCPError(code=INVALID_PARAMS, message=f"Prompt {call.target} needs the argument {', '.join(missing)}")


def _unknown(what: str, name: str, known: Iterable[str]) -> MCPError:
    # Cut before comparing: the comparison costs time in the length of the name.
    name = name[:_MOST_NAME_CHARS]
    near = difflib.get_close_matches(name, list(known), n=3)
    advice = f" Did you mean {', '.join(near)}?" if near else ""
    return MCPError(code=INVALID_PARAMS, message=f"Unknown {what}: {name}.{advice}")
