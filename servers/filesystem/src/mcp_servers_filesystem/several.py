"""Several texts in one answer, as many as fit."""

from collections.abc import Callable, Sequence
from typing import Any

from mcp_servers_filesystem.deadlines import Deadline
from mcp_servers_filesystem.fitting import Cost
from mcp_servers_filesystem.pages import Page
from mcp_servers_shared.errors import ServerError

Reader = Callable[[Deadline, str, dict[str, Any], int], Page]
_LEAST_ROOM = 400
_LONG_NAME = 80
_JOINT = "\n---\n"


def read_several(
    deadline: Deadline, paths: Sequence[str], going_on: dict[str, Any], read: Reader, cost: Cost, room: int
) -> tuple[str, list[str], dict[str, Any] | None]:
    """The texts from where `going_on` says, what was cut, and where to go on."""
    first: int = going_on.get("index", 0)
    at: dict[str, Any] = going_on.get("page", {})
    parts: list[str] = []
    spent = 0  # counted part by part: at least what they cost joined
    for index in range(first, len(paths)):
        deadline.check()
        name = _label(paths[index], cost, room)
        left = room - spent - cost(f"{name}:\n\n{_JOINT}")
        if parts and left < _LEAST_ROOM:
            return _cut(parts, paths, {"index": index})
        try:
            page = read(deadline, paths[index], at, max(left, 1))
        except ServerError as error:
            said = f"{name}: Error - {error.for_model()}"
            if parts and spent + cost(said) > room:
                return _cut(parts, paths, {"index": index})
            parts.append(said)
            spent += cost(said + _JOINT)
            at = {}
            continue
        if page.following and parts:
            # A file that does not fit beside the others begins the next page.
            return _cut(parts, paths, {"index": index})
        parts.append(f"{name}:\n{page.text}\n")
        spent += cost(parts[-1] + _JOINT)
        if page.following:
            return _cut(parts, paths, {"index": index, "page": page.following})
        at = {}
    return _JOINT.join(parts), [], None


def _label(path: str, cost: Cost, room: int) -> str:
    """The path as it was asked for, as far as it leaves room for a text."""
    return path if cost(path) <= room // 4 else f"{path[:_LONG_NAME]}..."


def _cut(parts: list[str], paths: Sequence[str], following: dict[str, Any]) -> tuple[str, list[str], dict[str, Any]]:
    inside = " (in the middle of it)" if "page" in following else ""
    notice = f"Cut: the next page begins at file {following['index'] + 1:,} of {len(paths):,}{inside}."
    return _JOINT.join(parts), [notice], following
