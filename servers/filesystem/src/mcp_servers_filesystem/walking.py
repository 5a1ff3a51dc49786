"""Down a tree by open directories only: no link is followed, so nothing outside can be reached or swapped in.

walk = Walk(deadline, opened, gitignore=True)
for step in walk:                  # parents before children, siblings in bytewise order
    if step.is_directory and unwanted: walk.skip()

A caller who wants few of many names says which with `choose`, once a directory: the others cost next to nothing.
"""

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from operator import length_hint
from typing import NamedTuple

from mcp_servers_filesystem.deadlines import Deadline
from mcp_servers_filesystem.directories import Folder
from mcp_servers_filesystem.ignoring import FILE, GIT, Contents, Ignore, left_out, read_exclude, read_ignore
from mcp_servers_filesystem.names import shown
from mcp_servers_filesystem.opening import DIRECTORY
from mcp_servers_shared.guard._kinds import on_kernel_filesystem  # pyright: ignore[reportPrivateUsage]

_MOST_OPEN = 64
_MOST_NAMED = 10
_MOST_PATH = 100
_CHECK_EVERY = 1_000


class Step(NamedTuple):
    """What the walk came to. Paths and names are in os.fsdecode form."""

    folder: Folder
    """What holds it; open until the next step only."""
    name: str

    @property
    def path(self) -> str:
        """Relative to the base."""
        return self.folder.path + self.name

    @property
    def kind(self) -> str:
        """`d`irectory, `l`ink, regular `f`ile or `o`ther."""
        return self.folder.kind(self.name)

    @property
    def is_directory(self) -> bool:
        """A real directory, not a link to one."""
        return self.name in self.folder.folders

    @property
    def directory(self) -> int:
        """The descriptor of what holds it."""
        assert self.folder.fd is not None
        return self.folder.fd


Choose = Callable[[Folder], Collection[str]]


class Walk:
    """One walk.

    Args:
        base: an open directory; stays the caller's.
        choose: which names of a directory become steps, asked once when it is entered; it may also take directories
            out of `folders`. All names when omitted.
        gitignore: leave out what .gitignore files say, and .git itself.
        above: rules of directories above the base, the outermost first.
        after: go on behind this relative path, where an earlier walk stopped.
        again: with `after`, show that path once more.
        xdev: also enter what is mounted below. The kernel's own file systems are never entered.
    """

    def __init__(
        self,
        deadline: Deadline,
        base: int,
        *,
        choose: Choose | None = None,
        gitignore: bool = False,
        above: Sequence[Ignore] = (),
        after: str = "",
        again: bool = False,
        xdev: bool = True,
    ) -> None:
        self._deadline, self._base, self._choose = deadline, base, choose
        self._gitignore, self._xdev = gitignore, xdev
        self._after, self._again = (after.split("/") if after else []), again
        self._rules = list(above)
        self._levels: list[Folder] = []
        self._device = os.fstat(base).st_dev
        self._skipped = False
        self._last: tuple[Folder, str] | None = None
        self.unreadable: list[str] = []
        self.unreadable_count = 0

    @property
    def place(self) -> str:
        """The last name it came to, for a walk that goes on from here; empty before the first."""
        return self._last[0].path + self._last[1] if self._last else ""

    def skip(self) -> None:
        """Do not go into the directory of the last step."""
        self._skipped = True

    def __iter__(self) -> Iterator[Step]:
        self._enter("", "", os.open(".", DIRECTORY, dir_fd=self._base), self._after)
        try:
            yield from self._steps()
        finally:
            while self._levels:
                self._leave()

    def _steps(self) -> Iterator[Step]:
        count = 0
        while self._levels:
            here = self._levels[-1]
            if here.fd is None:
                if not length_hint(here.todo):
                    self._leave()
                    continue
                self._deadline.check()
                if not self._reopen():
                    continue
            for name in here.todo:
                count += 1
                if count % _CHECK_EVERY == 0:
                    self._deadline.check()
                self._last = (here, name)
                # Where an earlier walk stopped, and on the way there.
                rest = self._rest_below(here, name) if self._after else None
                if (here.wanted is None or name in here.wanted) and (rest is None or (rest == [] and self._again)):
                    self._skipped = False
                    yield Step(here, name)
                    if self._skipped:
                        continue
                if name in here.folders and self._go_into(here, name, rest or []):
                    break
            else:
                self._leave()

    def _rest_below(self, here: Folder, name: str) -> list[str] | None:
        """What is left of the way to where an earlier walk stopped, below `name`; None where that way does not lead."""
        depth = here.depth
        if self._after[:depth] != (here.path + name).split("/"):
            return None
        return self._after[depth:]

    def _go_into(self, here: Folder, name: str, rest: Sequence[str]) -> bool:
        assert here.fd is not None
        path = f"{here.path}{name}/"
        try:
            descriptor = os.open(name, DIRECTORY, dir_fd=here.fd)
        except OSError:
            self._note(path)
            return False
        return self._enter(path, name, descriptor, rest)

    def _enter(self, path: str, name: str, descriptor: int, after: Sequence[str]) -> bool:
        """Takes the descriptor over. False where the directory cannot be looked into."""
        folder = Folder(path, name, descriptor, 0)
        try:
            folder.device = os.fstat(descriptor).st_dev
            if folder.device != self._device and (not self._xdev or on_kernel_filesystem(descriptor)):
                raise OSError
            folder.read(self._deadline)
        except OSError:
            os.close(descriptor)
            self._note(path)
            return False
        except BaseException:
            os.close(descriptor)
            raise
        folder.rules = len(self._rules)
        folder.first_rule = self._levels[-1].first_rule if self._levels else 0
        self._levels.append(folder)
        if self._gitignore:
            self._ignore(folder)
        wanted = set(self._choose(folder)) if self._choose else None
        names = folder.names
        if wanted is not None and len(wanted) < len(names):
            folder.wanted = wanted
            chosen = folder.folders | wanted
            names = [one for one in names if one in chosen]
        if after:
            first = os.fsencode(after[0])
            names = [one for one in names if os.fsencode(one) >= first]
        folder.todo = iter(names)
        if len(self._levels) > _MOST_OPEN:
            self._release(self._levels[-_MOST_OPEN - 1])
        return True

    def _ignore(self, folder: Folder) -> None:
        assert folder.fd is not None
        if GIT in folder.folders or GIT in folder.files:
            # A repository of its own: the rules of what is around it end here.
            folder.first_rule = folder.rules
            if exclude := read_exclude(folder.fd, folder.path):
                self._rules.append(exclude)
        if FILE in folder.files and (ignore := read_ignore(folder.fd, folder.path)):
            self._rules.append(ignore)
        rules = self._rules[folder.first_rule :]
        unwanted = left_out(rules, Contents(folder.path, folder.others, folder.folders)) if rules else set[str]()
        unwanted.add(GIT)
        folder.leave_out(unwanted)

    def _leave(self) -> None:
        folder = self._levels.pop()
        self._release(folder)
        del self._rules[folder.rules :]

    @staticmethod
    def _release(folder: Folder) -> None:
        if folder.fd is not None:
            os.close(folder.fd)
            folder.fd = None

    def _reopen(self) -> bool:
        """Opens the last level again, on its way down from the nearest open one. False where that way has gone."""
        levels = self._levels
        above = len(levels) - 1
        while above >= 0 and levels[above].fd is None:
            above -= 1
        start = levels[above].fd if above >= 0 else None
        try:
            current = os.dup(start) if start is not None else os.open(".", DIRECTORY, dir_fd=self._base)
            for index, level in enumerate(levels[max(above + 1, 1) :], max(above + 1, 1)):
                try:
                    following = os.open(level.name, DIRECTORY, dir_fd=current)
                finally:
                    os.close(current)
                current = following
                # The next ones up are needed soon: opening each from the top would be quadratic.
                if len(levels) - _MOST_OPEN // 2 <= index < len(levels) - 1:
                    level.fd = os.dup(current)
        except OSError:
            self._note(levels[-1].path)
            self._leave()
            return False
        levels[-1].fd = current
        return True

    def _note(self, path: str) -> None:
        self.unreadable_count += 1
        if len(self.unreadable) < _MOST_NAMED:
            self.unreadable.append(shown(os.fsencode(path.removesuffix("/"))) or ".")

    def notices(self) -> list[str]:
        """What could not be looked into."""
        if not self.unreadable_count:
            return []
        hidden = self.unreadable_count - len(self.unreadable)
        named = ", ".join(one if len(one) <= _MOST_PATH else f"...{one[-_MOST_PATH:]}" for one in self.unreadable)
        return [f"Not readable, left out: {named}" + (f" and {hidden:,} more." if hidden else ".")]
