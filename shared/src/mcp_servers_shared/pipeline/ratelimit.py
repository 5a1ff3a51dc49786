"""Third: not too fast. One token a call from the principal's bucket for this tool, or for its kind."""

import math
from collections.abc import Mapping
from typing import Any

from mcp_servers_shared.call import Call, current_call
from mcp_servers_shared.compat import CallNext, HandlerResult, ServerRequestContext
from mcp_servers_shared.errors import RateLimited
from mcp_servers_shared.limits import Rate, RateStore
from mcp_servers_shared.pipeline.errors import Answers

_FREE = frozenset({"initialize", "ping", "server/discover"})
_MOST_ROUNDS = 10_000


class RateLimitMiddleware:
    """Counts requests, not notifications: a cancellation must always get through."""

    def __init__(self, rates: Mapping[str, Rate], store: RateStore, answers: Answers) -> None:
        self._rates = rates
        self._store = store
        self._answers = answers
        self._rounds = _Rounds()

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        call = current_call()
        # A requestState was unsealed before this stage, so it proves that the round before was counted, once.
        counted = ctx.request_id is not None and not self._rounds.first((ctx.params or {}).get("requestState"))
        if counted and ctx.method not in _FREE:
            try:
                await self._take(call)
            except RateLimited as refusal:
                return self._answers.to(ctx, call, refusal)
        return await call_next(ctx)

    async def _take(self, call: Call) -> None:
        name = call.target if call.method == "tools/call" and call.target in self._rates else call.kind
        rate = self._rates.get(name)
        if rate is None:
            return
        wait = await self._store.take(f"{call.principal.name}\0{name}", rate)
        if wait > 0:
            raise RateLimited(
                f"too many calls: at most {rate.burst} at once and {rate.per_second * 60:g} a minute for {name}",
                retry_after=math.ceil(wait * 1000) / 1000,
                rule="RATE-1",
                hint=f"Try again in {math.ceil(wait * 10) / 10:g} s.",
            )


class _Rounds:
    """The rounds of calls that were seen, so that a token that is played again counts as a call of its own."""

    def __init__(self) -> None:
        self._seen: dict[str, None] = {}

    def first(self, state: Any) -> bool:
        """Whether `state` is one, and comes for the first time."""
        if not isinstance(state, str) or state in self._seen:
            return False
        if len(self._seen) >= _MOST_ROUNDS:
            del self._seen[next(iter(self._seen))]
        self._seen[state] = None
        return True
