"""Linux and macOS: a pinned directory, and opening beneath it: by the kernel where it can, else by the walk."""

import errno
import os

from mcp_servers_shared.guard import _openat2
from mcp_servers_shared.guard._lexical import Parts, components
from mcp_servers_shared.guard._walk import DIRECTORY_FLAGS, Base, open_by_walk, parent_by_walk

# What the kernel does not decide for us: a link that leads out or is absolute, a busy tree, a path beyond PATH_MAX.
_LEFT_TO_THE_WALK = (errno.EXDEV, errno.EAGAIN, errno.ENAMETOOLONG)
_PATH_ONLY = getattr(os, "O_PATH", 0)
_NO_FOLLOW_ANY = getattr(os, "O_NOFOLLOW_ANY", 0)


def pin(path: str) -> Base:
    """Opens the directory `path`, links followed, and keeps it. Raises OSError."""
    descriptor = os.open(path, DIRECTORY_FLAGS)
    real = components(os.fsencode(os.path.realpath(path)))
    given = components(os.fsencode(os.path.abspath(path)))
    return Base(descriptor, real, given)


def kernel_can(base: Base) -> bool:
    """Whether openat2 works here."""
    return _openat2.available(base.descriptor)


def open_beneath(
    base: Base, parts: Parts, flags: int, mode: int = 0, *, kernel: bool, follow_links: bool = True
) -> int:
    """A close-on-exec descriptor that was opened without blocking. Raises OSError, or Leaves where a link leads out."""
    flags |= os.O_CLOEXEC
    if not flags & _PATH_ONLY:
        flags |= os.O_NONBLOCK | os.O_NOCTTY
    if kernel:
        resolve = _openat2.RESOLVE_BENEATH | _openat2.RESOLVE_NO_MAGICLINKS
        if not follow_links:
            resolve |= _openat2.RESOLVE_NO_SYMLINKS
        try:
            return _openat2.openat2(base.descriptor, b"/".join(parts) or b".", flags, mode, resolve)
        except OSError as error:
            if error.errno not in _LEFT_TO_THE_WALK:
                raise
    if _NO_FOLLOW_ANY and b".." not in parts:
        # macOS 11: one call that passes no link anywhere. Where there is one, the walk decides what it means.
        try:
            # It says all that O_NOFOLLOW says, and does not go with it.
            only = (flags & ~os.O_NOFOLLOW) | _NO_FOLLOW_ANY
            return os.open(b"/".join(parts) or b".", only, mode, dir_fd=base.descriptor)
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.ENAMETOOLONG):
                raise
    if not follow_links:
        flags |= os.O_NOFOLLOW
    return open_by_walk(base, parts, flags, mode, follow_links=follow_links)


def open_at_once(base: Base, parts: Parts) -> int | None:
    """A descriptor for reading, where that needs no waiting and passes no link; else None."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    return _openat2.openat2_cached(base.descriptor, b"/".join(parts) or b".", flags)


def parent_beneath(base: Base, parts: Parts, *, kernel: bool, follow: bool) -> tuple[int, bytes]:
    """The directory that holds `parts` and the name in it; with `follow`, of what a final link points to."""
    if not follow:
        return open_beneath(base, parts[:-1], DIRECTORY_FLAGS, kernel=kernel), parts[-1]
    return parent_by_walk(base, parts)
