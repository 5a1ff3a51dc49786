"""Which files a server may touch: those beneath its roots, and single files that the operator named.

    with Roots([Root("/srv/data")]) as roots:
        descriptor = roots.open("/srv/data/a.txt", os.O_RDONLY)      # a regular file beneath the root, or PathRefused
    shop = pin_file("shop.db")                                       # links resolved once, now
    shop.reopen_check()                                              # still a regular file, links not followed

A path is opened first, by a call that cannot leave the root and cannot block, and judged by its descriptor. There is no
check by name before, so nothing can be swapped between check and use.
"""

import contextlib
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import NamedTuple, Self, TypeVar

from mcp_servers_shared.errors import ServerError
from mcp_servers_shared.guard import _lexical
from mcp_servers_shared.guard._anchor import Anchor, Way
from mcp_servers_shared.guard._kinds import Kind
from mcp_servers_shared.guard._lexical import Parts
from mcp_servers_shared.guard._pinned_file import PinnedFile, pin_file
from mcp_servers_shared.guard._real_path import real_path
from mcp_servers_shared.guard._walk import MAX_LINKS, Leaves
from mcp_servers_shared.guard.path_errors import link_loop, outside

__all__ = ["Kind", "Located", "PinnedFile", "Root", "Roots", "pin_file"]

Result = TypeVar("Result")

_FILE_ONLY: Collection[Kind] = frozenset(("file",))


class Root:
    """A directory that stays the same one, whatever happens to its name.

    Several threads may use it at once; close it when no call is running.

    Args:
        path: the directory as the caller gave it, kept as `name`.
        writable: False refuses every opening for writing and every `open_parent`.
        way: `auto` takes openat2 where it works, else the walk; the others are for tests.

    Raises NotFound, PathRefused.
    """

    def __init__(self, path: str | os.PathLike[str], *, writable: bool = True, way: Way = "auto") -> None:
        self.name = os.fspath(path)
        self.writable = writable
        self.anchor = Anchor(self.name, writable=writable, way=way)

    def __repr__(self) -> str:
        return f"Root({self.name!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Lets the directory go. Later calls raise ValueError."""
        self.anchor.close()

    @property
    def real_parts(self) -> Parts:
        """The components of the directory's absolute path, links resolved when it was pinned."""
        return self.anchor.real_parts

    @property
    def device(self) -> int:
        """The file system that the directory is on, as st_dev."""
        return self.anchor.device

    @property
    def moved(self) -> bool:
        """Whether the name no longer leads to the pinned directory."""
        return not self.anchor.is_at(self.name)

    def open(
        self, relative: str | bytes, flags: int, mode: int = 0o600, *, allow: Collection[Kind] = _FILE_ONLY
    ) -> int:
        """A descriptor for `relative` beneath the root; the caller closes it.

        Args:
            relative: a path below the root; bytes for names that are not UTF-8.
            flags: those of os.open. O_TRUNC takes effect only after the file passed the checks.
            mode: permissions of a new file.
            allow: what may stand there: "file", "directory".

        Raises PathRefused (outside_roots, invalid_path, not_regular, not_directory, unreadable, link_loop), NotFound,
        WritesDisabled, InvalidInput, Busy, Unavailable.
        """
        return self._within(relative, lambda parts: self.anchor.open(parts, flags, mode, allow, relative))

    def open_parent(self, relative: str | bytes, *, follow: bool = False) -> tuple[int, str]:
        """The directory that holds `relative` and its name there, for create, rename and unlink by `dir_fd`.

        The last name may be a link or missing; with `follow` a final link is followed to the place it points to.
        The caller closes the descriptor. The name is one component in os.fsdecode form.
        """
        return self._within(relative, lambda parts: self.anchor.open_parent(parts, follow, relative))

    def lstat(self, relative: str | bytes) -> os.stat_result:
        """What stands at `relative`, a final link not followed."""
        return self._within(relative, lambda parts: self.anchor.lstat(parts, relative))

    def _within(self, relative: str | bytes, action: Callable[[Parts], Result]) -> Result:
        written = _lexical.read(relative)
        parts = None if written.absolute else _lexical.collapse(written)
        if parts is None:
            raise outside(relative)
        try:
            return action(parts)
        except Leaves:
            raise outside(relative) from None


class Located(NamedTuple):
    """A path as written, found under a root. Nothing was opened: links in it may still lead elsewhere."""

    root: Root
    parts: Parts
    """Components below the root."""
    path: str | bytes
    """As the caller wrote it, for refusals."""


class Roots:
    """Several roots, closed together. Absolute paths find the longest root that holds them; relative ones the first
    in which they exist, else the first.

    `~` and `~/x` mean the home directory; every other path is taken literally.
    """

    def __init__(self, roots: Iterable[Root]) -> None:
        self._roots = tuple(roots)

    def __iter__(self) -> Iterator[Root]:
        return iter(self._roots)

    def __len__(self) -> int:
        return len(self._roots)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes every root."""
        with contextlib.ExitStack() as stack:
            for root in self._roots:
                stack.callback(root.close)

    def locate(self, path: str | bytes) -> Located:
        """The root that `path` is written under, and what is left of it. Raises PathRefused."""
        written = _lexical.read(path)
        if isinstance(path, str) and (expanded := _lexical.expand_home(path)) != path:
            written = _lexical.read(expanded)
        if written.absolute:
            return Located(*self._holding(written.parts, path), path)
        parts = _lexical.collapse(written)
        if parts is None or not self._roots:
            raise outside(path)
        return Located(self._first_with(parts, path), parts, path)

    def where(self, descriptor: int) -> Located | None:
        """Where under a root something open really is, also after the root was renamed; None where that is unknown."""
        real = real_path(descriptor)
        if real is None:
            return None
        parts = _lexical.components(real)
        for spelling in (_pinned_place, _place_now):
            found = [
                (root, rest) for root in self._roots if (rest := _lexical.beneath(parts, spelling(root))) is not None
            ]
            if found:
                root, rest = min(found, key=lambda pair: len(pair[1]))
                return Located(root, rest, real)
        return None

    def root_for(self, path: str | bytes) -> Root:
        """The root that `path` is written under. Raises PathRefused."""
        return self.locate(path).root

    def open(
        self, path: str | bytes | Located, flags: int, mode: int = 0o600, *, allow: Collection[Kind] = _FILE_ONLY
    ) -> int:
        """As Root.open. A link may lead into another of the roots, under that root's own rules."""
        place = self._located(path)
        return self._through(place, lambda anchor, parts: anchor.open(parts, flags, mode, allow, place.path))

    def open_parent(self, path: str | bytes | Located, *, follow: bool = False) -> tuple[int, str]:
        """As Root.open_parent."""
        place = self._located(path)
        return self._through(place, lambda anchor, parts: anchor.open_parent(parts, follow, place.path))

    def lstat(self, path: str | bytes | Located) -> os.stat_result:
        """As Root.lstat."""
        place = self._located(path)
        return self._through(place, lambda anchor, parts: anchor.lstat(parts, place.path))

    def _located(self, path: str | bytes | Located) -> Located:
        return path if isinstance(path, Located) else self.locate(path)

    def _through(self, place: Located, action: Callable[[Anchor, Parts], Result]) -> Result:
        root, parts = place.root, place.parts
        for _ in range(MAX_LINKS):
            try:
                return action(root.anchor, parts)
            except Leaves as leaves:
                root, parts = self._holding(leaves.target, place.path)
        raise link_loop(place.path)

    def _first_with(self, parts: Parts, path: str | bytes) -> Root:
        if len(self._roots) > 1:
            for root in self._roots:
                with contextlib.suppress(ServerError, Leaves):
                    root.anchor.lstat(parts, path)
                    return root
        return next(iter(self._roots))

    def _holding(self, absolute: Parts, path: str | bytes) -> tuple[Root, Parts]:
        parts = _lexical.collapse(_lexical.Written(True, absolute)) or ()
        found = [(root, rest) for root in self._roots if (rest := root.anchor.match(parts)) is not None]
        if not found:
            raise outside(path)
        return min(found, key=lambda pair: len(pair[1]))


def _pinned_place(root: Root) -> Parts:
    return root.real_parts


def _place_now(root: Root) -> Parts:
    # A NUL is in no path.
    return _lexical.components(root.anchor.real_path_now() or b"\0")
