"""Down a tree by open directories only: no link is followed, so nothing outside can be reached or swapped in.

walk = Walk(deadline, opened, gitignore=True)
for step in walk:                  # parents before children, siblings in bytewise order
    if step.is_directory and unwanted: walk.skip()
"""

import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mcp_servers_filesystem.deadlines import Deadline
from mcp_servers_filesystem.deny import TRASH
from mcp_servers_filesystem.ignoring import FILE, Ignore, left_out, read_ignore
from mcp_servers_filesystem.names import shown

_TRASH = TRASH.decode()
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | os.O_NONBLOCK
_MOST_OPEN = 100
_MOST_NAMED = 10
_CHECK_EVERY = 512


class Step(NamedTuple):
    """What the walk came to. Paths and names are in os.fsdecode form."""

    path: str
    """Relative to the base."""
    name: str
    kind: str
    """`d`irectory, regular `f`ile, `l`ink or `o`ther."""
    directory: int
    """The open directory that holds it; only until the next step."""

    @property
    def is_directory(self) -> bool:
        """A real directory, not a link to one."""
        return self.kind == "d"


class _Level:
    """One directory on the way down. Its descriptor may be given back while deeper ones are open."""

    __slots__ = ("entries", "fd", "name", "path", "rules")

    def __init__(self, path: str, name: str, fd: int, entries: Iterator[tuple[str, str]], rules: int) -> None:
        self.path, self.name, self.entries = path, name, entries
        self.fd: int | None = fd
        self.rules = rules


class Walk:
    """One walk.

    Args:
        base: an open directory; stays the caller's.
        gitignore: leave out what .gitignore files say, and .git itself.
        after: go on behind this relative path, where an earlier walk stopped.
    """

    def __init__(self, deadline: Deadline, base: int, *, gitignore: bool = False, after: str = "") -> None:
        self._deadline = deadline
        self._base = base
        self._gitignore = gitignore
        self._after = after.split("/") if after else []
        self._rules: list[Ignore] = []
        self._levels: list[_Level] = []
        self._enter: Step | None = None
        self.unreadable: list[str] = []
        self.unreadable_count = 0

    def ignoring(self, rules: Sequence[Ignore]) -> "Walk":
        """With rules from above the base."""
        self._rules += rules
        return self

    def skip(self) -> None:
        """Do not go into the directory of the last step."""
        self._enter = None

    def __iter__(self) -> Iterator[Step]:
        self._push("", "", os.open(".", _FLAGS, dir_fd=self._base), self._after)
        try:
            yield from self._steps()
        finally:
            while self._levels:
                self._pop()

    def _steps(self) -> Iterator[Step]:
        count = 0
        while self._levels:
            level = self._levels[-1]
            entry = next(level.entries, None)
            if entry is None:
                self._pop()
                continue
            count += 1
            if count % _CHECK_EVERY == 0:
                self._deadline.check()
            name, kind = entry
            path = level.path + name
            if self._gitignore and (name == ".git" or left_out(self._rules, name, path, kind == "d")):
                continue
            resumed = self._resumes(path)
            try:
                step = Step(path, name, kind, self._descriptor(len(self._levels) - 1))
            except OSError:
                # The way back up has gone while we were further down.
                self._note(level.path.removesuffix("/"))
                self._pop()
                continue
            self._enter = step if kind == "d" else None
            if not resumed:
                yield step
            if self._enter is not None:
                self._go_into(step, resumed)

    def _resumes(self, path: str) -> bool:
        """Whether an earlier walk has shown `path` and stopped there or below."""
        depth = path.count("/") + 1
        return bool(self._after) and self._after[:depth] == path.split("/")

    def _go_into(self, step: Step, resumed: bool) -> None:
        try:
            descriptor = os.open(step.name, _FLAGS, dir_fd=self._descriptor(len(self._levels) - 1))
        except OSError:
            self._note(step.path)
            return
        rest = self._after[step.path.count("/") + 1 :] if resumed else []
        self._push(step.path + "/", step.name, descriptor, rest)

    def _push(self, path: str, name: str, descriptor: int, after: Sequence[str]) -> None:
        rules = len(self._rules)
        try:
            with os.scandir(descriptor) as found:
                names = [(one.name, _kind(one)) for one in found]
        except OSError:
            os.close(descriptor)
            self._note(path.removesuffix("/"))
            return
        names.sort()
        if self._gitignore and (FILE, "f") in names and (ignore := read_ignore(descriptor, path)):
            self._rules.append(ignore)
        if after:
            names = [one for one in names if one[0] >= after[0]]
        visible = iter([one for one in names if one[0] != _TRASH])
        self._levels.append(_Level(path, name, descriptor, visible, rules))
        if len(self._levels) > _MOST_OPEN:
            self._release(self._levels[-_MOST_OPEN - 1])

    def _pop(self) -> None:
        level = self._levels.pop()
        self._release(level)
        del self._rules[level.rules :]

    @staticmethod
    def _release(level: _Level) -> None:
        if level.fd is not None:
            os.close(level.fd)
            level.fd = None

    def _descriptor(self, index: int) -> int:
        """The open directory of a level, opened again from the nearest open one above where it was given back."""
        level = self._levels[index]
        if level.fd is None:
            level.fd = self._reopened(index)
        return level.fd

    def _reopened(self, index: int) -> int:
        above = index
        while above >= 0 and self._levels[above].fd is None:
            above -= 1
        start = self._levels[above].fd if above >= 0 else None
        current = os.dup(start) if start is not None else os.open(".", _FLAGS, dir_fd=self._base)
        for level in self._levels[max(above + 1, 1) : index + 1]:
            try:
                following = os.open(level.name, _FLAGS, dir_fd=current)
            finally:
                os.close(current)
            current = following
        return current

    def _note(self, path: str) -> None:
        self.unreadable_count += 1
        if len(self.unreadable) < _MOST_NAMED:
            self.unreadable.append(shown(os.fsencode(path)) or ".")

    def notices(self) -> list[str]:
        """What could not be looked into."""
        if not self.unreadable_count:
            return []
        named = ", ".join(self.unreadable)
        more = (
            f" and {self.unreadable_count - len(self.unreadable):,} more" if self.unreadable_count > _MOST_NAMED else ""
        )
        return [f"Not readable, left out: {named}{more}."]


def _kind(entry: os.DirEntry[str]) -> str:
    if entry.is_symlink():
        return "l"
    if entry.is_dir(follow_symlinks=False):
        return "d"
    return "f" if entry.is_file(follow_symlinks=False) else "o"
