"""What a path refusal says. Only the path as the caller wrote it appears: no resolved path, no link target."""

import errno
import os

from mcp_servers_shared.errors import Busy, InvalidInput, NotFound, PathRefused, ServerError, Unavailable
from mcp_servers_shared.guard.untrusted import visible

AnyPath = str | bytes | os.PathLike[str]

_MAX_SHOWN = 200


def quoted(path: AnyPath) -> str:
    """The path in quotes, on one line, hidden characters escaped, cut at 200 characters."""
    text = visible(_plain(path), escape_layout=True)
    if len(text) > _MAX_SHOWN:
        text = f"{text[:_MAX_SHOWN]}... ({len(text)} characters)"
    return f"'{text}'"


def _plain(path: AnyPath) -> str:
    raw = os.fspath(path)
    return raw.decode("utf-8", "backslashreplace") if isinstance(raw, bytes) else raw


def outside(path: AnyPath) -> PathRefused:
    """The path leads out of what the server may touch."""
    return PathRefused(
        f"Access denied: {quoted(path)} is outside the allowed folders",
        rule="PATH-1",
        hint="Use a path beneath an allowed folder; links that lead out of it are not followed.",
        path=quoted(path),
    )


def malformed(path: AnyPath, why: str) -> PathRefused:
    """The text cannot be a path here."""
    return PathRefused(
        f"{quoted(path)} is not a usable path: {why}",
        code="invalid_path",
        rule="PATH-1",
        hint="Write an ordinary path beneath an allowed folder.",
        path=quoted(path),
    )


def not_regular(path: AnyPath, what: str) -> PathRefused:
    """`what` stands at the path: a directory, FIFO, socket, device, link or kernel file."""
    return PathRefused(
        f"{quoted(path)} is {what}, not a regular file",
        code="not_regular",
        rule="PATH-2",
        hint="Name a regular file.",
        path=quoted(path),
    )


def not_directory(path: AnyPath) -> PathRefused:
    """A directory was needed and something else stands there."""
    return PathRefused(
        f"{quoted(path)} is not a directory, or passes through something that is not",
        code="not_directory",
        rule="PATH-2",
        hint="Name a directory, or read it as a file.",
        path=quoted(path),
    )


def not_found(path: AnyPath) -> NotFound:
    """Nothing stands at the path."""
    return NotFound(f"{quoted(path)} does not exist", hint="Check the spelling of the path.", path=quoted(path))


def unreadable(path: AnyPath) -> PathRefused:
    """The operating system does not let this user in."""
    return PathRefused(
        f"the operating system denies access to {quoted(path)}",
        code="unreadable",
        rule="permissions",
        hint="Give the user that runs the server access to it, or choose another file.",
        path=quoted(path),
    )


def link_loop(path: AnyPath) -> PathRefused:
    """Links that never end, or links that this guard does not follow."""
    return PathRefused(
        f"{quoted(path)} runs through links that are not followed",
        code="link_loop",
        rule="PATH-1",
        hint="Name the file itself instead of a link to it.",
        path=quoted(path),
    )


def root_itself(path: AnyPath) -> PathRefused:
    """An allowed folder cannot be created, renamed or removed."""
    return PathRefused(
        f"{quoted(path)} is an allowed folder itself and cannot be created, renamed or removed",
        code="root_itself",
        rule="PATH-1",
        hint="Name something inside it.",
        path=quoted(path),
    )


_NOT_REGULAR = {errno.EISDIR: "a directory"} | dict.fromkeys(
    (errno.ENXIO, errno.ENODEV, errno.EOPNOTSUPP), "a FIFO, socket or device"
)
_SIMPLE = {
    errno.ENOENT: not_found,
    errno.ENOTDIR: not_directory,
    errno.EACCES: unreadable,
    errno.EPERM: unreadable,
    errno.ELOOP: link_loop,
    errno.EXDEV: outside,
}


def from_oserror(path: AnyPath, error: OSError) -> ServerError:
    """The taught form of what the operating system said about `path`."""
    number = error.errno or 0
    if number in _SIMPLE:
        return _SIMPLE[number](path)
    if number in _NOT_REGULAR:
        return not_regular(path, _NOT_REGULAR[number])
    shown = quoted(path)
    if number == errno.ENAMETOOLONG:
        return InvalidInput(f"{shown} is too long", code="name_too_long", hint="Use a shorter path.", path=shown)
    if number == errno.EEXIST:
        return InvalidInput(
            f"{shown} exists already", code="already_exists", hint="Choose another name, or overwrite it.", path=shown
        )
    if number in (errno.EAGAIN, errno.EMFILE, errno.ENFILE):
        return Busy(f"{shown} cannot be opened right now", hint="Try again in a moment.", path=shown)
    name = errno.errorcode.get(number, "unknown error")
    return Unavailable(
        f"{shown} cannot be opened ({name})", code="io_error", hint="See the server's machine.", path=shown
    )
