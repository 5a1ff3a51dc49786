"""Where deleted things wait: `.mcp-trash` in their own root, one folder a deletion, emptied after some weeks."""

import contextlib
import os
import shutil
import time

from mcp_servers_filesystem.atomic import explained
from mcp_servers_filesystem.deny import TRASH, Parts
from mcp_servers_filesystem.journal import new_id
from mcp_servers_filesystem.opening import DIRECTORY, NEW
from mcp_servers_filesystem.space import Space, full_path
from mcp_servers_shared.guard.path_errors import not_directory
from mcp_servers_shared.guard.paths import Located

_DAY = 86_400


def place_for(space: Space, real: Located) -> bytes:
    """An absolute path in the trash for `real`, under which it can be put by a rename. Makes the folders."""
    folder = new_id().encode()
    above, top = _top(space, real)
    with explained(os.fsdecode(real.path)):
        try:
            trash = _made(top, TRASH, real)
            try:
                _write_ignore(trash)
                os.close(_made(trash, folder, real))
            finally:
                os.close(trash)
        finally:
            os.close(top)
    return full_path(Located(real.root, (*above, TRASH, folder, real.parts[-1]), real.path))


def _top(space: Space, real: Located) -> tuple[Parts, int]:
    """The highest folder above `real` on the same file system, and it opened: the root, or what is mounted in it."""
    holding = _opened(space, real, len(real.parts) - 1)
    try:
        device = os.fstat(holding).st_dev
    finally:
        os.close(holding)
    for depth in range(len(real.parts)):
        top = _opened(space, real, depth)
        if os.fstat(top).st_dev == device:
            return real.parts[:depth], top
        os.close(top)
    raise not_directory(real.path)


def _opened(space: Space, real: Located, depth: int) -> int:
    place = Located(real.root, real.parts[:depth], real.path)
    return space.roots.open(place, os.O_RDONLY, allow=("directory",))


def empty_old(space: Space, days: int) -> None:
    """Removes what has been in the trash for longer."""
    for root in space.roots:
        if not root.writable:
            continue
        with contextlib.suppress(Exception):
            flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)
            trash = space.roots.open(Located(root, (TRASH,), TRASH), flags, allow=("directory",))
            try:
                _empty(trash, time.time() - days * _DAY)
            finally:
                os.close(trash)


def _empty(trash: int, before: float) -> None:
    with os.scandir(trash) as found:
        names = [one.name for one in found]
    for name in names:
        with contextlib.suppress(ValueError, OSError):
            if len(name) == 15 and int(name[:11], 16) / 1000 < before:
                shutil.rmtree(name, dir_fd=trash)


def _made(directory: int, name: bytes, real: Located) -> int:
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, 0o700, dir_fd=directory)
    try:
        return os.open(name, DIRECTORY, dir_fd=directory)
    except OSError:
        # A link or a file of that name: nothing is moved through it.
        raise not_directory(TRASH) from None


def _write_ignore(trash: int) -> None:
    with contextlib.suppress(FileExistsError):
        descriptor = os.open(b".gitignore", NEW, 0o600, dir_fd=trash)
        try:
            os.write(descriptor, b"*\n")
        finally:
            os.close(descriptor)
