"""Lines that a pattern matches, in many files: opened beneath open directories, searched as bytes."""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from mcp_servers_filesystem.above import rules_above
from mcp_servers_filesystem.closed import Closed
from mcp_servers_filesystem.deadlines import Deadline
from mcp_servers_filesystem.directories import Folder
from mcp_servers_filesystem.globs import glob
from mcp_servers_filesystem.grep_page import GrepPage, Hits, Mode
from mcp_servers_filesystem.kinds import endings_of
from mcp_servers_filesystem.names import shown
from mcp_servers_filesystem.patterns import compiled
from mcp_servers_filesystem.space import Opened, Space
from mcp_servers_filesystem.texts import Window, is_binary, open_text, plain, windows
from mcp_servers_filesystem.walking import Walk
from mcp_servers_shared.errors import LimitExceeded


@dataclass(frozen=True)
class Grep:
    """What is looked for."""

    pattern: str
    path: str
    literal: bool = False
    ignore_case: bool = False
    glob: str | None = None
    type: str | None = None
    context: int = 0
    mode: Mode = "content"
    gitignore: bool = True


class _File(NamedTuple):
    """A file that is open while it is looked at."""

    path: str
    """Relative to where the search began, in os.fsdecode form; empty for that itself."""
    fd: int
    facts: os.stat_result

    @property
    def mark(self) -> str:
        """The same as long as the file is."""
        return f"{self.facts.st_ino}:{self.facts.st_size}:{self.facts.st_mtime_ns}"


def grep(deadline: Deadline, space: Space, wanted: Grep, going_on: dict[str, Any], page: GrepPage) -> Hits:
    """A page of matches.

    `going_on`: {"after": path} or, within a file, {"file": path, "line": number, "offset": bytes, "mark": text}, and in
    both "count", the files that earlier pages are done with, which alone has to do where a path is left out.
    """
    page.searching(compiled(wanted.pattern, literal=wanted.literal, ignore_case=wanted.ignore_case), deadline)
    with space.either(wanted.path) as base:
        search = _Search(deadline, space, wanted, base, going_on)
        page.prefix = shown(base.full).rstrip("/") + "/" * base.is_directory
        try:
            for one in search.files():
                within = "line" in going_on and page.done == 0 and going_on.get("file", one.path) == one.path
                if not _searched(one, page, going_on if within else None):
                    break
        except LimitExceeded as error:
            if error.code != "timeout" or deadline.stopped:
                raise
            page.hits.notices.append(f"Stopped after {deadline.seconds:g} s: there is more to search.")
            if page.progress is None and page.hits.searched == 1:
                search.place = page.give_up()
            page.hits.following = page.progress or ({"after": search.place} if search.place else None)
        page.hits.notices += search.notices()
    if page.hits.following:
        page.hits.following["count"] = going_on.get("count", 0) + page.done
    return page.hits


def _searched(one: _File, page: GrepPage, within: dict[str, Any] | None) -> bool:
    """False where the page is full. `within`: where in the file an earlier page stopped."""
    size = one.facts.st_size
    if within is None and (data := plain(one.fd, size)) is not None:
        span = page.first(data)
        if span is None or is_binary(data):
            page.pass_over(one.path)
            return True
        page.begin(one.path, one.mark)
        return page.take(Window(data, 0, size, True), span) and page.end()
    passed = start = 0
    if within is not None:
        passed = within["line"]
        start = within["offset"] if within["mark"] == one.mark else 0
    page.begin(one.path, one.mark, passed=passed, line=passed if start else 0)
    for window in windows(one.fd, size, start):
        if not page.take(window):
            return False
    return page.end()


class _Search:
    """The files to look at, in the walk's order."""

    def __init__(self, deadline: Deadline, space: Space, wanted: Grep, base: Opened, going_on: dict[str, Any]) -> None:
        self._deadline, self._space, self._wanted, self._base = deadline, space, wanted, base
        self._going_on = going_on
        self._glob = glob(wanted.glob) if wanted.glob else None
        self._endings = endings_of(wanted.type) if wanted.type else ()
        self._closed = Closed(space.deny, base.real.parts)
        self._closed_files = 0
        self._walk: Walk | None = None
        self.place = ""

    def files(self) -> Iterator[_File]:
        """Each open only until the next. Raises LimitExceeded."""
        base, check = self._base, self._deadline.check
        if not stat.S_ISDIR(base.stat.st_mode):
            yield _File("", base.fd, base.stat)
            return
        space, gitignore = self._space, self._wanted.gitignore
        self._walk = walk = Walk(
            self._deadline,
            base.fd,
            choose=self._choose,
            gitignore=gitignore,
            above=rules_above(space, base) if gitignore else (),
            after=self._going_on.get("file") or self._going_on.get("after", ""),
            again="file" in self._going_on,
            xdev=space.xdev,
        )
        # A place without a path: so many files come before it.
        passed = 0 if "after" in self._going_on or "file" in self._going_on else self._going_on.get("count", 0)
        for step in walk:
            if step.name not in step.folder.files:
                continue
            opened = open_text(step.directory, step.name, step.folder.device, space.max_nlink, xdev=space.xdev)
            if opened is None:
                continue
            if passed:
                passed -= 1
                os.close(opened[0])
                continue
            try:
                yield _File(step.path, *opened)
                self.place = step.path
                check()
            except OSError:
                # Gone bad while it was read: as good as not there.
                continue
            finally:
                os.close(opened[0])

    def notices(self) -> Sequence[str]:
        """What was left out, by whose rule."""
        closed = f"Not searched, closed by a deny pattern: {self._closed_files:,} files." if self._closed_files else ""
        return [*(self._walk.notices() if self._walk else ()), *([closed] if closed else [])]

    def _choose(self, folder: Folder) -> Sequence[str]:
        names = (
            folder.names if len(folder.names) == len(folder.files) else [n for n in folder.names if n in folder.files]
        )
        if self._endings:
            names = [name for name in names if name.endswith(self._endings)]
        if self._glob is not None:
            # A glob without a slash is for names at any depth, as ripgrep has it.
            prefix = folder.path if "/" in (self._wanted.glob or "") else ""
            covered = set(self._glob.among(prefix, names))
            names = [name for name in names if name in covered]
        open_ones = self._closed.open_ones(folder, names)
        self._closed_files += len(names) - len(open_ones)
        return open_ones
