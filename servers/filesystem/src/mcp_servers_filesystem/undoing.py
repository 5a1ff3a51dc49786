"""Taking changes back, and clearing up after a process that was killed in the middle of one."""

import contextlib
import os
import threading

from mcp_servers_filesystem.appending import was_added
from mcp_servers_filesystem.atomic import ASIDE, removed
from mcp_servers_filesystem.deny import TRASH
from mcp_servers_filesystem.digests import digest_at
from mcp_servers_filesystem.journal import PARENTS, Book, Change, Journal, Step, find, raw_path
from mcp_servers_filesystem.moving import remove_tree
from mcp_servers_filesystem.snapshots import keep
from mcp_servers_filesystem.space import Space, Spot
from mcp_servers_filesystem.steps import Doer
from mcp_servers_filesystem.trash import empty_old
from mcp_servers_filesystem.writing import Writer
from mcp_servers_shared.errors import InvalidInput, NotFound, ServerError


def undo(writer: Writer, change_id: str | None) -> tuple[Change, Change]:
    """The change that was taken back, and the change that this is.

    Raises NotFound (`unknown_change`, `nothing_to_undo`, `no_image`), InvalidInput (`stale`, `not_undoable`).
    """
    with writer.journal.changing(writer.deadline) as book:
        change = _chosen(book, writer.space, change_id)
        doer = Doer(writer.space, book, writer.durable)
        steps = [doer.inverse(step) for step in reversed(change.steps)]
        done = book.begin("undo", steps, undid=change.id)
        finished: list[Step] = []
        try:
            for step in steps:
                doer.do(step)
                finished.append(step)
        except BaseException:
            for step in reversed(finished):
                with contextlib.suppress(ServerError, OSError):
                    doer.do(doer.inverse(step))
            book.mark(done.id, "failed")
            raise
        book.mark(change.id, "undone")
        return change, book.done(done)


def _chosen(book: Book, space: Space, change_id: str | None) -> Change:
    changes = book.changes()
    if change_id is None:
        for one in reversed(changes):
            if one.state == "done" and one.steps and not one.undid and visible(space, one):
                return one
        raise NotFound("there is nothing to undo", code="nothing_to_undo", hint="list_changes shows what was done.")
    change = find(changes, change_id)
    if not visible(space, change):
        raise find_nothing(change_id)
    if change.state != "done" or not change.steps:
        what = "was taken back already" if change.state == "undone" else "cannot be taken back"
        raise InvalidInput(f"change {change_id} {what}", code="not_undoable", hint="list_changes shows what can.")
    return change


def find_nothing(change_id: str) -> NotFound:
    """As for a change that does not exist: another folder's changes are nobody's business here."""
    return NotFound(f"there is no change '{change_id[:40]}'", code="unknown_change", hint="list_changes shows them.")


def visible(space: Space, change: Change) -> bool:
    """Whether all of a change lies in the caller's folders."""
    paths = [raw_path(path) for step in change.steps for path in (step.path, step.other) if path]
    return all(space.holds(path) for path in paths if TRASH not in path.split(b"/"))


def recover(space: Space, book: Book, trash_days: int) -> None:
    """Finishes or clears away what a killed process left, empties old trash, and tidies the book."""
    for change in book.changes():
        if change.state == "begun" and visible(space, change):
            with contextlib.suppress(ServerError, OSError):
                _settle(space, book, change)
    # Beside the calls: old trash may hold a million files.
    threading.Thread(target=empty_old, args=(space, trash_days), daemon=True).start()
    book.tidy()


def _settle(space: Space, book: Book, change: Change) -> None:
    doer = Doer(space, book)
    applied: list[Step] = []
    for step in change.steps:
        with contextlib.suppress(ServerError), doer.spot(step.path) as spot:
            if _applied(doer, book, step, spot):
                applied.append(step)
    if len(applied) == len(change.steps) and change.op != PARENTS:
        book.done(change)
        return
    for step in reversed(applied):
        with contextlib.suppress(ServerError, OSError):
            doer.do(doer.inverse(step))
    book.mark(change.id, "failed")


def _applied(doer: Doer, book: Book, step: Step, spot: Spot) -> bool:
    """Whether a step was done before the kill. Clears away what it left beside its place if not."""
    if step.do in ("mkdir", "rmdir"):
        return (spot.lstat() is not None) == (step.do == "mkdir")
    if step.do == "rename":
        with doer.spot(step.other) as target:
            found = target.lstat()
            here = spot.lstat()
            # A later step may have put something else where this one took it away.
            return found is not None and found.st_ino == step.inode and (here is None or here.st_ino != step.inode)
    if step.do == "append":
        return was_added(spot.fd, spot.name, step.size, step.length, step.digest)
    if step.do == "cut":
        now = spot.lstat()
        return now is not None and now.st_size == step.size
    beside = raw_path(step.temporary)
    waiting = bool(beside) and _exists(spot, beside)
    if step.do == "create":
        if waiting:
            remove_tree(spot.fd, beside)
            return False
        return _exists(spot, spot.name) and (not step.digest or digest_at(spot.fd, spot.name) == step.digest)
    return _replaced(book, step, spot, beside, waiting)


def _replaced(book: Book, step: Step, spot: Spot, beside: bytes, waiting: bool) -> bool:
    """As `_applied`, for a replacement whose new or old file may be `waiting` under the name `beside`."""
    now = spot.lstat()
    aside = beside + ASIDE
    if _exists(spot, aside):
        # Killed where two names cannot be swapped: the old file goes where the swap would have put it.
        if waiting or (now is not None and now.st_ino == step.inode):
            removed(spot.fd, aside)
        else:
            os.rename(aside, beside, src_dir_fd=spot.fd, dst_dir_fd=spot.fd)
            waiting = True
    # The inode, not the bytes: new bytes may be the same as the old ones.
    put = now is not None and now.st_ino != step.inode and _digest(spot, spot.name) == step.digest
    if not waiting:
        return put
    image = (step.image if put else step.source) and book.images / (step.image if put else step.source)
    # Where a copy into or out of the journal was cut short, the whole one is what it was copied from.
    if image and (put or not image.exists()):
        keep(spot.fd, beside, image)
    else:
        removed(spot.fd, beside)
    return put


def _exists(spot: Spot, name: bytes) -> bool:
    try:
        os.stat(name, dir_fd=spot.fd, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _digest(spot: Spot, name: bytes) -> str:
    try:
        return digest_at(spot.fd, name)
    except OSError:
        return ""


def recovering(journal: Journal, space: Space, trash_days: int) -> None:
    """Before the first change of this process."""
    journal.recover = lambda book: recover(space, book, trash_days)
