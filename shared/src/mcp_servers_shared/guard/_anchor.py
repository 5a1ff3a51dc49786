"""A pinned directory and what can be done beneath it. Takes components; `path` is only what refusals show."""

import errno
import os
import sys
from collections.abc import Collection
from typing import Literal

from mcp_servers_shared.errors import WritesDisabled
from mcp_servers_shared.guard import _lexical
from mcp_servers_shared.guard._kinds import Kind, on_kernel_filesystem, on_local_filesystem, require_kind
from mcp_servers_shared.guard._lexical import Parts
from mcp_servers_shared.guard._real_path import real_path
from mcp_servers_shared.guard.path_errors import AnyPath, from_oserror, not_regular, quoted, root_itself

if sys.platform == "win32":
    from mcp_servers_shared.guard import _windows as _system
else:
    from mcp_servers_shared.guard import _beneath as _system

Way = Literal["auto", "openat2", "walk"]

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Anchor:
    """Every method raises Leaves where a link leads out of the directory, and ServerErrors otherwise."""

    def __init__(self, name: str, *, writable: bool, way: Way) -> None:
        _lexical.read(name)
        self._writable = writable
        self._closed = False
        try:
            self._base = _system.pin(name)
        except OSError as error:
            raise from_oserror(name, error) from None
        try:
            self._kernel = way != "walk" and _system.kernel_can(self._base)
            if way == "openat2" and not self._kernel:
                raise from_oserror(name, OSError(errno.ENOSYS, os.strerror(errno.ENOSYS)))
            self._at_once = self._kernel and on_local_filesystem(self._base.descriptor)
            if self._base.descriptor >= 0 and on_kernel_filesystem(self._base.descriptor):
                raise not_regular(name, "on a kernel file system (such as /proc or /sys)")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Lets the directory go. A number once closed may be given to another file: it is never used again."""
        if not self._closed:
            self._closed = True
            if self._base.descriptor >= 0:
                os.close(self._base.descriptor)

    def is_at(self, name: str) -> bool:
        """Whether `name` leads to this very directory."""
        if self._closed or self._base.descriptor < 0:
            return not self._closed and os.path.isdir(name)
        try:
            return os.path.samestat(os.stat(name), os.fstat(self._base.descriptor))
        except OSError:
            return False

    @property
    def real_parts(self) -> Parts:
        """The components of its absolute path, links resolved."""
        return self._base.real

    @property
    def descriptor(self) -> int:
        """The pinned directory itself, for comparing. Stays the anchor's."""
        return self._base.descriptor

    @property
    def device(self) -> int:
        """The st_dev of the directory."""
        return os.fstat(self._base.descriptor).st_dev if self._base.descriptor >= 0 else 0

    def real_path_now(self) -> bytes | None:
        """Where the directory is now, whatever it was called when it was pinned; None where the system does not say."""
        return real_path(self._base.descriptor) if self._base.descriptor >= 0 else None

    def match(self, absolute: Parts) -> Parts | None:
        """What is left of an absolute path below this directory, in either of its spellings."""
        for spelling in (self._base.real, self._base.given):
            rest = _lexical.beneath(absolute, spelling)
            if rest is not None:
                return rest
        return None

    def open(self, parts: Parts, flags: int, mode: int, allow: Collection[Kind], path: AnyPath) -> int:
        """A descriptor of an allowed kind. O_TRUNC takes effect only after that is known."""
        self._require_usable(path, writing=bool(flags & _WRITING))
        try:
            descriptor = _system.open_beneath(self._base, parts, flags & ~os.O_TRUNC, mode, kernel=self._kernel)
        except OSError as error:
            raise from_oserror(path, error) from None
        try:
            require_kind(descriptor, allow, path)
            if flags & os.O_TRUNC:
                os.ftruncate(descriptor, 0)
        except OSError as error:
            os.close(descriptor)
            raise from_oserror(path, error) from None
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def open_at_once(self, parts: Parts) -> int | None:
        """A descriptor for reading of whatever stands there, where no link is passed, on the directory's own file
        system, and only where that waits for nothing; else None, which tells nothing about what stands there.
        """
        if self._closed or not self._at_once or sys.platform == "win32":
            return None
        return _system.open_at_once(self._base, parts)

    def open_parent(self, parts: Parts, follow: bool, path: AnyPath) -> tuple[int, str]:
        """The holding directory and the name in it, for a change."""
        self._require_usable(path, writing=True)
        directory, name = self._parent(parts, follow, path)
        if name == b".":
            os.close(directory)
            raise root_itself(path)
        return directory, os.fsdecode(name)

    def lstat(self, parts: Parts, path: AnyPath) -> os.stat_result:
        """What stands there, a final link not followed."""
        self._require_usable(path, writing=False)
        if not parts:
            return os.fstat(self._base.descriptor)
        directory, name = self._parent(parts, False, path)
        try:
            return os.stat(name, dir_fd=directory, follow_symlinks=False)
        except OSError as error:
            raise from_oserror(path, error) from None
        finally:
            os.close(directory)

    def _parent(self, parts: Parts, follow: bool, path: AnyPath) -> tuple[int, bytes]:
        if not parts:
            raise root_itself(path)
        try:
            directory, name = _system.parent_beneath(self._base, parts, kernel=self._kernel, follow=follow)
        except OSError as error:
            raise from_oserror(path, error) from None
        try:
            require_kind(directory, ("directory",), path)
        except BaseException:
            os.close(directory)
            raise
        return directory, name

    def _require_usable(self, path: AnyPath, *, writing: bool) -> None:
        if self._closed:
            raise ValueError("this root is closed")
        if writing and not self._writable:
            raise WritesDisabled(
                f"{quoted(path)} is in a folder that is served read-only", hint="Read it, or write elsewhere."
            )
