"""The names in a directory, a page at a time: sorted while there are few enough, else in the directory's own order."""

import os
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from mcp_servers_filesystem.collation import collated
from mcp_servers_filesystem.deadlines import Deadline
from mcp_servers_filesystem.deny import TRASH
from mcp_servers_filesystem.dirents import Entry, entries, has_positions
from mcp_servers_filesystem.fitting import Cost, fitting_items
from mcp_servers_filesystem.names import shown
from mcp_servers_filesystem.pages import Page
from mcp_servers_filesystem.sizes import padded, size_text
from mcp_servers_filesystem.space import Opened, Space
from mcp_servers_shared.errors import ServerError
from mcp_servers_shared.guard.path_errors import from_oserror

MOST_SORTED = 10_000
_UNSORTED = "More than 10,000 entries: shown in the directory's own order, not sorted."


def list_names(
    deadline: Deadline, space: Space, path: str, limit: int, going_on: dict[str, Any], cost: Cost, room: int
) -> Page:
    """A page of `[DIR] name` and `[FILE] name` lines."""
    with space.directory(path) as found:
        names = _read(found, deadline, going_on)
        if names is None:
            return _unsorted_page(found, limit, going_on, cost, room)
        names.sort()
        after = _name_in(going_on)
        left = [one for one in names if one.name > after]
        lines = [_line(one) for one in left[:limit]]
        kept = max(min(1, len(lines)), fitting_items(lines, cost, room))
        more = kept < len(left)
        notices = [f"Cut: {kept:,} of {len(names):,} entries are shown."] if more else []
        following = {"after": _said(left[kept - 1].name)} if more else None
        return Page("\n".join(lines[:kept]), {"entries": len(names)}, notices, following)


def list_sizes(
    deadline: Deadline,
    space: Space,
    path: str,
    by_size: bool,
    limit: int,
    going_on: dict[str, Any],
    cost: Cost,
    room: int,
) -> Page:
    """A page of lines with sizes, and the totals of the whole directory at its end."""
    with space.directory(path) as found:
        names = _read(found, deadline, going_on)
        if names is None:
            return _unsorted_sizes(space, found, by_size, limit, going_on, cost, room, deadline)
        rows = _rows(space, found, names, by_size, deadline)
        skip = _shown_before(rows, going_on, by_size)
        summary = _summary(rows)
        lines = [row.line() for row in rows[skip : skip + limit]]
        kept = max(min(1, len(lines)), fitting_items(lines, cost, room - cost("\n".join(summary)) - 2))
        more = skip + kept < len(rows)
        notices = [f"Cut: entries {skip + 1:,}-{skip + kept:,} of {len(rows):,} are shown."] if more else []
        text = "\n".join([*lines[:kept], *summary])
        last = rows[skip + kept - 1] if more else None
        following = {"after": _said(last.entry.name), "size": last.size} if last else None
        return Page(text, {"entries": len(rows)}, notices, following)


def _unsorted_sizes(
    space: Space,
    found: Opened,
    by_size: bool,
    limit: int,
    going_on: dict[str, Any],
    cost: Cost,
    room: int,
    deadline: Deadline,
) -> Page:
    """A page in the directory's own order, sorted within itself only. Its rows are few enough to fit."""
    names = list(islice(entries(found.fd, going_on.get("position", 0)), limit))
    spare = room - cost("\n".join(["", "Total: 10000 files, 10000 directories", "Combined size: 1024.00 KB"]))
    widest = [_Row(one, 0).line() + " " * 12 for one in names]
    kept = names[: max(1, fitting_items(widest, cost, spare))]
    rows = _rows(space, found, _visible(kept), by_size, deadline)
    following = {"position": kept[-1].after} if kept and (len(kept) < len(names) or len(names) == limit) else None
    text = "\n".join([*(row.line() for row in rows), *_summary(rows)])
    return Page(text, {}, [_UNSORTED, "The totals are those of this page."], following)


@dataclass(frozen=True)
class _Row:
    entry: Entry
    size: int

    def line(self) -> str:
        mark = "[DIR]" if self.entry.is_directory else "[FILE]"
        size = "" if self.entry.is_directory else size_text(self.size).rjust(10)
        return f"{mark} {padded(shown(self.entry.name), 30)} {size}"


def _rows(space: Space, found: Opened, names: Sequence[Entry], by_size: bool, deadline: Deadline) -> list[_Row]:
    rows = [_Row(one, _size(space, found, one, deadline)) for one in names]
    return sorted(rows, key=lambda row: _order(row, by_size))


def _order(row: _Row, by_size: bool) -> tuple[Any, bytes]:
    return (-row.size if by_size else collated(shown(row.entry.name))), row.entry.name


def _shown_before(rows: Sequence[_Row], going_on: dict[str, Any], by_size: bool) -> int:
    """How many of `rows` come up to the one that ended the page before, whether or not it is still there."""
    if not going_on:
        return 0
    last = _Row(Entry(_name_in(going_on), 0), going_on["size"])
    return bisect_right(rows, _order(last, by_size), key=lambda row: _order(row, by_size))


def _name_in(going_on: dict[str, Any]) -> bytes:
    return str(going_on.get("after", "")).encode("latin-1")


def _said(name: bytes) -> str:
    """A name in a cursor."""
    return name.decode("latin-1")


def _summary(rows: Sequence[_Row]) -> list[str]:
    folders = sum(row.entry.is_directory for row in rows)
    total = sum(row.size for row in rows if not row.entry.is_directory)
    counts = f"Total: {len(rows) - folders} files, {folders} directories"
    return ["", counts, f"Combined size: {size_text(total)}"]


def _line(entry: Entry) -> str:
    return f"{'[DIR]' if entry.is_directory else '[FILE]'} {shown(entry.name)}"


def _read(found: Opened, deadline: Deadline, going_on: dict[str, Any]) -> list[Entry] | None:
    """All entries; None where there are more than can be sorted. Pages end in the order in which they began."""
    if "position" in going_on:
        return None
    most = MOST_SORTED if has_positions() and "after" not in going_on else None
    names: list[Entry] = []
    try:
        for one in entries(found.fd):
            names.append(one)
            if len(names) % 1_000 == 0:
                deadline.check()
            if most is not None and len(names) > most:
                return None
    except OSError as error:
        raise from_oserror(found.path, error) from None
    return _visible(names)


def _visible(names: Any) -> list[Entry]:
    return [one for one in names if one.name != TRASH]


def _unsorted_page(found: Opened, limit: int, going_on: dict[str, Any], cost: Cost, room: int) -> Page:
    names = list(islice(entries(found.fd, going_on.get("position", 0)), limit + 1))
    kept_names = names[:limit]
    lines = [_line(one) for one in kept_names]
    kept = max(min(1, len(lines)), fitting_items(lines, cost, room))
    more = kept < len(names)
    shown_lines = [line for line, one in zip(lines[:kept], kept_names, strict=False) if one.name != TRASH]
    following = {"position": names[kept - 1].after} if more and kept else None
    return Page("\n".join(shown_lines), {}, [_UNSORTED], following)


def _size(space: Space, found: Opened, entry: Entry, deadline: Deadline) -> int:
    deadline.check()
    try:
        if entry.is_link:
            # The target's size, as far as the target may be seen at all.
            with space.either(f"{shown(found.full)}/{shown(entry.name)}", content=False) as target:
                return target.stat.st_size
        return os.stat(entry.name, dir_fd=found.fd, follow_symlinks=False).st_size
    except (OSError, ServerError):
        return 0
