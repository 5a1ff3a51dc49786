"""Several servers at once, each ready to be asked for rows."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import NamedTuple

from benchmarks.common.client import RawClient, Reply
from benchmarks.common.results import Findings
from benchmarks.common.running import started
from benchmarks.sqlite.subjects import Subject


class Running(NamedTuple):
    """A subject and the client of its process."""

    subject: Subject
    client: RawClient

    def ask(self, sql: str, rows: int | None = None) -> Reply:
        """Runs a query."""
        return self.subject.ask(self.client, sql, rows)

    def seconds(self, sql: str, rows: int | None = None) -> float:
        """Runs a query and tells how long it took."""
        return self.ask(sql, rows).seconds


@contextmanager
def running(subjects: Iterable[Subject], findings: Findings) -> Generator[dict[str, Running], None, None]:
    """The subjects that start, by name."""
    with started(subjects, findings) as found:
        yield {name: Running(*pair) for name, pair in found.items()}
