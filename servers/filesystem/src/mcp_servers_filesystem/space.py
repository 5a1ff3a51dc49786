"""The one door to files: every open goes through the path guard and the deny rules, judged by what was opened.

with space.file("src/a.py") as found: os.read(found.fd, 100)
with space.parent("src/new.py") as spot: os.open(spot.name, ..., dir_fd=spot.fd)
"""

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from mcp_servers_filesystem.deny import Deny, Parts
from mcp_servers_filesystem.equivalents import resolved
from mcp_servers_filesystem.names import parsed
from mcp_servers_shared.errors import PathRefused, WritesDisabled
from mcp_servers_shared.guard.path_errors import from_oserror, outside, quoted
from mcp_servers_shared.guard.paths import Kind, Located, Root, Roots

_FILE: tuple[Kind, ...] = ("file",)
_DIRECTORY: tuple[Kind, ...] = ("directory",)
_O_DIRECTORY = getattr(os, "O_DIRECTORY", 0)
_DELETED = b" (deleted)"
_FACTS = getattr(os, "O_PATH", os.O_RDONLY)


@dataclass(frozen=True)
class Opened:
    """What stands at a path, open. A context manager that closes it."""

    fd: int
    stat: os.stat_result
    path: str
    """As the caller wrote it."""
    real: Located
    """Where it really is, links resolved."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)

    @property
    def is_directory(self) -> bool:
        """Whether it is one; else it is a regular file."""
        return stat.S_ISDIR(self.stat.st_mode)

    @property
    def full(self) -> bytes:
        """The absolute path, links resolved."""
        return full_path(self.real)


@dataclass(frozen=True)
class Spot:
    """A name in an open folder, for creating, replacing, renaming or removing. Closes the folder at its end."""

    fd: int
    name: bytes
    path: str
    real: Located

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)

    def lstat(self) -> os.stat_result | None:
        """What stands there now, a link not followed; None for nothing."""
        try:
            return os.stat(self.name, dir_fd=self.fd, follow_symlinks=False)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise from_oserror(self.path, error) from None


@dataclass(frozen=True)
class Space:
    """What one caller may touch."""

    roots: Roots
    deny: Deny
    max_nlink: int = 0
    xdev: bool = True
    own: tuple[Parts, ...] = ()
    """Absolute places that this server needs for itself."""
    limits: tuple[tuple[Root, Parts], ...] | None = None
    """Places that a client narrowed the roots to; None for all of each root."""

    def narrowed(self, limits: Sequence[tuple[Root, Parts]]) -> "Space":
        """The same, beneath these places only."""
        return replace(self, limits=tuple(limits))

    def locate(self, path: str) -> Located:
        """Where `path` is written to be. Raises PathRefused (`outside_roots`, `invalid_path`)."""
        raw = parsed(path)
        found = self.roots.locate(path if raw == path.encode() else raw)._replace(path=path)
        if not raw.isascii():
            found = resolved(self.roots, found)
        self._within(found, path)
        return found

    def file(self, path: str) -> Opened:
        """A regular file, open for reading."""
        return self._open(path, _FILE, os.O_RDONLY)

    def file_at_once(self, path: str) -> Opened | None:
        """As `file`, where that waits for nothing: neither for a disk nor for another machine. None where it might."""
        if not path.startswith("/") or not path.isascii():
            return None
        place = self.locate(path)
        self.deny.check(place.parts, path)
        descriptor = place.root.anchor.open_at_once(place.parts)
        if descriptor is None:
            return None
        # No link was passed, so it is where it is written to be.
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or 0 < self.max_nlink < found.st_nlink:
            os.close(descriptor)
            return None
        return Opened(descriptor, found, path, place)

    def directory(self, path: str) -> Opened:
        """A directory."""
        return self._open(path, _DIRECTORY, os.O_RDONLY | _O_DIRECTORY, content=False)

    def either(self, path: str, *, content: bool = True) -> Opened:
        """A regular file or a directory. Without `content` only its facts can be had, also of what cannot be read."""
        return self._open(path, (*_FILE, *_DIRECTORY), os.O_RDONLY if content else _FACTS, content=content)

    def parent(self, path: str, *, follow: bool = False) -> Spot:
        """The folder that holds `path`, for a change. `follow`: a link there means its target.

        Raises PathRefused (`read_only_root`, `denied`, `root_itself`, ...).
        """
        place = self.locate(path)
        self.deny.check(place.parts, path, writing=True)
        if not place.root.writable:
            raise _read_only(path)
        try:
            descriptor, name = self.roots.open_parent(place, follow=follow)
        except WritesDisabled:
            raise _read_only(path) from None
        try:
            folder = self._real(descriptor, path)
            real = folder._replace(parts=(*folder.parts, os.fsencode(name)))
            self._within(real, path)
            self.deny.check(real.parts, path, writing=True)
            self._not_above(real, path)
            self._same_device(os.fstat(descriptor), real.root, path)
            if not real.root.writable:
                raise _read_only(path)
        except BaseException:
            os.close(descriptor)
            raise
        return Spot(descriptor, os.fsencode(name), path, real)

    def trash(self, place: Located) -> Spot:
        """As `parent`, for this server's own trash in a root, which nothing else reaches."""
        path = str(place.path)
        descriptor, name = self.roots.open_parent(place)
        try:
            folder = self._real(descriptor, path)
            if not (place.root.writable and folder.root.writable):
                raise _read_only(path)
            if not self.deny.hides(folder.parts):
                # A link has come into its place.
                raise outside(path)
        except BaseException:
            os.close(descriptor)
            raise
        return Spot(descriptor, os.fsencode(name), path, place)

    def lstat(self, path: str) -> os.stat_result:
        """What stands at the path, a final link not followed."""
        place = self.locate(path)
        if self.deny.hides(place.parts):
            self.deny.check(place.parts, path)
        return self.roots.lstat(place)

    def require_own(self, found: os.stat_result, root: Root, path: str) -> None:
        """Raises PathRefused (`too_many_links`, `other_filesystem`) for a file that belongs elsewhere as well."""
        self._same_device(found, root, path)
        if stat.S_ISREG(found.st_mode) and 0 < self.max_nlink < found.st_nlink:
            raise _linked(path, found.st_nlink)

    def holds(self, raw: bytes) -> bool:
        """Whether an absolute path lies in here as it is written. Opens nothing."""
        try:
            self._within(self.roots.locate(raw), "")
        except PathRefused:
            return False
        return True

    def _open(self, path: str, kinds: tuple[Kind, ...], flags: int, *, content: bool = True) -> Opened:
        place = self.locate(path)
        if content or self.deny.hides(place.parts):
            self.deny.check(place.parts, path)
        descriptor = self.roots.open(place, flags, allow=kinds)
        try:
            found = os.fstat(descriptor)
            real = self._real(descriptor, path)
            self._within(real, path)
            self._same_device(found, real.root, path)
            if self.deny.hides(real.parts) or (content and not stat.S_ISDIR(found.st_mode)):
                self.deny.check(real.parts, path)
                self.deny.check(_undeleted(real.parts), path)
            if content:
                self.require_own(found, real.root, path)
        except BaseException:
            os.close(descriptor)
            raise
        return Opened(descriptor, found, path, real)

    def _real(self, descriptor: int, path: str) -> Located:
        real = self.roots.where(descriptor)
        if real is None:
            raise PathRefused(
                f"the system does not tell where {quoted(path)} really is",
                code="unreadable",
                hint="The server needs /proc mounted to judge links.",
            )
        return real._replace(path=path)

    def _not_above(self, place: Located, path: str) -> None:
        """Raises PathRefused where the place of an allowed folder, or of this server's own, would change with it."""
        full = (*place.root.real_parts, *place.parts)
        if any(one[: len(full)] == full for one in (*(root.real_parts for root in self.roots), *self.own)):
            raise PathRefused(
                f"{quoted(path)} holds an allowed folder, or what this server needs for itself",
                code="root_itself",
                rule="PATH-1",
                hint="Name something inside it.",
            )

    def _within(self, place: Located, path: str) -> None:
        if self.limits is None:
            return
        if not any(place.root is root and place.parts[: len(parts)] == parts for root, parts in self.limits):
            raise outside(path)

    def _same_device(self, found: os.stat_result, root: Root, path: str) -> None:
        if not self.xdev and found.st_dev != root.device:
            raise PathRefused(
                f"{quoted(path)} is on another file system than its root",
                code="other_filesystem",
                rule="PATH-1",
                hint="Start the server with --xdev to serve what is mounted inside a root.",
            )


def _undeleted(parts: Parts) -> Parts:
    """Where it was, for what lost its name after it was opened: the system then says ` (deleted)` behind it."""
    return (*parts[:-1], parts[-1].removesuffix(_DELETED)) if parts else parts


def full_path(place: Located) -> bytes:
    """The absolute path of `place` in the root's real spelling."""
    return b"/" + b"/".join((*place.root.real_parts, *place.parts))


def _read_only(path: str) -> PathRefused:
    return PathRefused(
        f"{quoted(path)} is in a folder that is served read-only", code="read_only_root", hint="Write elsewhere."
    )


def _linked(path: str, count: int) -> PathRefused:
    return PathRefused(
        f"{quoted(path)} has {count} names (hard links), more than this server allows",
        code="too_many_links",
        rule="FILE-8",
        hint="Copy the file under a name of its own, or raise --max-nlink.",
    )
