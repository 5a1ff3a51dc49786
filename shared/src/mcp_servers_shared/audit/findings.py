"""What a verification found: every problem with its place, its kind, a sentence and the evidence."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal[
    "edited",  # a line does not carry its own seal
    "deleted",  # lines or a whole file are missing
    "inserted",  # lines that were never written by this log
    "duplicated",  # genuine lines that stand there twice
    "reordered",  # genuine lines or files in another order
    "truncated",  # the end is missing
    "rewritten",  # sealed with the key, but another chain than the head remembers
    "replaced",  # another log stands where this one was written
    "foreign_key",  # sealed with a key that is not here
    "no_key",  # no key here at all
    "no_head",  # no head here: a missing end cannot be noticed
    "missing",  # no log at this path, and none known to have been there
    "unreadable",  # the operating system refused to read
    "torn",  # a writer died in the middle of a line: no tampering
    "unwritten",  # records that could not be written and that the log owns up to: no tampering
]
HARMLESS: frozenset[Kind] = frozenset({"torn", "unwritten"})
MAX_PROBLEMS = 1000


@dataclass(frozen=True)
class Problem:
    """One thing that is not as it was written."""

    kind: Kind
    file: str
    """Name of the file, without its folder."""
    line: int
    """Line in the file, from 1; 0 where a whole file is meant."""
    sentence: str
    evidence: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Plain JSON: record numbers, counts, hashes."""

    @property
    def tampering(self) -> bool:
        """Whether it takes more than a crash or a full disk."""
        return self.kind not in HARMLESS

    def to_json(self) -> dict[str, Any]:
        """The problem as plain JSON."""
        return {
            "kind": self.kind,
            "file": self.file,
            "line": self.line,
            "sentence": self.sentence,
            "evidence": dict(self.evidence),
        }


@dataclass(frozen=True)
class Verification:
    """The answer of `verify`. `ok` means that every line is genuine, in place, and none is missing."""

    ok: bool
    records: int
    """Genuine records; lines in which the log speaks about itself are not counted."""
    generations: int
    """Files read."""
    first: str | None
    """Time of the first genuine line, UTC ISO."""
    last: str | None
    problems: list[Problem]
    unlisted: int = 0
    """Problems beyond the first 1,000."""
    log_id: str = ""

    def to_json(self) -> dict[str, Any]:
        """The answer as plain JSON."""
        return {
            "ok": self.ok,
            "records": self.records,
            "generations": self.generations,
            "first": self.first,
            "last": self.last,
            "log_id": self.log_id,
            "problems": [problem.to_json() for problem in self.problems],
            "unlisted": self.unlisted,
        }


class Problems:
    """Collects problems; beyond MAX_PROBLEMS it only counts, so that a hostile log cannot fill memory."""

    def __init__(self) -> None:
        self.listed: list[Problem] = []
        self.unlisted = 0
        self.tampering = False

    def add(self, kind: Kind, file: str, line: int, sentence: str, **evidence: Any) -> None:
        """Note a problem."""
        self.tampering = self.tampering or kind not in HARMLESS
        if len(self.listed) < MAX_PROBLEMS:
            self.listed.append(Problem(kind, file, line, sentence, evidence))
        else:
            self.unlisted += 1

    def sorted(self, files: list[str]) -> list[Problem]:
        """In reading order."""
        order = {name: place for place, name in enumerate(files)}
        return sorted(self.listed, key=lambda problem: (order.get(problem.file, -1), problem.line))


def count(number: int, noun: str) -> str:
    """`1 record`, `2 records`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def numbers(first: int, last: int) -> str:
    """`record 7` or `records 7 to 9`."""
    return f"record {first}" if first == last else f"records {first} to {last}"
