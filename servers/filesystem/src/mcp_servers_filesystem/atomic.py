"""A file is replaced as a whole or not at all: written beside its place, synced, then put there in one step."""

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Generator
from contextlib import contextmanager

from mcp_servers_filesystem.opening import DIRECTORY, NEW
from mcp_servers_shared.errors import InvalidInput, LimitExceeded, PathRefused, ServerError
from mcp_servers_shared.guard.path_errors import from_oserror, quoted
from mcp_servers_shared.guard.renaming import exchange, rename_new

ENDING = b".mcp-tmp"
ASIDE = b".old"
"""Ends the name that a replaced file has for a moment where two names cannot be swapped."""
_NEW_MODE = 0o666
_ACL = "system.posix_acl_access"
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EACCES)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def temporary_name(name: bytes) -> bytes:
    """A hidden name beside `name` that nothing else has."""
    return b"." + (name[:100] if name.isascii() else b"") + b"." + secrets.token_hex(6).encode() + ENDING


def write_temporary(directory: int, temporary: bytes, data: bytes, like: int | None) -> None:
    """`data` in a new file, synced, with the mode, owner and attributes of the open file `like`.

    Leaves nothing behind where it fails. Raises OSError.
    """
    descriptor = os.open(temporary, NEW, _NEW_MODE if like is None else 0o600, dir_fd=directory)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        if like is not None:
            keep_metadata(like, descriptor)
        os.fsync(descriptor)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=directory)
        raise
    finally:
        os.close(descriptor)


def keep_metadata(source: int, target: int) -> None:
    """Owner, mode without setuid and setgid, extended attributes (ACLs are some), as far as the system lets.

    Raises OSError where the ACL, which decides who may read, cannot be kept.
    """
    facts = os.fstat(source)
    own = os.fstat(target)
    if (facts.st_uid, facts.st_gid) != (own.st_uid, own.st_gid):
        with contextlib.suppress(OSError):
            os.fchown(target, facts.st_uid, facts.st_gid)
    if hasattr(os, "listxattr"):
        _keep_attributes(source, target)
    os.fchmod(target, stat.S_IMODE(facts.st_mode) & 0o777)


def _keep_attributes(source: int, target: int) -> None:
    wanted, inherited = _attributes(source), _attributes(target)
    for name in inherited.keys() - wanted.keys():
        # A folder's default ACL went to the new file: the old one had another, or none.
        if name == _ACL:
            os.removexattr(target, name)
    for name, value in wanted.items():
        if inherited.get(name) != value:
            try:
                os.setxattr(target, name, value)
            except OSError:
                if name == _ACL:
                    raise


def _attributes(descriptor: int) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    with contextlib.suppress(OSError):
        for name in os.listxattr(descriptor):
            # Capabilities go with the old bytes, as setuid does: a changed program must not have its rights.
            if name != "security.capability":
                with contextlib.suppress(OSError):
                    found[name] = os.getxattr(descriptor, name)
    return found


def put_new(directory: int, temporary: bytes, name: bytes) -> None:
    """The temporary file becomes `name`, which must not exist. Raises FileExistsError, OSError."""
    rename_new(directory, temporary, directory, name)


def put_over(directory: int, temporary: bytes, name: bytes, expected: os.stat_result) -> bool:
    """The temporary file becomes `name`; what `name` was is then called `temporary`.

    False, and nothing changed, where `name` is not what was `expected` any more. Raises OSError.
    """
    if not exchange(directory, temporary, directory, name):
        if not same_file(os.stat(name, dir_fd=directory, follow_symlinks=False), expected):
            return False
        aside = temporary + ASIDE
        _set_aside(directory, name, aside)
        try:
            os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
        except OSError:
            removed(directory, aside)
            raise
        os.rename(aside, temporary, src_dir_fd=directory, dst_dir_fd=directory)
        return True
    if same_file(os.stat(temporary, dir_fd=directory, follow_symlinks=False), expected):
        return True
    exchange(directory, temporary, directory, name)
    return False


def _set_aside(directory: int, name: bytes, aside: bytes) -> None:
    """A second name for a file, or where there are no hard links a copy of it."""
    try:
        os.link(name, aside, src_dir_fd=directory, dst_dir_fd=directory, follow_symlinks=False)
        return
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
    old = os.open(name, os.O_RDONLY | NEW & ~(os.O_WRONLY | os.O_CREAT | os.O_EXCL), dir_fd=directory)
    try:
        with open(old, "rb", closefd=False) as file:
            write_temporary(directory, aside, file.read(), old)
    finally:
        os.close(old)


def same_file(now: os.stat_result, then: os.stat_result) -> bool:
    """Whether it is the same file with the same content, by identity, size and time."""
    return (now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns) == (
        then.st_dev,
        then.st_ino,
        then.st_size,
        then.st_mtime_ns,
    )


def removed(directory: int, name: bytes) -> None:
    """Removes a file that may be gone already."""
    with contextlib.suppress(OSError):
        os.unlink(name, dir_fd=directory)


def sync_directory(directory: int) -> None:
    """Makes names last through a power cut."""
    descriptor = os.open(b".", DIRECTORY, dir_fd=directory)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def explained(path: str) -> Generator[None]:
    """What the system says about a write to `path`, in the words of this server."""
    try:
        yield
    except FileExistsError:
        raise already_exists(path) from None
    except OSError as error:
        raise _said(path, error) from None


def already_exists(path: str) -> InvalidInput:
    """Something stands where something new was to come."""
    return InvalidInput(
        f"Destination already exists: {quoted(path)}",
        code="already_exists",
        hint="Choose another name, or say that it may be replaced.",
        path=quoted(path),
    )


def unwritable(path: str) -> PathRefused:
    """The permissions of the file or its folder say no."""
    return PathRefused(
        f"{quoted(path)} may not be written by the user that runs the server",
        code="unwritable",
        rule="permissions",
        hint="Change its permissions, or write elsewhere.",
        path=quoted(path),
    )


def stale(path: str) -> InvalidInput:
    """Somebody else changed the file."""
    return InvalidInput(
        f"{quoted(path)} has changed since it was read; nothing was written",
        code="stale",
        hint="Read it again and repeat the change on what it holds now.",
        path=quoted(path),
    )


def _said(path: str, error: OSError) -> ServerError:
    if error.errno in _FULL:
        return LimitExceeded(
            f"there is no room left to write {quoted(path)}; it is as it was",
            code="no_space",
            hint="Free some space, or write less.",
            path=quoted(path),
        )
    if error.errno == errno.EROFS:
        return InvalidInput(
            f"{quoted(path)} is on a read-only file system",
            code="read_only_filesystem",
            hint="Write elsewhere.",
            path=quoted(path),
        )
    if error.errno == errno.EXDEV:
        return InvalidInput(
            f"{quoted(path)} is on another file system than where it would go",
            code="cross_device",
            hint="Copy it, or delete it with permanent, which asks first.",
            path=quoted(path),
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return unwritable(path)
    if error.errno == errno.ENOTEMPTY:
        return InvalidInput(
            f"{quoted(path)} is not empty", code="not_empty", hint="Set recursive to delete what it holds as well."
        )
    return from_oserror(path, error)
