"""The way down without openat2: one component at a time, each opened by directory descriptor with O_NOFOLLOW.

Links are read and followed by hand, so that nothing the kernel resolves on its own can lead out. A link swapped in
after a component was opened changes nothing: the descriptor is already held.
"""

import errno
import os
import stat
from typing import NamedTuple

from mcp_servers_shared.guard._kinds import on_kernel_filesystem
from mcp_servers_shared.guard._lexical import Parts, beneath, components

MAX_LINKS = 40
_MAX_STEPS = 20_000
_PATH_ONLY = getattr(os, "O_PATH", 0)
DIRECTORY_FLAGS = _PATH_ONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
# What opening a link with O_NOFOLLOW says on Linux and macOS, with O_DIRECTORY, and on FreeBSD.
_PERHAPS_LINK = (errno.ELOOP, errno.ENOTDIR, errno.EMLINK)


class Base(NamedTuple):
    """A pinned directory: its descriptor and the two spellings of its absolute path."""

    descriptor: int
    real: Parts
    given: Parts


class Leaves(Exception):
    """A link leads out of the base. `target` is the absolute path it leads to; it must not reach the caller."""

    def __init__(self, target: Parts) -> None:
        super().__init__("a link leaves the base")
        self.target = target


class Descent:
    """One way down from a base. Holds at most one descriptor of its own."""

    def __init__(self, base: Base, parts: Parts, *, follow_links: bool = True) -> None:
        self._base = base
        self._pending = list(reversed(parts))
        self._names: list[bytes] = []
        self._own: int | None = None
        self._links_left = MAX_LINKS if follow_links else 0
        self._steps = 0

    def __enter__(self) -> "Descent":
        return self

    def __exit__(self, *_: object) -> None:
        self._restart()

    @property
    def here(self) -> int:
        """The descriptor of the directory reached so far."""
        return self._base.descriptor if self._own is None else self._own

    def parent(self) -> bytes:
        """Goes down until one component is left, and says it; `.` where nothing is left."""
        while len(self._pending) > 1 or self._pending == [b".."]:
            self._step(self._pending.pop())
        return self._pending.pop() if self._pending else b"."

    def follow(self, name: bytes) -> bool:
        """If `name` is a link here, queues what it points to. False where it is none. Raises OSError, Leaves."""
        try:
            target = os.readlink(name, dir_fd=self.here)
        except OSError:
            return False
        if not self._links_left or on_kernel_filesystem(self.here):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        self._links_left -= 1
        parts = components(target)
        if target.startswith(b"/"):
            parts = self._rerooted(parts)
            self._restart()
        self._pending.extend(reversed(parts))
        return True

    def _rerooted(self, absolute: Parts) -> Parts:
        for spelling in (self._base.real, self._base.given):
            rest = beneath(absolute, spelling)
            if rest is not None:
                return rest
        raise Leaves(absolute + tuple(reversed(self._pending)))

    def _step(self, name: bytes) -> None:
        self._steps += 1
        if self._steps > _MAX_STEPS:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        if name == b"..":
            return self._up()
        try:
            reached = os.open(name, DIRECTORY_FLAGS | _NO_FOLLOW, dir_fd=self.here)
        except OSError as error:
            if error.errno in _PERHAPS_LINK and self.follow(name):
                return None
            raise
        self._close()
        self._own = reached
        return self._names.append(name)

    def _up(self) -> None:
        # The kernel's own `..` could lead anywhere after a rename, so we come down again from the base instead.
        if not self._names:
            if self._base.real:
                raise Leaves(self._base.real[:-1] + tuple(reversed(self._pending)))
            return
        above = self._names[:-1]
        self._restart()
        self._pending.extend(reversed(above))

    def _restart(self) -> None:
        self._close()
        self._names.clear()

    def _close(self) -> None:
        if self._own is not None:
            os.close(self._own)
            self._own = None


def open_by_walk(base: Base, parts: Parts, flags: int, mode: int, *, follow_links: bool = True) -> int:
    """A descriptor for `parts` beneath `base`. Raises OSError, or Leaves where a link leads out."""
    with Descent(base, parts, follow_links=follow_links) as descent:
        while True:
            name = descent.parent()
            try:
                opened = os.open(name, flags | _NO_FOLLOW, mode, dir_fd=descent.here)
            except OSError as error:
                if error.errno not in _PERHAPS_LINK or flags & _NO_FOLLOW or not descent.follow(name):
                    raise
                continue
            # O_PATH opens the link itself instead of refusing it.
            if flags & _NO_FOLLOW or not flags & _PATH_ONLY or not stat.S_ISLNK(os.fstat(opened).st_mode):
                return opened
            os.close(opened)
            if not descent.follow(name):
                raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))


def parent_by_walk(base: Base, parts: Parts) -> tuple[int, bytes]:
    """The directory that holds what `parts` finally points to, links followed, and its name there.

    The caller closes the descriptor. The thing itself need not exist.
    """
    with Descent(base, parts) as descent:
        name = descent.parent()
        while descent.follow(name):
            name = descent.parent()
        return os.open(b".", DIRECTORY_FLAGS, dir_fd=descent.here), name
