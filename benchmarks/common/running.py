"""Several servers at once, each ready to be asked; one that cannot start becomes a note."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from benchmarks.common.client import Era, RawClient
from benchmarks.common.results import Findings


@dataclass(frozen=True)
class Server:
    """A server and how it is started."""

    name: str
    command: Sequence[str]
    era: Era = "legacy"
    env: Mapping[str, str] = field(default_factory=dict[str, str], kw_only=True)

    def start(self, era: Era | None = None) -> RawClient:
        """A client that has not yet said anything; use it as a context manager."""
        return RawClient(self.command, era or self.era, self.env)


ServerT = TypeVar("ServerT", bound=Server)


@contextmanager
def started(
    servers: Iterable[ServerT], findings: Findings
) -> Generator[dict[str, tuple[ServerT, RawClient]], None, None]:
    """The servers that start, by name."""
    with ExitStack() as stack:
        found: dict[str, tuple[ServerT, RawClient]] = {}
        for server in servers:
            try:
                client = stack.enter_context(server.start())
            except (RuntimeError, OSError) as error:
                findings.notes.append(f"{server.name} did not start: {error}")
                continue
            found[server.name] = server, client
        yield found
