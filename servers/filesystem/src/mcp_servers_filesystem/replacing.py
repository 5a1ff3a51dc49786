"""One or many files get new contents: all of them, or none."""

import os
import secrets
import stat
from collections.abc import Sequence
from dataclasses import dataclass

from mcp_servers_filesystem.atomic import (
    explained,
    put_new,
    put_over,
    removed,
    stale,
    sync_directory,
    temporary_name,
    unwritable,
    write_temporary,
)
from mcp_servers_filesystem.digests import digest_of
from mcp_servers_filesystem.journal import Book, Change, Step, text_path
from mcp_servers_filesystem.opening import READ
from mcp_servers_filesystem.snapshots import bring_back, keep
from mcp_servers_filesystem.space import Spot, full_path
from mcp_servers_shared.errors import ServerError
from mcp_servers_shared.guard.path_errors import not_regular
from mcp_servers_shared.guard.renaming import exchange


@dataclass
class Replacement:
    """New content for one place."""

    spot: Spot
    data: bytes
    before: os.stat_result | None
    """What stood there when the new content was made; None for nothing."""
    keep: bool = True
    """Whether what was there goes into the journal."""

    def __post_init__(self) -> None:
        self.temporary = temporary_name(self.spot.name)
        image = secrets.token_hex(8) if self.before is not None and self.keep else ""
        self.step = Step(
            "create" if self.before is None else "replace",
            text_path(full_path(self.spot.real)),
            temporary=text_path(self.temporary),
            image=image,
            digest=digest_of(self.data),
            inode=0 if self.before is None else self.before.st_ino,
        )

    def write(self) -> None:
        """The new content beside its place."""
        with explained(self.spot.path):
            if self.before is None:
                write_temporary(self.spot.fd, self.temporary, self.data, None)
                return
            like = os.open(self.spot.name, READ, dir_fd=self.spot.fd)
            try:
                write_temporary(self.spot.fd, self.temporary, self.data, like)
            finally:
                os.close(like)

    def put(self) -> None:
        """The new content in its place. Raises InvalidInput: `stale`, `already_exists`."""
        with explained(self.spot.path):
            if self.before is None:
                put_new(self.spot.fd, self.temporary, self.spot.name)
            elif not put_over(self.spot.fd, self.temporary, self.spot.name, self.before):
                raise stale(self.spot.path)

    def keep_old(self, book: Book) -> None:
        """What was there goes into the journal, after `put`."""
        if self.step.image and self.before is not None:
            with explained(self.spot.path):
                keep(self.spot.fd, self.temporary, book.images / self.step.image)

    def take_back(self, book: Book) -> None:
        """As it was, after `put`, and after `keep_old` as well. Raises OSError."""
        if self.before is None:
            removed(self.spot.fd, self.spot.name)
            return
        if self.step.image and (book.images / self.step.image).exists():
            bring_back(book.images / self.step.image, self.spot.fd, self.temporary)
        if not exchange(self.spot.fd, self.temporary, self.spot.fd, self.spot.name):
            os.rename(self.temporary, self.spot.name, src_dir_fd=self.spot.fd, dst_dir_fd=self.spot.fd)

    def finish(self, durable: bool) -> None:
        """Nothing is left beside the file."""
        removed(self.spot.fd, self.temporary)
        if durable:
            sync_directory(self.spot.fd)


def _take_back(book: Book, change: Change, put: Sequence[Replacement], replacements: Sequence[Replacement]) -> None:
    """All as it was; what cannot be is left to the next start, which finds the change unfinished."""
    try:
        for one in reversed(put):
            one.take_back(book)
    except (OSError, ServerError):
        return
    for one in replacements:
        removed(one.spot.fd, one.temporary)
    book.mark(change.id, "failed")


def standing(spot: Spot) -> os.stat_result | None:
    """The regular file at a spot, None for nothing. Raises PathRefused for all else, and for what nobody may write."""
    now = spot.lstat()
    if now is None:
        return None
    if not stat.S_ISREG(now.st_mode):
        raise not_regular(spot.path, "a directory" if stat.S_ISDIR(now.st_mode) else "not a regular file")
    effective = os.access in os.supports_effective_ids
    if not os.access(spot.name, os.W_OK, dir_fd=spot.fd, effective_ids=effective):
        raise unwritable(spot.path)
    return now


def replace_all(
    book: Book, op: str, replacements: Sequence[Replacement], *, durable: bool = False, made: Change | None = None
) -> Change:
    """Writes down what will be done, does it, and keeps what was there. Leaves nothing where it fails.

    Args:
        made: directories that were made for it, and are part of it from now on.
    """
    book.make_room(sum(one.before.st_size for one in replacements if one.before is not None and one.keep))
    change = book.begin(op, [*(made.steps if made else ()), *(one.step for one in replacements)])
    if made:
        book.mark(made.id, "failed")
    put: list[Replacement] = []
    try:
        for one in replacements:
            one.write()
        for one in replacements:
            one.put()
            put.append(one)
        for one in put:
            one.keep_old(book)
    except BaseException:
        _take_back(book, change, put, replacements)
        raise
    for one in replacements:
        one.finish(durable)
    return book.done(change)
