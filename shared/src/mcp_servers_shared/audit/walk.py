"""Reads a log once, line by line, and notes where the chain does not hold. Judging comes after (`judge.py`)."""

import hashlib
from typing import Any, BinaryIO, NamedTuple

from mcp_servers_shared.audit.chain import Line, Sealer, event_of, parse
from mcp_servers_shared.audit.findings import Problems, count
from mcp_servers_shared.audit.heads import Head
from mcp_servers_shared.audit.recovery import ResidueMeter, pieces

MAX_BREAKS = 1000
_MAX_DAMAGED = 100


class Damaged(NamedTuple):
    """A line that does not carry its own seal."""

    file: str
    line: int
    stated: int
    """The record number it claims; 0 where it claims none."""
    ended: bool
    sha256: str


class Damage(NamedTuple):
    """Neighbouring lines without a seal."""

    lines: list[Damaged]
    total: int
    meter: ResidueMeter


class Break(NamedTuple):
    """A genuine line that does not continue the genuine line before it."""

    file: str
    line: int
    before: int
    """Record number of the genuine line before; 0 at the start of the log."""
    after: int
    damage: Damage | None


class Walk:
    """Walks the files of one log, the oldest first."""

    def __init__(self, sealer: Sealer, head: Head | None, problems: Problems, start: Line | None) -> None:
        self._sealer = sealer
        self._head = head
        self._problems = problems
        self._last = start
        self._run_start = 0
        self._file = ""
        self._opened = False
        self.runs: list[tuple[int, int]] = []
        """Record numbers that follow each other without a break, first and last, in reading order."""
        self.breaks: list[Break] = []
        self.damage: Damage | None = None
        """What stands behind the last genuine line."""
        self.top = 0
        """The highest record number seen."""
        self.records = 0
        self.genuine = 0
        self.first: bytes | None = None
        self.last: bytes | None = None

    def file(self, name: str, stream: BinaryIO, size: int, generation: int) -> None:
        """Read one file up to `size` bytes. Raises OSError."""
        self._file = name
        self._opened = False
        number = 0
        for piece, whole in pieces(stream, size):
            number += whole
            line = parse(piece) if whole else None
            if line is not None and self._sealer.fits(line):
                self._genuine(line, number, generation)
            else:
                self._damaged(piece, whole, number, line)

    def end(self) -> None:
        """Call it after the last file."""
        self._close_run()

    def _genuine(self, line: Line, number: int, generation: int) -> None:
        event = event_of(line) if line.event else {}
        follows = self._last is not None and (line.seq, line.prev) == (self._last.seq + 1, self._last.mac)
        if event:
            self._event(event, number, follows)
        else:
            self.records += 1
        if not self._opened:
            self._opening(event, number, generation)
        elif "generation" in event:
            self._joined(number)
        if not follows:
            self._break(line, number)
        elif self.damage is not None:
            self._inserted(self.damage)
        self.damage = None
        if self._head and line.seq == self._head.seq and line.mac != self._head.mac:
            sentence = f"record {line.seq} is sealed with the key but is not the one that the head remembers"
            self._problems.add("rewritten", self._file, number, sentence, record=line.seq)
        self._run_start = self._run_start or line.seq
        self._last = line
        self.top = max(self.top, line.seq)
        self.genuine += 1
        self.first = self.first or line.time
        self.last = line.time

    def _damaged(self, piece: bytes, whole: bool, number: int, line: Line | None) -> None:
        next_seq = self._last.seq + 1 if self._last else 1
        damage = self.damage or Damage([], 0, ResidueMeter(next_seq, self._sealer))
        damage.meter.add(piece, whole=whole)
        if whole and len(damage.lines) < _MAX_DAMAGED:
            digest = hashlib.sha256(piece).hexdigest()
            damage.lines.append(Damaged(self._file, number, line.seq if line else 0, piece.endswith(b"\n"), digest))
        self.damage = damage._replace(total=damage.total + whole)

    def _break(self, line: Line, number: int) -> None:
        damaged = self.damage.total if self.damage else 0
        before = self._last.seq if self._last else max(0, line.seq - 1 - damaged)
        if len(self.breaks) < MAX_BREAKS:
            if self._last is not None or self.damage:
                self.breaks.append(Break(self._file, number, before, line.seq, self.damage))
            self._close_run()
        else:
            self._problems.add("edited", self._file, number, "the chain breaks here too", record=line.seq)
        self._run_start = 0

    def _close_run(self) -> None:
        if self._run_start and self._last and len(self.runs) <= MAX_BREAKS:
            self.runs.append((self._run_start, self._last.seq))
        self._run_start = 0

    def _opening(self, event: dict[str, Any], number: int, generation: int) -> None:
        self._opened = True
        if event.get("generation") == generation:
            return
        if self.damage is None or self.damage.lines[0].file != self._file:
            sentence = f"{self._file} does not begin with the first line that was written to it"
            self._problems.add("deleted", self._file, number, sentence, generation=generation)

    def _joined(self, number: int) -> None:
        sentence = "the first line of another file stands in the middle of this one: files were joined"
        self._problems.add("reordered", self._file, number, sentence)

    def _inserted(self, damage: Damage) -> None:
        for each in damage.lines:
            sentence = "this line was not written by the log: the lines around it follow each other"
            self._problems.add("inserted", each.file, each.line, sentence, sha256=each.sha256)
        self._problems.unlisted += damage.total - len(damage.lines)

    def _event(self, event: dict[str, Any], number: int, follows: bool) -> None:
        if event.get("event") == "unwritten":
            reason, since, records = event.get("reason"), event.get("since"), event.get("records")
            sentence = f"the log says that {records} calls since {since} could not be recorded ({reason})"
            self._problems.add("unwritten", self._file, number, sentence, records=records, reason=reason)
        if event.get("event") == "recovered" and event.get("found") == "short":
            sentence = f"the log noted here that its last {count(int(event['bytes']), 'byte')} had been cut off"
            self._problems.add("truncated", self._file, number, sentence, bytes=event["bytes"])
        elif event.get("event") == "recovered" and follows:
            self._recovered(event, number)

    def _recovered(self, event: dict[str, Any], number: int) -> None:
        """Compare what stands before a `recovered` line with what its writer saw there."""
        torn = event["found"] == "torn"
        damage, self.damage = self.damage, None
        if damage is None:
            sentence = (
                f"the log noted {count(int(event['bytes']), 'byte')} that are no record before this line; gone now"
            )
            self._problems.add("deleted", self._file, number, sentence, bytes=event["bytes"])
            return
        residue = damage.meter.residue()
        same = (residue.size, residue.sha256) == (event["bytes"], event["sha256"])
        evidence = {"bytes": residue.size, "sha256": residue.sha256}
        place = damage.lines[0]
        if same and torn:
            sentence = "a line torn by a crash: its writer died in the middle of it, and the next one noted so"
            self._problems.add("torn", place.file, place.line, sentence, **evidence)
        elif same:
            sentence = "this was not written by the log, which noted so when it found it"
            self._problems.add("inserted", place.file, place.line, sentence, **evidence)
        else:
            sentence = "this is not what the log noted here when it recovered from a crash"
            self._problems.add("edited", place.file, place.line, sentence, noted=event["sha256"], **evidence)
