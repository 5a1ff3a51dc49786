"""The attack corpus: cases with their macros filled in, a database to attack, and what an answer is worth."""

import hashlib
import json
import re
import shutil
import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sample_databases import database

from mcp_servers_shared.errors import LimitExceeded, ServerError
from mcp_servers_sqlite.databases import DatabaseFile
from mcp_servers_sqlite.limits import Limits
from mcp_servers_sqlite.pool import WorkerPool

CASES = Path(__file__).parent.parent / "data" / "sql_attacks.jsonl"
CANARY = "other_canary_51c2"
_REPEAT = re.compile(r"\{\{repeat:(\d+):(.*?)\}\}", re.DOTALL)


@dataclass(frozen=True)
class Case:
    """One attack or ordinary statement."""

    id: str
    sql: str
    expect: str
    params: Any = None
    tool: str = "query"


@dataclass(frozen=True)
class Outcome:
    """What the pool made of a case."""

    case: Case
    seconds: float
    reply: dict[str, Any] | None = None
    error: Exception | None = None

    def verdict(self, deadline: float, slack: float = 0.75) -> str:
        """An empty string when the case went as it must, else what went wrong."""
        if self.seconds > deadline + slack:
            return f"took {self.seconds:.2f} s"
        if self.error is not None and not isinstance(self.error, ServerError):
            return f"raised {type(self.error).__name__}"
        if isinstance(self.error, ServerError) and self.error.code in ("internal", "worker_crashed", "worker_garbage"):
            return f"broke the worker: {self.error.code}"
        if self.reply is not None and len(json.dumps(self.reply)) > 4_000_000:
            return "answered with more than 4 MB"
        if self.reply is not None and len(str(self.reply.get("text"))) > 48_000:
            return "answered over its budget"
        if CANARY in json.dumps(self.reply) or "canary" in str(self.error):
            return "leaked"
        if self.case.expect == "rejected":
            return "" if self.error is not None and not _only_stopped(self.error) else "was not refused"
        if self.case.expect == "ok":
            return "" if self.reply is not None else f"was refused: {self.error}"
        return ""


def _only_stopped(error: Exception) -> bool:
    return isinstance(error, LimitExceeded) and error.code in ("deadline", "memory")


@dataclass
class Target:
    """A fresh `odd` database in a folder of its own, and what the folder held before the attack."""

    folder: Path
    before: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def file(self) -> Path:
        return self.folder / "odd.db"

    def pool(self, limits: Limits, size: int = 2, layers: frozenset[str] | None = None) -> WorkerPool:
        """A pool on this database; `layers` are those left when one is taken away."""
        databases = {"odd": DatabaseFile("odd", self.file)}
        extra: dict[str, Any] = {} if layers is None else {"layers": layers}
        return WorkerPool(databases, limits, size, **extra)

    def cases(self, ids: Iterable[str] | None = None) -> list[Case]:
        """The cases of the corpus, or those named, with paths beneath this folder."""
        wanted = None if ids is None else set(ids)
        lines = [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines()]
        found = [
            Case(
                one["id"],
                self._fill(one["sql"]),
                one["expect"],
                self._fill(one.get("params")),
                one.get("tool", "query"),
            )
            for one in lines
            if wanted is None or one["id"] in wanted
        ]
        assert wanted is None or len(found) == len(wanted), wanted
        return found

    def changes(self) -> list[str]:
        """Files that were changed, made or lost since the beginning."""
        after = self.digests()
        return sorted(name for name in {*self.before, *after} if self.before.get(name) != after.get(name))

    def digests(self) -> dict[str, str]:
        """The digest of every file in the folder now."""
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in self.folder.iterdir()}

    def _fill(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._fill(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._fill(item) for item in value]
        if not isinstance(value, str):
            return value
        paths = {"{{out}}": "out.db", "{{other}}": "other.db", "{{ext}}": "no_such_library.so"}
        for macro, name in paths.items():
            value = value.replace(macro, str(self.folder / name))
        return _REPEAT.sub(lambda match: match[2] * int(match[1]), value)


def target(folder: Path) -> Target:
    """A copy of the `odd` database and another one with a secret, in `folder`."""
    shutil.copyfile(database("odd"), folder / "odd.db")
    other = sqlite3.connect(folder / "other.db")
    other.executescript(f"CREATE TABLE secret(v); INSERT INTO secret VALUES('{CANARY}')")
    other.close()
    aim = Target(folder)
    aim.before = aim.digests()
    return aim


async def attempt(pool: WorkerPool, case: Case) -> Outcome:
    """One case through the pool."""
    operation = "describe_table" if case.tool == "describe_table" else "query"
    args = {"table_name": case.sql} if case.tool == "describe_table" else {"sql": case.sql, "params": case.params}
    started = time.perf_counter()
    try:
        reply = await pool.run(operation, "odd", args)
    except Exception as error:
        return Outcome(case, time.perf_counter() - started, error=error)
    return Outcome(case, time.perf_counter() - started, reply=reply)
