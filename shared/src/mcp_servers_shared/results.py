"""One way to answer: text and structured content, each whole, together within the budget.

Some hosts show a model only `structuredContent`, others only text, so the notice that something was cut and the cursor
to go on are in both, and first. The budget covers both channels together, because some hosts show both.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mcp.types import CallToolResult, TextContent

from mcp_servers_shared.errors import LimitExceeded
from mcp_servers_shared.guard.untrusted import fence
from mcp_servers_shared.splice import Encoded, is_spliced, place

Channels = Literal["both", "text", "structured"]


@dataclass
class Answer:
    """What a tool found.

    `text` and `data` say the same thing; parts of them may be `Encoded` already. `notices` are sentences a reader must
    not miss (what was cut, how to go on).
    """

    text: str | Encoded
    data: dict[str, Any]
    notices: list[str] = field(default_factory=list[str])
    next_cursor: str | None = None
    truncated: bool = False
    source: str = ""
    """Where text and data come from, when that is outside: then they are marked as data, not instructions."""


def room_for_data(budget: int, channels: Channels) -> int:
    """Characters a domain function may fill with text and data together, so that envelope and notices still fit."""
    return max(1_000, budget - 1_000)


def answer(found: Answer, *, budget: int, channels: Channels = "both") -> CallToolResult:
    """The result for `found`.

    Raises LimitExceeded when it is over `budget`: a domain function that fills more than it was given is refused, never
    cut where a reader could not see it.
    """
    notices = list(found.notices)
    if found.next_cursor:
        notices.append(f"More rows: call again with cursor={found.next_cursor}")
    shown = found.text if channels != "structured" else ""
    hidden = sum(part.chars for part in (shown, *found.data.values()) if isinstance(part, Encoded) and is_spliced())
    body = str(place(shown)) if isinstance(shown, Encoded) else shown
    body = fence(body, found.source) if found.source and body else body
    text = "\n".join([*notices, "", body] if notices and body else [*notices, body]).strip("\n")
    head: dict[str, Any] = {"untrusted": found.source} if found.source else {}
    if found.notices:
        head["notices"] = list(found.notices)
    if found.truncated:
        head["truncated"] = True
    if found.next_cursor:
        head["next_cursor"] = found.next_cursor
    # First by position, last by value: a column called "notices" must not hide what was cut.
    fields = found.data if channels != "text" else {}
    placed = {name: place(value) if isinstance(value, Encoded) else value for name, value in fields.items()}
    data = {**head, **placed, **head}
    result = CallToolResult(
        content=[TextContent(type="text", text=text if channels != "structured" else "\n".join(notices) or "ok")],
        structured_content=data if channels != "text" else None,
    )
    require_budget(result, budget, hidden)
    return result


def require_budget(result: CallToolResult, budget: int, hidden: int = 0) -> None:
    """Raise LimitExceeded when `result` and the `hidden` characters of its spliced parts are over `budget`."""
    size = result_chars(result) + hidden
    if size > budget:
        raise LimitExceeded(
            f"the answer holds {size:,} characters, more than the {budget:,} a result may",
            code="over_budget",
            hint="Ask for less: a smaller limit, fewer columns, or one thing at a time.",
            characters=size,
            budget=budget,
        )


def result_chars(result: CallToolResult) -> int:
    """Characters in all channels of a result, as a host would show them."""
    size = sum(
        len(block.text if isinstance(block, TextContent) else block.model_dump_json(by_alias=True, exclude_none=True))
        for block in result.content
    )
    if result.structured_content is not None:
        size += len(compact_json(result.structured_content))
    return size


_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def compact_json(value: Mapping[str, Any] | list[Any]) -> str:
    """JSON without padding, text as it is."""
    return _encode(value)
