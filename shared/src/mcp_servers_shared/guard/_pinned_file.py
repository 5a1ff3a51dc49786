"""A single file that the operator named, such as a database: its place is settled once, its kind before every use."""

import dataclasses
import os
import stat
import sys

from mcp_servers_shared.errors import NotFound
from mcp_servers_shared.guard import _lexical
from mcp_servers_shared.guard._kinds import require_kind
from mcp_servers_shared.guard._walk import DIRECTORY_FLAGS, Base
from mcp_servers_shared.guard.path_errors import AnyPath, from_oserror, not_regular, unreadable

_PATH_ONLY = getattr(os, "O_PATH", 0)


@dataclasses.dataclass(frozen=True, slots=True)
class PinnedFile:
    """What was found when it was last looked at.

    name: as the operator wrote it · path: absolute, free of links · regular: False where nothing stands there yet
    size: bytes · device, inode: together they name the file itself, 0 where there is none
    """

    name: str
    path: str
    regular: bool
    readable: bool
    writable: bool
    size: int
    device: int
    inode: int

    def reopen_check(self) -> "PinnedFile":
        """Looks again, without following any link. Call it before each use.

        The answer holds today's facts: compare `device` and `inode` where the file must not have been replaced.
        Raises NotFound (not_found), PathRefused (not_regular, link_loop, unreadable).
        """
        return _look(self.name, self.path)


def pin_file(path: AnyPath, *, must_exist: bool = True) -> PinnedFile:
    """Settles which file `path` means: `~` expanded, links resolved, once. Creates nothing and reads nothing.

    On Linux and macOS the file is held without being opened for reading, so that nothing blocks on a FIFO or device,
    and the locks that SQLite holds in this process survive (closing an ordinary descriptor would drop them).

    Raises NotFound (not_found), PathRefused (not_regular, unreadable, invalid_path, link_loop).
    """
    _lexical.read(path)
    name = os.fsdecode(path)
    real = os.path.realpath(_lexical.expand_home(name))
    try:
        return _look(name, real)
    except NotFound:
        if must_exist or not os.path.isdir(os.path.dirname(real)):
            raise
        return PinnedFile(name, real, regular=False, readable=False, writable=False, size=0, device=0, inode=0)


def _look(name: str, real: str) -> PinnedFile:
    try:
        found, readable, writable = _inspect(name, real)
    except OSError as error:
        raise from_oserror(name, error) from None
    if not readable:
        raise unreadable(name)
    return PinnedFile(name, real, True, readable, writable, found.st_size, found.st_dev, found.st_ino)


if sys.platform == "win32":

    def _inspect(name: str, real: str) -> tuple[os.stat_result, bool, bool]:
        # Reduced, not exercised by our tests: by name, and only its last component is seen not to be a link.
        found = os.lstat(real)
        if not stat.S_ISREG(found.st_mode):
            raise not_regular(name, "a link, directory or device")
        return found, os.access(real, os.R_OK), os.access(real, os.W_OK)

else:
    from mcp_servers_shared.guard import _beneath

    def _inspect(name: str, real: str) -> tuple[os.stat_result, bool, bool]:
        parts = _lexical.components(os.fsencode(real))
        if not parts:
            raise not_regular(name, "a directory")
        top = os.open("/", DIRECTORY_FLAGS)
        try:
            base = Base(top, (), ())
            directory = _beneath.open_beneath(
                base, parts[:-1], DIRECTORY_FLAGS, kernel=_beneath.kernel_can(base), follow_links=False
            )
        finally:
            os.close(top)
        try:
            found = _hold(name, parts[-1], directory)
            effective = os.access in os.supports_effective_ids
            readable, writable = (
                os.access(parts[-1], wanted, dir_fd=directory, effective_ids=effective) for wanted in (os.R_OK, os.W_OK)
            )
            return found, readable, writable
        finally:
            os.close(directory)

    def _hold(name: str, last: bytes, directory: int) -> os.stat_result:
        if not _PATH_ONLY:
            found = os.stat(last, dir_fd=directory, follow_symlinks=False)
            if not stat.S_ISREG(found.st_mode):
                raise not_regular(name, "a link, directory, FIFO, socket or device")
            return found
        descriptor = os.open(last, _PATH_ONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
        try:
            return require_kind(descriptor, ("file",), name)
        finally:
            os.close(descriptor)
