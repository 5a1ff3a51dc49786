"""Several servers at once, each ready to be asked; one that cannot start becomes a note."""

from collections.abc import Generator, Iterable
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from benchmarks.sqlite.client import RawClient, Reply
from benchmarks.sqlite.results import Findings
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
    with ExitStack() as stack:
        found: dict[str, Running] = {}
        for subject in subjects:
            try:
                client = stack.enter_context(subject.start())
            except (RuntimeError, OSError) as error:
                findings.notes.append(f"{subject.name} did not start: {error}")
                continue
            found[subject.name] = Running(subject, client)
        yield found
