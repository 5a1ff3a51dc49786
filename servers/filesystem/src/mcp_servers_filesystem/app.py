"""What lives while the server does, and how its tools work in threads and answer."""

import errno
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import anyio
import anyio.to_thread
from mcp.server.mcpserver import Context
from mcp.types import CallToolResult, TextContent
from pydantic_core import PydanticSerializationError, to_json

from mcp_servers_filesystem.deadlines import Deadline
from mcp_servers_filesystem.journal import Journal
from mcp_servers_filesystem.pages import Page
from mcp_servers_filesystem.settings import FilesystemSettings
from mcp_servers_filesystem.space import Space
from mcp_servers_shared.call import current_call
from mcp_servers_shared.confirming import Asking
from mcp_servers_shared.cursors import Cursors, purpose_of
from mcp_servers_shared.errors import Busy, ServerError, Unavailable
from mcp_servers_shared.results import Answer, answer, require_budget
from mcp_servers_shared.splice import Encoded, is_spliced, place

ResultT = TypeVar("ResultT")

_THREADS = 4
_MOST_WAITING = 64
_ENVELOPE = 700
_WORTH_SPLICING = 4_000


@dataclass
class FilesystemApp:
    """The parts a tool works with."""

    settings: FilesystemSettings
    everything: Space
    cursors: Cursors
    asking: Asking
    journal: Journal
    narrowing: Callable[[], Space | None] = lambda: None
    """The space of the client that calls, where it narrowed the roots."""
    _limiter: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(_THREADS))

    @property
    def space(self) -> Space:
        """What the caller may touch."""
        return self.narrowing() or self.everything

    @property
    def room(self) -> int:
        """Characters text and data together may fill; the rest is for notices and the cursor."""
        return max(1_000, self.settings.max_result_chars - _ENVELOPE)

    @property
    def file_bytes(self) -> int:
        """Largest file that is worked on as a whole."""
        return self.settings.max_file_mb * 1_000_000

    async def run(self, work: Callable[..., ResultT], *args: Any, **kwargs: Any) -> ResultT:
        """`work(deadline, *args, **kwargs)` in a thread. A caller that leaves stops the deadline.

        Raises Busy when too many wait or the process has no descriptor left, Unavailable for what else the system says.
        """
        if self._limiter.statistics().tasks_waiting >= _MOST_WAITING:
            raise Busy("too many calls wait for the disk", hint="Try again in a moment.")
        deadline = Deadline(self.settings.timeout)
        try:
            return await anyio.to_thread.run_sync(
                lambda: work(deadline.begin(), *args, **kwargs), limiter=self._limiter, abandon_on_cancel=True
            )
        except OSError as error:
            # A room that knows the path says it better. This is for the rest, such as no descriptor left for a walk.
            raise _as_told(error) from error
        except anyio.get_cancelled_exc_class():
            deadline.stop()
            raise

    async def run_at_once(
        self, quick: Callable[..., ResultT | None], work: Callable[..., ResultT], *args: Any
    ) -> ResultT:
        """What `quick` finds without waiting for anything, right here, else as `run`: a thread costs more than a read.

        `quick` takes the same arguments as `work`.
        """
        try:
            found = quick(Deadline(self.settings.timeout), *args)
        except OSError as error:
            raise _as_told(error) from error
        return found if found is not None else await self.run(work, *args)

    def cursor(self, payload: dict[str, Any], tool: str, **question: Any) -> str:
        """A cursor that continues this question of this caller."""
        principal = current_call().principal.name
        return self.cursors.seal(payload, principal=principal, purpose=purpose_of(tool, **question))

    def paged(self, page: Page, tool: str, **question: Any) -> CallToolResult:
        """The answer for a page, with the cursor that continues this question of this caller."""
        following = self.cursor(page.following, tool, **question) if page.following else None
        return self.official(page.text, page.fields, page.notices, following)

    def continued(self, cursor: str | None, tool: str, **question: Any) -> dict[str, Any]:
        """What a cursor holds; empty for none. Raises InvalidInput (`bad_cursor`)."""
        if cursor is None:
            return {}
        principal = current_call().principal.name
        return self.cursors.open(cursor, principal=principal, purpose=purpose_of(tool, **question))

    def cost(self, text: str) -> int:
        """Characters that `text` takes in the channels of an answer, as `official` fills them."""
        return self._cost(text, _encoded(text) if self.settings.result != "text" else b"")

    def _cost(self, text: str, encoded: bytes) -> int:
        channels = self.settings.result
        plain = len(text) if channels != "structured" else 0
        return plain + (_chars(text, encoded) if channels != "text" else 0)

    def official(
        self, text: str, data: dict[str, Any] | None = None, notices: Sequence[str] = (), next_cursor: str | None = None
    ) -> CallToolResult:
        """The answer in the form of the official server: the text alone and first, notices after it.

        Raises LimitExceeded when it is over the budget.
        """
        channels = self.settings.result
        notices = [*notices, *([f"More: call again with cursor={next_cursor}"] if next_cursor else [])]
        spliced = is_spliced() and len(text) >= _WORTH_SPLICING
        part = Encoded(_encoded(text), len(text)) if spliced else None
        # Each channel gets a token of its own: one is gone once it is written.
        shown: str = "ok" if channels == "structured" else place(part) if part else text
        blocks = [TextContent(type="text", text=shown)]
        if notices:
            blocks.append(TextContent(type="text", text="\n".join(notices)))
        content: str = place(part) if part and channels != "text" else text
        fields: dict[str, Any] = {"content": content, **(data or {}), "untrusted": "files"}
        if notices:
            fields["notices"] = list(notices)
        if next_cursor:
            fields |= {"truncated": True, "next_cursor": next_cursor}
        result = CallToolResult(content=list(blocks), structured_content=fields if channels != "text" else None)
        require_budget(result, self.settings.max_result_chars, self._cost(text, part.json) if part else 0)
        return result

    def result(self, found: Answer) -> CallToolResult:
        """The answer of a tool that the official server does not have."""
        return answer(found, budget=self.settings.max_result_chars, channels=self.settings.result)


def json_chars(text: str) -> int:
    """Characters of `text` as a JSON string."""
    return _chars(text, _encoded(text))


def _encoded(text: str) -> bytes:
    """`text` as a JSON string in UTF-8, five times as fast as `json` does it."""
    try:
        return to_json(text)
    except PydanticSerializationError:
        # Half a surrogate pair: UTF-8 cannot say it.
        return json.dumps(text, ensure_ascii=False).encode("utf-8", "backslashreplace")


def _chars(text: str, encoded: bytes) -> int:
    return len(encoded) if text.isascii() else len(encoded.decode())


def app_of(ctx: Context[Any, Any]) -> FilesystemApp:
    """The app of the server that answers this call."""
    return cast(FilesystemApp, ctx.request_context.lifespan_context)


def current_app() -> FilesystemApp:
    """The same for resources, which get no context."""
    return cast(FilesystemApp, current_call().lifespan)


def _as_told(error: OSError) -> ServerError:
    """What the system said, without the names in it."""
    if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN):
        return Busy("the server has no room for more open files right now", hint="Try again in a moment.")
    name = errno.errorcode.get(error.errno or 0, "unknown error")
    return Unavailable(f"the system refused this ({name})", code="io_error", hint="See the server's machine.")
