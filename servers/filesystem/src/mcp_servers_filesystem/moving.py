"""Moves, copies and deletions: the new name appears in one step, and what would be lost goes to the trash."""

import contextlib
import errno
import os
import stat
from dataclasses import dataclass

from mcp_servers_filesystem.atomic import already_exists, explained, stale, temporary_name
from mcp_servers_filesystem.closed import closed_alike
from mcp_servers_filesystem.copying import copy_into
from mcp_servers_filesystem.digests import mark_at
from mcp_servers_filesystem.erasing import erase
from mcp_servers_filesystem.journal import Book, Change, Step, text_path
from mcp_servers_filesystem.opening import DIRECTORY
from mcp_servers_filesystem.space import Space, Spot, full_path
from mcp_servers_filesystem.trash import place_for
from mcp_servers_filesystem.walking import Walk
from mcp_servers_filesystem.writing import Writer
from mcp_servers_shared.errors import InvalidInput, PathRefused
from mcp_servers_shared.guard.path_errors import not_found, quoted, root_itself
from mcp_servers_shared.guard.paths import Located
from mcp_servers_shared.guard.renaming import rename_new


@dataclass(frozen=True)
class Contents:
    """What a deletion would take away."""

    files: int
    directories: int
    size: int


def move(writer: Writer, source: str, destination: str, overwrite: bool) -> Change:
    """One name becomes the other; across file systems by a copy. Links are moved, not followed.

    Raises InvalidInput (`already_exists`), NotFound, PathRefused (`denied`).
    """
    space = writer.space
    with (
        writer.journal.changing(writer.deadline) as book,
        space.parent(source) as here,
        space.parent(destination) as there,
    ):
        now = _something(here)
        not_beneath(here, there, now)
        _keeps_closed(writer, here, there, now)
        steps: list[Step] = []
        target = there.lstat()
        if target is not None and not os.path.samestat(target, now):
            if not overwrite:
                raise already_exists(destination)
            steps.append(_to_trash(space, there, target))
        steps.append(Step("rename", _path(here), other=_path(there), inode=now.st_ino, digest=_mark(writer, here, now)))
        change = book.begin("move", steps)
        try:
            if len(steps) > 1:
                _renamed(space, there, steps[0])
            with explained(destination):
                rename_new(here.fd, here.name, there.fd, there.name)
        except BaseException as error:
            if len(steps) > 1:
                _renamed_back(space, there, steps[0])
            book.mark(change.id, "failed")
            if _crosses_devices(error):
                return _moved_by_copy(writer, book, here, there, now)
            raise
        return book.done(change)


def _crosses_devices(error: BaseException) -> bool:
    cause: BaseException | None = error.__cause__ or error.__context__
    return isinstance(cause, OSError) and cause.errno == errno.EXDEV


def _moved_by_copy(writer: Writer, book: Book, here: Spot, there: Spot, now: os.stat_result) -> Change:
    if there.lstat() is not None:
        raise already_exists(there.path)
    temporary = temporary_name(there.name)
    created = Step("create", _path(there), temporary=text_path(temporary))
    gone = _to_trash(writer.space, here, now)
    change = book.begin("move", [created, gone])
    try:
        _copied(writer, here, there, temporary)
        try:
            _renamed(writer.space, here, gone)
        except BaseException:
            remove_tree(there.fd, there.name)
            raise
    except BaseException:
        book.mark(change.id, "failed")
        raise
    return book.done(change, [Step("create", _path(there), digest=mark_at(there.fd, there.name)), gone])


def copy(writer: Writer, source: str, destination: str) -> tuple[Change, list[str]]:
    """A copy under a new name, and what was left out because it is closed.

    Raises InvalidInput (`already_exists`), NotFound, PathRefused.
    """
    space = writer.space
    with writer.journal.changing(writer.deadline) as book, space.parent(destination) as there:
        if there.lstat() is not None:
            raise already_exists(destination)
        with space.either(source) as found:
            if found.is_directory and _path(there).startswith(text_path(found.full) + "/"):
                raise _into_itself(destination)
            temporary = temporary_name(there.name)
            change = book.begin("copy", [Step("create", _path(there), temporary=text_path(temporary))])
            try:
                with explained(destination):
                    left_out = copy_into(writer.deadline, space, found, there, temporary)
                    rename_new(there.fd, temporary, there.fd, there.name)
            except BaseException:
                remove_tree(there.fd, temporary)
                book.mark(change.id, "failed")
                raise
        with explained(destination):
            mark = mark_at(there.fd, there.name)
        return book.done(change, [Step("create", _path(there), digest=mark)]), left_out


def _copied(writer: Writer, here: Spot, there: Spot, temporary: bytes) -> None:
    try:
        with explained(there.path), writer.space.either(here.path) as found:
            if copy_into(writer.deadline, writer.space, found, there, temporary, moved=True):
                raise PathRefused(f"{quoted(here.path)} holds closed files", code="denied", hint="Copy what is open.")
            rename_new(there.fd, temporary, there.fd, there.name)
    except BaseException:
        remove_tree(there.fd, temporary)
        raise


def delete(writer: Writer, path: str, recursive: bool) -> Change:
    """To the trash of its root, from where `undo` brings it back. Links are deleted, not followed.

    Raises InvalidInput (`not_empty`), NotFound.
    """
    with writer.journal.changing(writer.deadline) as book, writer.space.parent(path) as spot:
        now = _something(spot)
        required_empty(spot, now, recursive)
        step = _to_trash(writer.space, spot, now)
        change = book.begin("delete", [step])
        try:
            _renamed(writer.space, spot, step)
        except BaseException:
            book.mark(change.id, "failed")
            raise
        return book.done(change)


def contents_of(writer: Writer, path: str, recursive: bool) -> tuple[Contents, str]:
    """What a permanent deletion would take away, and a mark of it."""
    with writer.space.parent(path) as spot:
        now = _something(spot)
        required_empty(spot, now, recursive)
        mark = f"{now.st_dev}:{now.st_ino}:{now.st_size}:{now.st_mtime_ns}"
        if not stat.S_ISDIR(now.st_mode):
            return Contents(1, 0, now.st_size), mark
        descriptor = os.open(spot.name, DIRECTORY, dir_fd=spot.fd)
        files = directories = size = 0
        try:
            device = os.fstat(descriptor).st_dev
            for step in Walk(writer.deadline, descriptor):
                if step.folder.device != device:
                    raise _mounted(path)
                directories += step.is_directory
                files += not step.is_directory
                with contextlib.suppress(OSError):
                    facts = os.stat(step.name, dir_fd=step.directory, follow_symlinks=False)
                    size += 0 if step.is_directory else facts.st_size
        finally:
            os.close(descriptor)
        return Contents(files, directories + 1, size), f"{mark}:{files}:{directories}:{size}"


def delete_for_good(writer: Writer, path: str, recursive: bool, mark: str) -> None:
    """What `contents_of` counted is gone. Raises InvalidInput (`stale`) where it is not that any more."""
    if contents_of(writer, path, recursive)[1] != mark:
        raise stale(path)
    with writer.journal.changing(writer.deadline) as book, writer.space.parent(path) as spot:
        now = _something(spot)
        required_empty(spot, now, recursive)
        change = book.begin("delete permanently", [])
        with explained(path):
            erase(spot.fd, spot.name)
        book.done(change)


def required_empty(spot: Spot, now: os.stat_result, recursive: bool) -> None:
    """Raises InvalidInput (`not_empty`) for a directory with something in it, unless all of it is meant."""
    if recursive or not stat.S_ISDIR(now.st_mode):
        return
    with explained(spot.path):
        descriptor = os.open(spot.name, DIRECTORY, dir_fd=spot.fd)
        try:
            with os.scandir(descriptor) as found:
                empty = next(found, None) is None
        finally:
            os.close(descriptor)
    if not empty:
        raise InvalidInput(
            f"{quoted(spot.path)} is not empty", code="not_empty", hint="Set recursive to delete what it holds as well."
        )


def not_beneath(here: Spot, there: Spot, now: os.stat_result) -> None:
    """Raises InvalidInput for a directory that would come into itself, or be replaced by what it holds."""
    if _path(here).startswith(_path(there) + "/"):
        raise InvalidInput(
            f"{quoted(here.path)} is inside of {quoted(there.path)}, which it would replace",
            code="into_itself",
            hint="Move it elsewhere first.",
        )
    if stat.S_ISDIR(now.st_mode) and _path(there).startswith(_path(here) + "/"):
        raise _into_itself(there.path)


def remove_tree(directory: int, name: bytes) -> None:
    """Removes a file or a tree of ours that may be there."""
    with contextlib.suppress(OSError):
        erase(directory, name)


def _mark(writer: Writer, spot: Spot, now: os.stat_result) -> str:
    """Of a file that is quickly read; for all else its inode has to do."""
    if stat.S_ISDIR(now.st_mode) or now.st_size > writer.most_bytes:
        return ""
    with explained(spot.path):
        return mark_at(spot.fd, spot.name)


def _keeps_closed(writer: Writer, here: Spot, there: Spot, now: os.stat_result) -> None:
    """A rule may close a file by its path: a move must carry none out from under the rule, nor to where it holds."""
    if not stat.S_ISDIR(now.st_mode):
        return
    descriptor = os.open(here.name, DIRECTORY, dir_fd=here.fd)
    try:
        alike = closed_alike(writer.deadline, writer.space.deny, descriptor, here.real.parts, there.real.parts)
    finally:
        os.close(descriptor)
    if not alike:
        raise PathRefused(
            f"Access denied: {quoted(here.path)} holds files that a deny pattern closes here or there only",
            code="denied",
            rule="FILE-9",
            hint="Move what is open by itself.",
        )


def _to_trash(space: Space, spot: Spot, now: os.stat_result) -> Step:
    for root in space.roots:
        if os.path.samestat(now, os.fstat(root.anchor.descriptor)):
            raise root_itself(spot.path)
    return Step("rename", _path(spot), other=text_path(place_for(space, spot.real)), inode=now.st_ino)


def _renamed(space: Space, spot: Spot, step: Step) -> None:
    with space.trash(_located(space, step.other, spot.path)) as target, explained(spot.path):
        rename_new(spot.fd, spot.name, target.fd, target.name)


def _renamed_back(space: Space, spot: Spot, step: Step) -> None:
    with contextlib.suppress(OSError), space.trash(_located(space, step.other, spot.path)) as target:
        rename_new(target.fd, target.name, spot.fd, spot.name)


def _located(space: Space, path: str, shown_as: str) -> Located:
    return space.roots.locate(path.encode("latin-1"))._replace(path=shown_as)


def _something(spot: Spot) -> os.stat_result:
    now = spot.lstat()
    if now is None:
        raise not_found(spot.path)
    return now


def _path(spot: Spot) -> str:
    return text_path(full_path(spot.real))


def _mounted(path: str) -> PathRefused:
    return PathRefused(
        f"{quoted(path)} holds what is mounted from another file system",
        code="other_filesystem",
        rule="PATH-1",
        hint="Delete the rest piece by piece.",
    )


def _into_itself(path: str) -> InvalidInput:
    return InvalidInput(
        f"{quoted(path)} is inside of what would come there", code="into_itself", hint="Choose a place outside of it."
    )
