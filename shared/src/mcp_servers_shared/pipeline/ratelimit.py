"""Third: not too fast. One token a call from the principal's bucket for this tool, or for its kind."""

import math
from collections.abc import Mapping
from typing import Any

from mcp_servers_shared.call import Call, current_call
from mcp_servers_shared.compat import CallNext, HandlerResult, ServerRequestContext
from mcp_servers_shared.errors import RateLimited
from mcp_servers_shared.limits import Rate, RateStore
from mcp_servers_shared.pipeline.audit import AuditTrail
from mcp_servers_shared.pipeline.errors import Answers

_FREE = frozenset({"initialize", "ping", "server/discover"})


class RateLimitMiddleware:
    """Counts requests, not notifications: a cancellation must always get through."""

    def __init__(self, rates: Mapping[str, Rate], store: RateStore, trail: AuditTrail, answers: Answers) -> None:
        self._rates = rates
        self._store = store
        self._trail = trail
        self._answers = answers

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        call = current_call()
        # A sealed requestState proves that this is the next round of a call that was already counted.
        counted = ctx.request_id is not None and not (ctx.params or {}).get("requestState")
        if counted and ctx.method not in _FREE:
            try:
                await self._take(call)
            except RateLimited as refusal:
                try:
                    return self._answers.to(ctx, call, refusal)
                finally:
                    self._trail.refused(call)
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
                retry_after=wait,
                rule="RATE-1",
                hint=f"Try again in {math.ceil(wait * 10) / 10:g} s.",
            )
