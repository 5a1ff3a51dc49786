"""Changes to files and directories, each journaled before it happens."""

import errno
import os
import stat
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Literal

from mcp_servers_filesystem.appending import LEAST_IN_PLACE, add
from mcp_servers_filesystem.atomic import already_exists, explained, stale
from mcp_servers_filesystem.deadlines import Deadline
from mcp_servers_filesystem.decoding import whole
from mcp_servers_filesystem.diffs import fenced, unified
from mcp_servers_filesystem.digests import digest_of
from mcp_servers_filesystem.edits import MOST_EDITS, Edit, Edited, apply_edits, plain
from mcp_servers_filesystem.etags import etag_of
from mcp_servers_filesystem.journal import PARENTS, Book, Change, Journal, Step, text_path
from mcp_servers_filesystem.names import parsed, shown
from mcp_servers_filesystem.opening import DIRECTORY, READ
from mcp_servers_filesystem.replacing import Replacement, replace_all, standing
from mcp_servers_filesystem.space import Space, Spot, full_path
from mcp_servers_filesystem.steps import Doer
from mcp_servers_filesystem.textforms import form_of, read_text, readable, require_encodable
from mcp_servers_shared.errors import InvalidInput, LimitExceeded, NotFound, PathRefused
from mcp_servers_shared.guard.path_errors import from_oserror, not_directory, not_found, quoted

Mode = Literal["overwrite", "create", "append"]
# What the system opens at once. Step by step a longer one could be made, which nothing could then open.
_LONGEST_PATH = 4_095
MOST_CONTENT = 10_000_000
_MOST_TOGETHER = 4
"""Of the largest file, for all files of one edit."""


class Unkept(Exception):
    """What a change would destroy is larger than the journal may hold: somebody has to agree first."""

    def __init__(self, path: str, size: int, etags: str) -> None:
        super().__init__(path)
        self.path, self.size, self.etags = path, size, etags


@dataclass(frozen=True)
class Writer:
    """Where changes are made, and the rules for it."""

    deadline: Deadline
    space: Space
    journal: Journal
    durable: bool = False
    most_bytes: int = 20_000_000
    agreed: str = ""
    """The etags of what somebody agreed to lose, because the journal cannot hold it."""

    def write(self, path: str, content: str, mode: Mode, if_match: str | None, parents: bool) -> tuple[Change, str]:
        """The change and the file's new etag.

        Raises InvalidInput (`already_exists`, `stale`, `invalid_text`), LimitExceeded (`too_large`), and Unkept.
        """
        data = _utf8(content)
        if len(data) > MOST_CONTENT:
            raise LimitExceeded(
                f"content holds {len(data):,} bytes, more than {MOST_CONTENT:,}",
                code="too_large",
                hint="Write it in parts with mode append.",
            )
        self.space.locate(path)
        with self.journal.changing(self.deadline) as book:
            made = self._directories(book, os.path.dirname(path.rstrip("/")), PARENTS) if parents else None
            try:
                with self.space.parent(path, follow=True) as spot:
                    now = standing(spot)
                    self._expected(path, now, mode, if_match)
                    if mode == "append" and now is not None:
                        if now.st_size >= LEAST_IN_PLACE and now.st_nlink == 1:
                            return self._added(book, spot, now, content)
                        data = self._appended(spot, now, content)
                    return self._replaced(book, "append" if mode == "append" else "write", [(spot, data, now)], made)
            except BaseException:
                if made:
                    Doer(self.space, book).take_back(made)
                raise

    def _expected(self, path: str, now: os.stat_result | None, mode: Mode, if_match: str | None) -> None:
        if mode == "create" and now is not None:
            raise already_exists(path)
        if if_match and (now is None or etag_of(now) != if_match):
            raise stale(path)

    def _appended(self, spot: Spot, now: os.stat_result, content: str) -> bytes:
        with explained(spot.path):
            before = self._content(spot, now)
        form = form_of(before)
        return before + (form.encode(content) if form else content.encode())

    def _added(self, book: Book, spot: Spot, now: os.stat_result, content: str) -> tuple[Change, str]:
        """Content at the end of a file that is too large to be written anew for it."""
        with explained(spot.path):
            descriptor = os.open(spot.name, READ, dir_fd=spot.fd)
            try:
                form = form_of(os.pread(descriptor, 4_096, 0), begins=True)
            finally:
                os.close(descriptor)
            data = form.encode(content) if form else content.encode()
            step = Step(
                "append", text_path(full_path(spot.real)), digest=digest_of(data), size=now.st_size, length=len(data)
            )
            change = book.begin("append", [step])
            try:
                start = add(spot.fd, spot.name, data, now)
                if start is None:
                    raise stale(spot.path)
            except BaseException:
                book.mark(change.id, "failed")
                raise
        last = spot.lstat()
        return book.done(change, [replace(step, size=start)]), etag_of(last) if last else ""

    def _content(self, spot: Spot, now: os.stat_result) -> bytes:
        if now.st_size > self.most_bytes:
            raise LimitExceeded(
                f"{quoted(spot.path)} holds {now.st_size:,} bytes, more than the {self.most_bytes:,} that are changed",
                code="too_large",
                hint="Raise --max-file-mb, or work on a part of it.",
                size=now.st_size,
            )
        self.space.require_own(now, spot.real.root, spot.path)
        descriptor = os.open(spot.name, READ, dir_fd=spot.fd)
        try:
            if not os.path.samestat(os.fstat(descriptor), now):
                raise stale(spot.path)
            return whole(descriptor, now.st_size)
        finally:
            os.close(descriptor)

    def _replaced(
        self,
        book: Book,
        op: str,
        contents: Sequence[tuple[Spot, bytes, os.stat_result | None]],
        made: Change | None = None,
    ) -> tuple[Change, str]:
        lost = [(spot.path, now) for spot, _, now in contents if now is not None]
        size = sum(now.st_size for _, now in lost)
        held = self.journal.can_hold(size)
        if not held and self.agreed != (etags := ",".join(etag_of(now) for _, now in lost)):
            raise Unkept(lost[0][0], size, etags)
        replacements = [Replacement(spot, data, now, keep=held) for spot, data, now in contents]
        change = replace_all(book, op, replacements, durable=self.durable, made=made)
        last = contents[-1][0].lstat()
        return change, etag_of(last) if last else ""

    def edit(self, jobs: Sequence["Job"], dry_run: bool) -> tuple[list[str], Change | None, str]:
        """One diff a job, the change, and the last file's etag. All files are changed, or none.

        Raises InvalidInput (`no_match`, `ambiguous`, `stale`, ...), PathRefused (`binary`), and Unkept.
        """
        with self.journal.changing(self.deadline) as book, ExitStack() as stack:
            diffs: list[str] = []
            contents: list[tuple[Spot, bytes, os.stat_result | None]] = []
            seen: set[tuple[int, int]] = set()
            read = 0
            for job in jobs:
                self.deadline.check()
                spot = stack.enter_context(self.space.parent(job.path, follow=True))
                now = standing(spot)
                if now is None:
                    raise not_found(job.path)
                if (now.st_dev, now.st_ino) in seen:
                    raise InvalidInput(
                        f"{quoted(job.path)} is there twice", code="invalid_arguments", hint="Put its edits together."
                    )
                seen.add((now.st_dev, now.st_ino))
                if job.if_match and etag_of(now) != job.if_match:
                    raise stale(job.path)
                with explained(job.path):
                    before = self._content(spot, now)
                read += len(before)
                if read > _MOST_TOGETHER * self.most_bytes:
                    raise LimitExceeded(
                        f"the files hold more than {_MOST_TOGETHER * self.most_bytes:,} bytes together",
                        code="too_large",
                        hint="Edit fewer files at once.",
                    )
                after, diff = changed_text(before, job, shown(full_path(spot.real)), self.deadline.check)
                diffs.append(diff)
                if after != before:
                    contents.append((spot, after, now))
            if dry_run or not contents:
                return diffs, None, ""
            change, etag = self._replaced(book, "edit", contents)
            return diffs, change, etag

    def create_directory(self, path: str) -> Change | None:
        """The change; None where the directory was there."""
        self.space.locate(path)
        with self.journal.changing(self.deadline) as book:
            return self._directories(book, path, "create_directory")

    def _directories(self, book: Book, path: str, op: str) -> Change | None:
        if len(path) > _LONGEST_PATH:
            raise from_oserror(path, OSError(errno.ENAMETOOLONG, ""))
        missing: list[str] = []
        # Taken back as it is written: a `..` in the middle of what is not there yet leads nowhere else.
        at = os.path.normpath(path) if ".." in path else path
        while at and at != "/":
            try:
                with self.space.directory(at):
                    break
            except NotFound:
                missing.append(at)
                at = os.path.dirname(at.rstrip("/"))
            except PathRefused as error:
                if error.code == "not_regular":
                    raise not_directory(path) from None
                raise
        if not missing:
            return None
        with self.space.parent(missing[-1]) as spot:
            names = [spot.name, *(parsed(os.path.basename(one.rstrip("/"))) for one in reversed(missing[:-1]))]
            places = [
                spot.real._replace(parts=(*spot.real.parts, *names[1:depth])) for depth in range(1, len(names) + 1)
            ]
            for place in places:
                self.space.deny.check(place.parts, path, writing=True)
            change = book.begin(op, [Step("mkdir", text_path(full_path(one))) for one in places])
            made = make_directories(spot.fd, names, path)
            steps = change.steps[len(names) - made :]
            # Parents are part of a change that is still to come: until then they do not stand.
            return replace(change, steps=steps) if op == PARENTS else book.done(change, list(steps))


def make_directories(directory: int, names: Sequence[bytes], path: str) -> int:
    """Makes each name in the one before; how many were not there. Raises InvalidInput and others for `path`."""
    current = os.dup(directory)
    made = 0
    try:
        for name in names:
            with explained(path):
                try:
                    os.mkdir(name, dir_fd=current)
                    made += 1
                except FileExistsError:
                    if not stat.S_ISDIR(os.stat(name, dir_fd=current, follow_symlinks=False).st_mode):
                        raise
                following = os.open(name, DIRECTORY, dir_fd=current)
            os.close(current)
            current = following
        return made
    finally:
        os.close(current)


@dataclass(frozen=True)
class Job:
    """The edits of one file."""

    path: str
    edits: Sequence[Edit]
    if_match: str | None = None


def changed_text(before: bytes, job: Job, name: str, check: Callable[[], None]) -> tuple[bytes, str]:
    """The bytes after the edits, and the fenced diff of the file `name`."""
    if not job.edits or len(job.edits) > MOST_EDITS:
        raise InvalidInput(
            f"edits holds {len(job.edits)}; 1 to {MOST_EDITS} are taken",
            code="invalid_arguments",
            hint="Send them in parts.",
        )
    for edit in job.edits:
        require_encodable(edit.old, "oldText")
        require_encodable(edit.new, "newText")
    known = read_text(before)
    if known is None:
        raise PathRefused(
            f"{quoted(job.path)} is binary, not text", code="binary", rule="encoding", hint="Only text can be edited."
        )
    form, text = known
    if not text and len(job.edits) == 1 and not job.edits[0].old:
        done = Edited(job.edits[0].new, plain(job.edits[0].new), 1)
    else:
        done = apply_edits(text, job.edits, check)
    diff = unified(name, readable(plain(text)), readable(done.plain))
    return form.encode(done.text), fenced(diff)


def _utf8(content: str) -> bytes:
    try:
        return content.encode()
    except UnicodeEncodeError:
        raise InvalidInput(
            "content holds a lone surrogate, which no file can hold", code="invalid_text", hint="Send ordinary text."
        ) from None
