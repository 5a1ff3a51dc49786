"""What this server changed, written down before it happens, so that it can be taken back, also after a kill.

    with journal.changing(deadline) as book:      # one writer at a time, over all processes
        change = book.begin("write", [Step("replace", ...)])
        ...
        book.done(change)

One line a fact in `changes.jsonl`; earlier contents beside it in `images/`.
"""

import contextlib
import errno
import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from mcp_servers_filesystem.deadlines import Deadline
from mcp_servers_filesystem.growing import GrowingLines
from mcp_servers_shared.errors import Busy, NotFound, Unavailable

Do = Literal["replace", "create", "mkdir", "rmdir", "rename", "append", "cut"]
State = Literal["begun", "done", "failed", "undone"]

PARENTS = "parents"
"""What directories are made as, before the change of the file in them begins and takes them over."""
_MOST_CHANGES = 2_000
_COMPACT_BYTES = 4 << 20
_TIDY_EVERY = 500
_WAIT = 0.005


@dataclass(frozen=True)
class Step:
    """One thing done to one name. Paths are absolute, one character a byte."""

    do: Do
    path: str
    other: str = ""
    """For `rename`: where it went."""
    temporary: str = ""
    """The name beside the path that is in use while the step runs."""
    image: str = ""
    """The file in `images/` that holds what was there before."""
    source: str = ""
    """For a `replace` by an undo: the file in `images/` that comes to the path."""
    digest: str = ""
    """Of the content afterwards; empty where it was not taken."""
    inode: int = 0
    """Of what a rename moved or a replacement replaced."""
    size: int = 0
    """For `append` and `cut`: bytes of the file without what is added or cut off."""
    length: int = 0
    """For `append` and `cut`: how many bytes that is."""


@dataclass(frozen=True)
class Change:
    """Steps that belong together."""

    id: str
    op: str
    time: float
    steps: tuple[Step, ...]
    state: State = "begun"
    undid: str = ""
    """For an undo: the change it took back."""


class Journal:
    """The book of changes. Made on its first use."""

    def __init__(self, folder: Callable[[], Path], quota_bytes: int, exists: Callable[[], bool] = lambda: True) -> None:
        self._folder = folder
        self._exists = exists
        self.quota_bytes = quota_bytes
        self._threads = threading.Lock()
        self.recover: Callable[[Book], None] | None = None
        """Called with the book before its first use in this process."""
        self._recovered = False
        self._lines = GrowingLines[Change](_take)
        self._writes = 0

    def can_hold(self, size: int) -> bool:
        """Whether an earlier content of `size` bytes can be kept."""
        return size <= self.quota_bytes

    @contextmanager
    def changing(self, deadline: Deadline) -> Generator["Book"]:
        """The book for one writer. Raises Busy when others write for too long, Unavailable without a place for it."""
        while not self._threads.acquire(timeout=_WAIT * 10):
            _patience(deadline)
        try:
            try:
                folder = self._folder()
                (folder / "images").mkdir(mode=0o700, exist_ok=True)
                lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
            except OSError as error:
                raise _no_place(error) from None
            try:
                _locked(lock, deadline)
                book = Book(folder, self.quota_bytes, self._lines)
                if not self._recovered and self.recover:
                    self.recover(book)
                self._recovered = True
                self._writes += 1
                if self._writes % _TIDY_EVERY == 0:
                    book.tidy()
                yield book
            finally:
                os.close(lock)
        finally:
            self._threads.release()

    def settle(self, deadline: Deadline) -> None:
        """Clears up after a process that was killed; What cannot be waits for the first write."""
        if self.recover and self._exists():
            with contextlib.suppress(Busy, Unavailable), self.changing(deadline):
                pass

    def changes(self) -> list[Change]:
        """All that is known, the latest first."""
        try:
            return Book(self._folder(), self.quota_bytes, self._lines).changes()[::-1]
        except OSError as error:
            raise _no_place(error) from None


@dataclass
class Book:
    """The journal while nobody else writes it."""

    folder: Path
    quota_bytes: int
    lines: GrowingLines[Change]

    @property
    def images(self) -> Path:
        """Where earlier contents are."""
        return self.folder / "images"

    def begin(self, op: str, steps: list[Step], *, undid: str = "") -> Change:
        """Writes down what is about to happen. Raises Unavailable where it cannot: then nothing may happen."""
        change = Change(new_id(), op, round(time.time(), 3), tuple(steps), undid=undid)
        record = {"id": change.id, "op": op, "t": change.time, "state": "begun", "steps": list(map(_slim, steps))}
        self._append(record | ({"undid": undid} if undid else {}), sync=True)
        return change

    def done(self, change: Change, steps: list[Step] | None = None) -> Change:
        """It happened, as `steps` say if they differ."""
        differ = steps is not None and tuple(steps) != change.steps
        more = {"steps": list(map(_slim, steps))} if steps is not None and differ else {}
        self._append({"id": change.id, "state": "done", **more})
        return replace(change, state="done", steps=change.steps if steps is None else tuple(steps))

    def mark(self, change_id: str, state: State) -> None:
        """`failed`: nothing of it is there. `undone`: it was taken back."""
        self._append({"id": change_id, "state": state})

    def changes(self) -> list[Change]:
        """All changes in their order. A line that a kill cut off is passed over."""
        return self.lines.values(self.folder / "changes.jsonl")

    def make_room(self, size: int) -> None:
        """Lets go of the oldest earlier contents until `size` more bytes fit."""
        with os.scandir(self.images) as found:
            sizes = {one.name: one.stat().st_size for one in found}
        total = sum(sizes.values()) + size
        if total <= self.quota_bytes:
            return
        # Somewhat more than is needed: or every write of a full journal would read all of it.
        most = max(size, self.quota_bytes - self.quota_bytes // 10)
        for change in self.changes():
            for step in change.steps:
                if step.image in sizes and total > most:
                    total -= sizes.pop(step.image)
                    (self.images / step.image).unlink(missing_ok=True)

    def tidy(self) -> None:
        """Forgets all but the last 2,000 changes once the book is large."""
        path = self.folder / "changes.jsonl"
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_size < _COMPACT_BYTES:
                return
            changes = self.changes()
            kept = changes[-_MOST_CHANGES:]
            draft = self.folder / "changes.draft"
            draft.write_text("".join(_whole(one) for one in kept), encoding="utf-8")
            draft.replace(path)
            images = {step.image for one in kept for step in one.steps}
            for name in os.listdir(self.images):
                if name not in images:
                    (self.images / name).unlink(missing_ok=True)

    def _append(self, record: dict[str, Any], *, sync: bool = False) -> None:
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)
            descriptor = os.open(self.folder / "changes.jsonl", flags, 0o600)
            try:
                size = os.fstat(descriptor).st_size
                torn = size and os.pread(descriptor, 1, size - 1) != b"\n"
                line = ("\n" * bool(torn) + _line(record)).encode()
                if os.write(descriptor, line) != len(line):
                    # Half a line is left: the next one begins on a line of its own.
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                if sync:
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise _no_place(error) from None


def new_id() -> str:
    """Sortable by time, short enough for a model to repeat."""
    return f"{int(time.time() * 1000):011x}{secrets.token_hex(2)}"


def text_path(path: bytes) -> str:
    """A path as the journal holds it."""
    return path.decode("latin-1")


def raw_path(text: str) -> bytes:
    """And back."""
    return text.encode("latin-1")


def find(changes: list[Change], change_id: str) -> Change:
    """The change with this id. Raises NotFound."""
    for one in changes:
        if one.id == change_id:
            return one
    raise NotFound(f"there is no change '{change_id[:40]}'", code="unknown_change", hint="list_changes shows them.")


def _take(found: dict[str, Change], record: dict[str, Any]) -> None:
    steps = tuple(Step(**one) for one in record.get("steps", ()))
    if any("/" in name for step in steps for name in (step.temporary, step.image, step.source)):
        # Names that we gave have none; a way out of the folder would be somebody else's.
        return
    if record["state"] == "begun":
        found[record["id"]] = Change(record["id"], record["op"], record["t"], steps, undid=record.get("undid", ""))
    elif (before := found.get(record["id"])) is not None:
        found[record["id"]] = replace(before, state=record["state"], steps=steps or before.steps)


def _whole(change: Change) -> str:
    """The lines that say all of a change."""
    begun = {
        "id": change.id,
        "op": change.op,
        "t": change.time,
        "state": "begun",
        "steps": list(map(_slim, change.steps)),
    }
    begun |= {"undid": change.undid} if change.undid else {}
    return _line(begun) + (_line({"id": change.id, "state": change.state}) if change.state != "begun" else "")


def _slim(step: Step) -> dict[str, Any]:
    return {name: value for name, value in asdict(step).items() if value}


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record, separators=(",", ":")) + "\n"


def _patience(deadline: Deadline) -> None:
    if deadline.over:
        raise Busy("another write is still going on", hint="Try again in a moment.")


def _no_place(error: OSError) -> Unavailable:
    return Unavailable(
        f"the journal of changes cannot be written ({error.strerror or error}); nothing was changed",
        code="journal_unavailable",
        hint="Set MCP_SERVERS_STATE_DIR to a folder that can be written.",
    )


def _locked(descriptor: int, deadline: Deadline) -> None:
    try:
        import fcntl
    except ImportError:
        return
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            _patience(deadline)
            time.sleep(_WAIT)
