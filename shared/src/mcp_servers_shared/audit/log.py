"""The audit log: one JSON line a call, sealed into a chain, safe with several threads and processes.

Order of an append, under the lock on the head: line, then (durable) flush, then head. A process that dies in between
leaves a chained line that the next append takes over, or a torn one that it notes.
"""

import contextlib
import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from mcp_servers_shared.audit.chain import event_fields, seal
from mcp_servers_shared.audit.encoding import record_fields
from mcp_servers_shared.audit.failures import SET_ASIDE, refused, unavailable
from mcp_servers_shared.audit.heads import Head
from mcp_servers_shared.audit.logfile import LogFile
from mcp_servers_shared.audit.opening import OpenLog, open_log, read_first_line
from mcp_servers_shared.audit.recovery import follow
from mcp_servers_shared.audit.rotation import rotated_path, shift
from mcp_servers_shared.audit.timestamps import Timestamps
from mcp_servers_shared.errors import AuditUnavailable, InvalidInput
from mcp_servers_shared.state import StateFolder

FORMAT = 1
LEAST_BYTES = 1024
_FRAME = 256


class _Unwritten(NamedTuple):
    records: int = 0
    since: str = ""
    reason: str = ""


class AuditLog:
    """An append-only log at `path`. Opens and makes nothing before the first append.

    Args:
        path: the current file; rotated ones get `.1`, `.2`, ... behind their name.
        server: who writes, for the lines in which the log speaks about itself.
        state: where key and head are; the user's state folder when omitted.
        max_bytes: size at which the file is rotated.
        keep: rotated files to keep besides the current one.
        durable: flush every record to the disk (milliseconds each) so that it survives a power cut.
    """

    def __init__(
        self,
        path: Path,
        *,
        server: str,
        state: StateFolder | None = None,
        max_bytes: int = 16 * 1024 * 1024,
        keep: int = 8,
        durable: bool = False,
    ) -> None:
        if max_bytes < LEAST_BYTES or keep < 0:
            raise InvalidInput(f"an audit log needs at least {LEAST_BYTES} bytes a file and keeps 0 or more files")
        self.path = path
        self._writer: dict[str, Any] = {"server": server}
        self._state = state or StateFolder()
        self._max_bytes = max_bytes
        self._keep = keep
        self._durable = durable
        self._mutex = threading.Lock()
        self._timestamps = Timestamps()
        self._file = LogFile(path)
        self._log: OpenLog | None = None
        self._id = ""
        self._generation = 0
        self._pid = 0
        self._unwritten = _Unwritten()

    def append(self, record: Mapping[str, Any], *, durable: bool | None = None) -> None:
        """Write one line. When this raises AuditUnavailable, the record is not in the log.

        Records that could not be written are counted, and the next that can be is preceded by a line that says so.
        """
        fields = record_fields(record)
        with self._mutex:
            try:
                self._write(fields, self._durable if durable is None else durable)
            except OSError as error:
                failure = unavailable(self.path.name, error)
                self._failed(failure)
                raise failure from error
            except AuditUnavailable as failure:
                self._failed(failure)
                raise

    def close(self) -> None:
        """Give the descriptors back. A later append opens them again."""
        with self._mutex:
            self._release()

    def __enter__(self) -> "AuditLog":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write(self, fields: str, durable: bool) -> None:
        if self._pid != os.getpid():
            # A forked child shares the parent's descriptors, and with them its lock: it opens its own.
            self._release()
            self._pid = os.getpid()
        log = self._log or self._open()
        try:
            head = log.heads.enter()
            if self._file.size() != head.size or head.generation != self._generation:
                head = self._ready(log, head)
            if head.size + len(fields) + _FRAME > self._max_bytes:
                head = self._rotate(log, head)
            if self._unwritten.records:
                head = self._put(log, head, self._event("unwritten", **self._unwritten._asdict()), durable=False)
                self._unwritten = _Unwritten()
            self._put(log, head, fields, durable)
        finally:
            log.heads.leave()

    def _open(self) -> OpenLog:
        path = Path(os.path.realpath(self.path))
        self._file = LogFile(path)
        self._file.status()
        self._log = open_log(path, self._state, self._id)
        self._id = self._log.id
        return self._log

    def _ready(self, log: OpenLog, head: Head) -> Head:
        """Bring the file to the end of its chain: the head to append behind."""
        size = self._file.size()
        if size <= 0 or head.generation != self._generation:
            head = self._attach(log, head)
            size = self._file.size()
        if size > head.size:
            return self._catch_up(log, head, size)
        if size < head.size:
            return self._note(log, head, size, newline=not self._ends_line(size), found="short", bytes=head.size - size)
        return head

    def _attach(self, log: OpenLog, head: Head) -> Head:
        """Open the current file, or begin one where there is none."""
        status = self._file.status()
        if status is None or status.st_size == 0:
            return self._begin(log, head, self._why(log, head))
        first = read_first_line(self._file.path)
        line = first.line
        if line is None or first.id != log.id or not log.sealer.fits(line):
            raise refused(self.path.name, "first_line", "its first line is not the one that was written", SET_ASIDE)
        if first.generation == head.generation + 1 and (line.seq, line.prev) == (head.seq + 1, head.mac):
            # The writer that began this file died before it could tell the head.
            head = Head(line.seq, first.generation, head.oldest, first.size, line.mac)
            log.heads.write(head)
        elif first.generation != head.generation:
            raise refused(self.path.name, "other_generation", "an older file of it has taken its place", SET_ASIDE)
        self._file.open()
        self._generation = head.generation
        return head

    def _why(self, log: OpenLog, head: Head) -> str:
        """Why there is no current file: none yet, a rotation that was cut short, or somebody took it."""
        if head.generation == 0:
            return "opened"
        with contextlib.suppress(OSError):
            first = read_first_line(rotated_path(self._file.path, 1))
            if first.line and log.sealer.fits(first.line) and first.generation == head.generation:
                return "rotated"
        return "recreated"

    def _begin(self, log: OpenLog, head: Head, why: str) -> Head:
        generation = head.generation + 1
        fields = self._event(why, id=log.id, generation=generation, format=FORMAT)
        line, mac = seal(log.sealer, head.seq + 1, self._timestamps.now(), fields, head.mac)
        self._file.create(line)
        self._generation = generation
        head = Head(head.seq + 1, generation, head.oldest, len(line), mac)
        log.heads.write(head)
        return head

    def _rotate(self, log: OpenLog, head: Head) -> Head:
        # First the head: a crash may leave a file that is no longer needed, never miss one that is.
        head = head._replace(oldest=max(head.oldest, head.generation + 1 - self._keep))
        log.heads.write(head)
        self._file.close()
        try:
            shift(self._file.path, self._keep)
        except PermissionError:
            if sys.platform != "win32":
                raise
            # Another process has the file open, which pins its name on Windows: rotate another time.
            self._file.open()
            return head
        return self._begin(log, head, "rotated")

    def _catch_up(self, log: OpenLog, head: Head, size: int) -> Head:
        """Take over the lines of a writer that died, and note what is no line of the chain."""
        with self._file.reader(head.size) as stream:
            head, residue = follow(stream, size - head.size, log.sealer, head)
        if residue is None:
            if head.size > size:
                self._file.write(b"\n")
            log.heads.write(head)
            return head
        found = "torn" if residue.torn else "foreign"
        measures = {"found": found, "bytes": residue.size, "sha256": residue.sha256}
        return self._note(log, head, size, newline=not residue.ends_line, **measures)

    def _note(self, log: OpenLog, head: Head, size: int, *, newline: bool, **found: Any) -> Head:
        fields = self._event("recovered", **found)
        return self._put(log, head._replace(size=size), fields, durable=False, start=b"\n" if newline else b"")

    def _ends_line(self, size: int) -> bool:
        with self._file.reader(size - 1) as stream:
            return stream.read(1) == b"\n"

    def _put(self, log: OpenLog, head: Head, fields: str, durable: bool, start: bytes = b"") -> Head:
        line, mac = seal(log.sealer, head.seq + 1, self._timestamps.now(), fields, head.mac)
        try:
            self._file.write(start + line)
            if durable:
                self._file.flush()
            size = head.size + len(start) + len(line)
            end = Head(head.seq + 1, head.generation, head.oldest, size, mac)
            log.heads.write(end)
        except OSError:
            self._file.cut(head.size)
            raise
        return end

    def _event(self, event: str, **facts: Any) -> str:
        return event_fields({"event": event, **facts, **self._writer, "pid": self._pid})

    def _failed(self, failure: AuditUnavailable) -> None:
        records, since, _ = self._unwritten
        reason = str(failure.evidence.get("reason", ""))
        self._unwritten = _Unwritten(records + 1, since or self._timestamps.now(), reason)
        self._release()

    def _release(self) -> None:
        self._file.close()
        self._generation = 0
        if self._log:
            self._log.heads.close()
            self._log = None
