"""Earlier contents: moved into the journal as they are, and moved back."""

import contextlib
import errno
import os
import shutil
from pathlib import Path

from mcp_servers_filesystem.atomic import keep_metadata, removed
from mcp_servers_filesystem.opening import NEW, READ


def keep(directory: int, name: bytes, image: Path) -> None:
    """The file `name` becomes the image: the same inode where the file system allows. Raises OSError."""
    try:
        os.rename(name, image, src_dir_fd=directory)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EACCES):
            raise
        source = os.open(name, READ, dir_fd=directory)
        try:
            # One that a kill cut short; the file is still whole under its name.
            image.unlink(missing_ok=True)
            _copy(source, os.open(image, NEW, 0o600))
        except BaseException:
            image.unlink(missing_ok=True)
            raise
        finally:
            os.close(source)
        removed(directory, name)


def bring_back(image: Path, directory: int, name: bytes) -> None:
    """The image becomes the new file `name`. Raises OSError."""
    try:
        os.rename(image, name, dst_dir_fd=directory)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EACCES):
            raise
        source = os.open(image, READ)
        try:
            _copy(source, os.open(name, NEW, 0o600, dir_fd=directory))
        except BaseException:
            removed(directory, name)
            raise
        finally:
            os.close(source)
        image.unlink(missing_ok=True)


def _copy(source: int, target: int) -> None:
    """Content, metadata and times. Closes the target."""
    with open(source, "rb", closefd=False) as reader, open(target, "wb", closefd=True) as writer:
        shutil.copyfileobj(reader, writer, 1 << 20)
        writer.flush()
        keep_metadata(source, target)
        facts = os.fstat(source)
        with contextlib.suppress(OSError):
            os.utime(target, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        os.fsync(target)
