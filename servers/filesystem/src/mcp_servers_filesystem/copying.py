"""A copy of a file or a tree, made under a hidden name. Links are copied as links, closed files are left out."""

import contextlib
import errno
import os
import stat

from mcp_servers_filesystem.atomic import keep_metadata
from mcp_servers_filesystem.deadlines import Deadline
from mcp_servers_filesystem.names import shown
from mcp_servers_filesystem.opening import DIRECTORY, NEW, READ
from mcp_servers_filesystem.space import Opened, Space, Spot
from mcp_servers_filesystem.walking import Step, Walk

_CHUNK = 1 << 20
_MOST_DEPTH = 200


def copy_into(
    deadline: Deadline, space: Space, found: Opened, there: Spot, temporary: bytes, *, moved: bool = False
) -> list[str]:
    """`found` under the name `temporary` in the folder of `there`. Says what was left out. Raises OSError.

    Args:
        moved: the original will be gone: owner, times and attributes of its files go along.
    """
    if not found.is_directory:
        copy_file(deadline, found.fd, there.fd, temporary, moved=moved)
        return []
    os.mkdir(temporary, 0o700, dir_fd=there.fd)
    levels = [os.open(temporary, DIRECTORY, dir_fd=there.fd)]
    left_out: list[str] = []
    try:
        walk = Walk(deadline, found.fd, xdev=space.xdev)
        for step in walk:
            parts = os.fsencode(step.path).split(b"/")
            while len(levels) > len(parts):
                os.close(levels.pop())
            if space.deny.writing((*found.real.parts, *parts)) or space.deny.writing((*there.real.parts, *parts)):
                left_out.append(shown(os.fsencode(step.path)))
                walk.skip()
            elif step.is_directory:
                levels.append(_copied_directory(step.directory, parts[-1], levels[-1]))
                if len(levels) > _MOST_DEPTH:
                    raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
            elif not _copied_entry(deadline, space, step, levels[-1], moved=moved):
                left_out.append(shown(os.fsencode(step.path)))
        left_out += walk.unreadable
        os.fchmod(levels[0], stat.S_IMODE(found.stat.st_mode) & 0o777)
        return left_out
    finally:
        for one in levels:
            os.close(one)


def copy_file(deadline: Deadline, source: int, directory: int, name: bytes, *, moved: bool = False) -> None:
    """The content and mode of an open file in a new one, with `moved` all else of it as well. Raises OSError."""
    target = os.open(name, NEW, 0o600, dir_fd=directory)
    try:
        facts = os.fstat(source)
        position = 0
        while part := os.pread(source, _CHUNK, position):
            deadline.check()
            view = memoryview(part)
            while view:
                view = view[os.write(target, view) :]
            position += len(part)
        os.fchmod(target, stat.S_IMODE(facts.st_mode) & 0o777)
        if moved:
            with contextlib.suppress(OSError):
                keep_metadata(source, target)
                os.utime(target, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        os.fsync(target)
    finally:
        os.close(target)


def _copied_directory(source: int, name: bytes, target: int) -> int:
    os.mkdir(name, 0o700, dir_fd=target)
    made = os.open(name, DIRECTORY, dir_fd=target)
    with contextlib.suppress(OSError):
        os.fchmod(made, stat.S_IMODE(os.stat(name, dir_fd=source, follow_symlinks=False).st_mode) & 0o777)
    return made


def _copied_entry(deadline: Deadline, space: Space, step: Step, target: int, *, moved: bool) -> bool:
    """False for what is neither a regular file nor a link, or cannot be read."""
    source, name = step.directory, os.fsencode(step.name)
    if step.kind == "l":
        os.symlink(os.readlink(name, dir_fd=source), name, dir_fd=target)
        return True
    if step.kind != "f":
        return False
    try:
        descriptor = os.open(name, READ, dir_fd=source)
    except OSError:
        return False
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode) or 0 < space.max_nlink < facts.st_nlink:
            return False
        if not space.xdev and facts.st_dev != step.folder.device:
            return False
        copy_file(deadline, descriptor, target, name, moved=moved)
        return True
    finally:
        os.close(descriptor)
