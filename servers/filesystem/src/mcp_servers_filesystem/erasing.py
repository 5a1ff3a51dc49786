"""Removing trees for good, however deep they are, by open directories only."""

import errno
import os
import secrets
import shutil
import stat

from mcp_servers_filesystem.opening import DIRECTORY

_TOO_DEEP = (errno.EMFILE, errno.ENFILE, errno.ENAMETOOLONG)


def erase(directory: int, name: bytes) -> None:
    """Remove a file, link or tree. Raises OSError; what is left is still there then."""
    if not stat.S_ISDIR(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode):
        os.unlink(name, dir_fd=directory)
        return
    try:
        shutil.rmtree(os.fsdecode(name), dir_fd=directory)
        return
    except RecursionError:
        pass
    except OSError as error:
        if error.errno not in _TOO_DEEP:
            raise
    _flattened(directory, name)


def _flattened(directory: int, name: bytes) -> None:
    """Directories deeper down come to the top, level by level, so that two descriptors are enough."""
    top = os.open(name, DIRECTORY, dir_fd=directory)
    try:
        while entries := os.listdir(top):
            for entry in entries:
                _emptied(top, entry)
    finally:
        os.close(top)
    os.rmdir(name, dir_fd=directory)


def _emptied(top: int, entry: str) -> None:
    if not _is_directory(top, entry):
        os.unlink(entry, dir_fd=top)
        return
    inner = os.open(entry, DIRECTORY, dir_fd=top)
    try:
        for one in os.listdir(inner):
            if _is_directory(inner, one):
                os.rename(one, secrets.token_hex(12), src_dir_fd=inner, dst_dir_fd=top)
            else:
                os.unlink(one, dir_fd=inner)
    finally:
        os.close(inner)
    os.rmdir(entry, dir_fd=top)


def _is_directory(directory: int, name: str) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode)
