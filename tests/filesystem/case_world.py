"""A server process of either make and the folders it is tried on. What a case does is the same for both.

base/A          the root of most cases
base/out        never to be reached
"""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

sys.path.insert(0, str(Path(__file__).parents[1] / "end_to_end"))
from official_side import installed
from raw_client import RawClient, Reply

CANARY = "CANARY-do-not-show-7f3a"

Make = Literal["ours", "official"]


def command(make: Make, roots: Sequence[Path | str], *flags: str) -> list[str]:
    """How a server of this make is started for these roots, allowed to write."""
    if make == "official":
        return [str(installed()), *map(str, roots)]
    more = ("--allow-writes", "--audit-log", "off", "--rate-limit", "off", *flags)
    return [sys.executable, "-m", "mcp_servers_filesystem", *map(str, roots), *more]


@dataclass
class World:
    """The folders, and the servers that were started for them. Close it."""

    base: Path
    make: Make = "ours"
    flags: Sequence[str] = ()
    said: list[tuple[str, bool, Any]] = field(default_factory=list[tuple[str, bool, Any]])
    """What was answered: tool, whether it was an error, all of the first block."""
    _clients: dict[tuple[str, ...], RawClient] = field(default_factory=dict[tuple[str, ...], RawClient])

    @property
    def ours(self) -> bool:
        """Whether this is our server."""
        return self.make == "ours"

    @property
    def a(self) -> Path:
        """The root."""
        return self.base / "A"

    @property
    def out(self) -> Path:
        """What nobody may reach."""
        return self.base / "out"

    def fresh(self) -> None:
        """Empty folders again; the root stays the same directory. Forgets what was said."""
        self.said.clear()
        # Other roots will be other directories under the same names.
        for roots in [one for one in self._clients if one != (str(self.a),)]:
            self._clients.pop(roots).close()
        for folder in (self.a, self.out):
            folder.mkdir(parents=True, exist_ok=True)
        left = [one for one in [*self.a.iterdir(), *self.base.iterdir()] if one != self.a]
        if left:
            # Deeper than a path may be, or with a name that is no text: rmtree cannot.
            subprocess.run(["rm", "-rf", "--", *left], check=True)
        self.out.mkdir()
        (self.out / "secret.txt").write_text(CANARY)

    def client(self, *roots: Path | str) -> RawClient:
        """The client of a server for these roots, started once."""
        wanted = tuple(map(str, roots or (self.a,)))
        if wanted not in self._clients or self._clients[wanted].process.poll() is not None:
            started = RawClient(command(self.make, wanted, *self.flags), era="legacy", env=self.state())
            self._clients[wanted] = started.__enter__()
        return self._clients[wanted]

    def asked(self, roots: Callable[[], Sequence[str]]) -> RawClient:
        """A client that says its own roots when it is asked. The caller closes it."""

        def answer(message: dict[str, Any]) -> dict[str, Any]:
            if message["method"] != "roots/list":
                return {}
            uris = roots()
            return {"roots": [{"uri": uri, **({"name": f"r{at}"} if at else {})} for at, uri in enumerate(uris)]}

        capabilities = {"roots": {"listChanged": True}}
        program = command(self.make, (self.base,), *self.flags)
        return RawClient(program, era="legacy", env=self.state(), capabilities=capabilities, answer=answer)

    def state(self) -> Mapping[str, str]:
        """Where a server of ours keeps its state: beside the world, never in a root of its own."""
        return {"MCP_SERVERS_STATE_DIR": str(self.base.with_name(self.base.name + "-state"))}

    def close(self) -> None:
        """Ends all servers."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def call(self, tool: str, *, roots: Sequence[Path | str] = (), **arguments: Any) -> Reply:
        """A call, written down."""
        plain = {name: str(value) if isinstance(value, Path) else value for name, value in arguments.items()}
        reply = self.client(*roots).call(tool, plain)
        block = None if reply.is_error else reply.result["content"][0]
        self.said.append((tool, reply.is_error, block))
        if not reply.is_error:
            assert set(reply.data) >= {"content"}, reply.message
            if block and block["type"] == "text":
                assert reply.data["content"] == block["text"]
        return reply

    def ok(self, tool: str, *, roots: Sequence[Path | str] = (), **arguments: Any) -> str:
        """The first text of a call that goes well."""
        reply = self.call(tool, roots=roots, **arguments)
        assert not reply.is_error, reply.text + self.client(*roots).stderr()[-2000:]
        return str(reply.result["content"][0]["text"])

    def refused(self, tool: str, *, roots: Sequence[Path | str] = (), **arguments: Any) -> str:
        """The text of a call that is refused, with nothing from outside in it."""
        reply = self.call(tool, roots=roots, **arguments)
        assert reply.is_error, f"{tool} {arguments} went through: {reply.text[:200]}"
        assert CANARY not in str(reply.message)
        return reply.text

    def read(self, path: Path | str, **more: Any) -> str:
        """The text of a file."""
        return self.ok("read_text_file", path=path, **more)

    def untouched(self) -> None:
        """Nothing outside was changed or made."""
        assert os.listdir(self.out) == ["secret.txt"], os.listdir(self.out)
        assert (self.out / "secret.txt").read_text() == CANARY


@dataclass(frozen=True)
class Case:
    """One case of the official server's tests."""

    name: str
    run: Callable[[World], None]
    differs: str
    """Why what we say is not what the official server says; empty where it must be the same."""


CASES: dict[str, Case] = {}


def case(*names: str, differs: str = "") -> Callable[[Callable[[World], None]], Callable[[World], None]]:
    """Puts a function into the list of cases."""

    def keep(run: Callable[[World], None]) -> Callable[[World], None]:
        for name in names:
            assert name not in CASES, name
            CASES[name] = Case(name, run, differs)
        return run

    return keep
