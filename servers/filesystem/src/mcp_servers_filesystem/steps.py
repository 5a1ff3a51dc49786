"""How each step of a change is done, and what takes it back."""

import contextlib
import errno
import os
import secrets
import stat
from dataclasses import dataclass, replace

from mcp_servers_filesystem.appending import add, cut, ends_with
from mcp_servers_filesystem.atomic import (
    explained,
    put_over,
    stale,
    sync_directory,
    temporary_name,
)
from mcp_servers_filesystem.deny import TRASH
from mcp_servers_filesystem.digests import digest_at, digest_of, mark_at
from mcp_servers_filesystem.journal import Book, Change, Step, raw_path, text_path
from mcp_servers_filesystem.names import shown
from mcp_servers_filesystem.snapshots import bring_back, keep
from mcp_servers_filesystem.space import Space, Spot
from mcp_servers_filesystem.trash import place_for
from mcp_servers_shared.errors import NotFound, ServerError
from mcp_servers_shared.guard.renaming import rename_new


@dataclass(frozen=True)
class Doer:
    """Does steps in one space, for one book."""

    space: Space
    book: Book
    durable: bool = False

    def spot(self, path: str) -> Spot:
        """The place of a step, checked as any other; or in the trash, which only steps reach."""
        raw = raw_path(path)
        place = self.space.roots.locate(raw)
        if TRASH in place.parts:
            return self.space.trash(place._replace(path=shown(raw)))
        return self.space.parent(shown(raw))

    def _standing(self, path: str) -> Spot:
        """As `spot`, of something that a change left there."""
        try:
            return self.spot(path)
        except NotFound:
            raise stale(shown(raw_path(path))) from None

    def do(self, step: Step) -> None:
        """Raises what the guard refuses, and InvalidInput (`stale`, `already_exists`)."""
        with self.spot(step.path) as spot, explained(spot.path):
            if step.do == "replace":
                self._replace(step, spot)
            elif step.do == "mkdir":
                os.mkdir(spot.name, dir_fd=spot.fd)
            elif step.do == "rmdir":
                self._rmdir(spot)
            elif step.do == "append":
                self._append(step, spot)
            elif step.do == "cut":
                if not cut(spot.fd, spot.name, step.size, step.length, self.book.images / step.image):
                    raise stale(spot.path)
            else:
                self._rename(step, spot)
            if self.durable:
                sync_directory(spot.fd)

    @staticmethod
    def _rmdir(spot: Spot) -> None:
        try:
            os.rmdir(spot.name, dir_fd=spot.fd)
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT, errno.ENOTDIR):
                raise stale(spot.path) from None
            raise

    def _rename(self, step: Step, spot: Spot) -> None:
        now = spot.lstat()
        if now is None or not self._still(spot, step, now):
            raise stale(spot.path)
        with self.spot(step.other) as target:
            with explained(target.path):
                rename_new(spot.fd, spot.name, target.fd, target.name)
            if self.durable:
                sync_directory(target.fd)

    def _replace(self, step: Step, spot: Spot) -> None:
        """The step's source comes to the path; what was there becomes its image."""
        now = spot.lstat()
        if now is None or not stat.S_ISREG(now.st_mode):
            raise stale(spot.path)
        beside = raw_path(step.temporary)
        source = self.book.images / step.source
        bring_back(source, spot.fd, beside)
        if not put_over(spot.fd, beside, spot.name, now):
            keep(spot.fd, beside, source)
            raise stale(spot.path)
        keep(spot.fd, beside, self.book.images / step.image)

    def _append(self, step: Step, spot: Spot) -> None:
        """What an undo cut off comes back."""
        now = spot.lstat()
        image = self.book.images / step.source
        if now is None or now.st_size != step.size or add(spot.fd, spot.name, image.read_bytes(), now) is None:
            raise stale(spot.path)
        image.unlink()

    def take_back(self, change: Change) -> None:
        """A change that stood alone and is of no use now."""
        with contextlib.suppress(ServerError, OSError):
            for step in [self.inverse(step) for step in reversed(change.steps)]:
                self.do(step)
            self.book.mark(change.id, "failed")

    def inverse(self, step: Step) -> Step:
        """The step that takes `step` back. Raises InvalidInput (`stale`), NotFound (`no_image`)."""
        if step.do == "rmdir":
            return Step("mkdir", step.path)
        with self._standing(step.other or step.path) as spot:
            now = spot.lstat()
            if now is None:
                raise stale(spot.path)
            if step.do == "mkdir":
                return Step("rmdir", step.path)
            if step.do in ("append", "cut"):
                return self._other_end(step, spot)
            if not self._still(spot, step, now):
                raise stale(spot.path)
            if step.do == "rename":
                return replace(step, path=step.other, other=step.path, inode=now.st_ino)
            if step.do == "create":
                target = text_path(place_for(self.space, spot.real))
                return Step("rename", step.path, other=target, inode=now.st_ino, digest=step.digest)
            image = self.book.images / step.image
            if not step.image or not image.exists():
                raise NotFound(
                    f"what {spot.path} held before was not kept",
                    code="no_image",
                    hint="The journal keeps only so much (--journal-mb).",
                )
            with explained(spot.path):
                digest = digest_at(None, image)
            beside = text_path(temporary_name(spot.name))
            back = Step("replace", step.path, temporary=beside, source=step.image, image=secrets.token_hex(8))
            return replace(back, digest=digest, inode=now.st_ino)

    @staticmethod
    def _other_end(step: Step, spot: Spot) -> Step:
        """The inverse of `append` and `cut`."""
        with explained(spot.path):
            length = step.length if step.do == "append" else 0
            digest = step.digest if step.do == "append" else digest_of(b"")
            if not ends_with(spot.fd, spot.name, step.size, length, digest):
                raise stale(spot.path)
        if step.do == "append":
            return replace(step, do="cut", source="", image=secrets.token_hex(8))
        return replace(step, do="append", source=step.image, image="")

    @staticmethod
    def _still(spot: Spot, step: Step, now: os.stat_result) -> bool:
        """Whether it is what the step left: by its content where that was marked, else by being the same thing."""
        if not step.digest:
            return step.do in ("create", "replace") or step.inode in (0, now.st_ino)
        with explained(spot.path):
            return mark_at(spot.fd, spot.name) == step.digest
