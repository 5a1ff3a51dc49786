"""Asking the person before damage, in whatever way their client can be asked.

    answer = await asking.confirmed(ctx, preview, binding, confirm_id)
    if not isinstance(answer, Confirmed):
        return answer                      # the question is on its way; the call comes back

Clients of 2026-07-28 get the question as `input_required` and come back with the same call; older ones are asked in
the middle of it; a client that cannot ask gets a `confirm_id` to call again with.
"""

from collections.abc import Mapping
from typing import Any, Literal

from mcp.server.mcpserver import AcceptedElicitation, Context
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    CallToolResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
)
from pydantic import BaseModel, Field

from mcp_servers_shared.call import current_call
from mcp_servers_shared.compat import is_modern
from mcp_servers_shared.errors import NotConfirmed
from mcp_servers_shared.guard.confirm import LIFE_SECONDS, Binding, Confirmations
from mcp_servers_shared.results import Answer, Channels, answer
from mcp_servers_shared.splice import Encoded

_KEY = "confirm"
_MOST_QUESTION_CHARS = 4_000
_CANNOT_ASK = frozenset({METHOD_NOT_FOUND, INVALID_REQUEST})
"""What a client answers that promised elicitation and has none, and the SDK where there is no way back to it."""


class Confirm(BaseModel):
    """The form a person fills in."""

    confirm: bool = Field(description="Yes, do exactly this")


class Confirmed:
    """The person, or a confirm_id they let the model use, agreed to exactly this preview."""


class Asking:
    """How one server asks."""

    def __init__(self, confirmations: Confirmations, *, budget: int, channels: Channels) -> None:
        self._confirmations = confirmations
        self._budget = budget
        self._channels: Channels = channels

    async def confirmed(
        self, ctx: Context[Any, Any], preview: Answer, binding: Binding, confirm_id: str | None
    ) -> Confirmed | CallToolResult | InputRequiredResult:
        """Confirmed, or what to return instead.

        Raises NotConfirmed when the person said no or the confirm_id does not open this preview.
        """
        if confirm_id:
            self._confirmations.redeem(confirm_id, binding)
            return _agreed()
        way = way_to_ask(ctx)
        if way == "rounds":
            return self._by_rounds(ctx, preview, binding)
        if way == "now":
            return await self._now(ctx, preview, binding)
        return self._by_confirm_id(preview, binding)

    def _by_rounds(self, ctx: Context[Any, Any], preview: Answer, binding: Binding) -> Confirmed | InputRequiredResult:
        reply = (ctx.input_responses or {}).get(_KEY)
        if ctx.request_state and isinstance(reply, ElicitResult):
            # Used up by any answer: after a no, the same round cannot be played again with a yes.
            self._confirmations.redeem(ctx.request_state, binding)
            _require_yes(reply.action, reply.content)
            return _agreed()
        current_call().decision = "asked"
        form = ElicitRequestFormParams(
            message=_question(preview), requested_schema=Confirm.model_json_schema(by_alias=True)
        )
        return InputRequiredResult(
            input_requests={_KEY: ElicitRequest(params=form)}, request_state=self._confirmations.issue(binding)
        )

    async def _now(self, ctx: Context[Any, Any], preview: Answer, binding: Binding) -> Confirmed | CallToolResult:
        try:
            reply = await ctx.elicit(_question(preview), Confirm)
        except MCPError as error:
            if error.code in _CANNOT_ASK:
                return self._by_confirm_id(preview, binding)
            raise _no_answer() from error
        except ValueError as error:
            # Accepted without the form's one field.
            raise _no_answer() from error
        content = {"confirm": reply.data.confirm} if isinstance(reply, AcceptedElicitation) else None
        _require_yes(reply.action, content)
        return _agreed()

    def _by_confirm_id(self, preview: Answer, binding: Binding) -> CallToolResult:
        current_call().decision = "asked"
        confirm_id = self._confirmations.issue(binding)
        minutes = round(LIFE_SECONDS / 60)
        notice = (
            "Nothing was changed yet: this is a preview. To do exactly this, show it to the user and, if they agree, "
            f"call again with the same arguments and confirm_id={confirm_id} (works once, for {minutes} minutes)."
        )
        head: dict[str, Any] = {"applied": False, "confirm_id": confirm_id}
        data = {**head, **preview.data, **head}
        shown = Answer(preview.text, data, [notice, *preview.notices], source=preview.source)
        return answer(shown, budget=self._budget, channels=self._channels)


def way_to_ask(ctx: Context[Any, Any]) -> Literal["rounds", "now", "confirm_id"]:
    """How this client can be asked: over several rounds (2026-07-28), in the middle of a call, or not at all."""
    capabilities = ctx.client_capabilities
    elicitation = capabilities.elicitation if capabilities else None
    if elicitation is None or (elicitation.form is None and elicitation.url is not None):
        return "confirm_id"
    if is_modern(ctx.protocol_version or ""):
        return "rounds"
    return "now" if ctx.session.can_send_request else "confirm_id"


def _agreed() -> Confirmed:
    current_call().decision = "confirmed"
    return Confirmed()


def _require_yes(action: str, content: Mapping[str, Any] | None) -> None:
    if action == "accept" and content and content.get("confirm") is True:
        return
    if action == "cancel" or (action == "accept" and not content):
        raise _no_answer()
    raise _not_confirmed("the user said no; nothing was changed")


def _no_answer() -> NotConfirmed:
    return _not_confirmed("the user closed the question without an answer; nothing was changed")


def _not_confirmed(message: str) -> NotConfirmed:
    return NotConfirmed(message, rule="CONF-2", hint="Do not try again unless the user asks for it.")


def _question(preview: Answer) -> str:
    """The preview as a question. A pure function of it, so that every round asks the same."""
    shown = str(preview.text.decoded()) if isinstance(preview.text, Encoded) else preview.text
    text = "\n".join([*preview.notices, shown])
    if len(text) > _MOST_QUESTION_CHARS:
        text = text[:_MOST_QUESTION_CHARS] + f"\n... ({len(text) - _MOST_QUESTION_CHARS:,} more characters)"
    return f"{text}\n\nDo exactly this?"
