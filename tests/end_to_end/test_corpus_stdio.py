"""The whole attack corpus against one real server process, as a host would send it."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from memory_watch import MemoryWatch
from plain_sqlite import differences, plain_rows
from raw_client import RawClient, Reply, sqlite_command

sys.path.insert(0, str(Path(__file__).parents[1] / "sqlite"))
from corpus import CANARY, Case, Target, target

DEADLINE = 2.0
GRACE = 0.75
MOST_BYTES = 400_000_000
MOST_CHARS = 48_000
MOST_ROWS = 50
TELLS_THE_TIME = frozenset({"read-dates", "read-random", "read-changes"})

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from /proc")


@dataclass
class Attack:
    """One corpus case on its way through a server, and the objections to what came back."""

    aim: Target
    case: Case
    reply: Reply
    peak: int

    def objections(self) -> list[str]:
        """What is wrong, in words; empty when all is as the corpus says."""
        found: list[str] = []
        if self.reply.seconds > DEADLINE + GRACE:
            found.append(f"took {self.reply.seconds:.2f} s")
        if self.peak > MOST_BYTES:
            found.append(f"held {self.peak / 1e6:.0f} MB")
        if CANARY in json.dumps(self.reply.message):
            found.append("leaked what is in another file")
        found += self._refusal() if self.reply.is_error else self._answer()
        return found

    def _refusal(self) -> list[str]:
        if self.case.expect == "ok":
            return [f"refused: {self.reply.text[:120]}"]
        is_rpc_error = "error" in self.reply.message
        found = [] if is_rpc_error or self.reply.code else ["no code"]
        if len(self.reply.text) < 20 or str(self.aim.folder) in self.reply.text:
            found.append(f"a reason of no use: {self.reply.text[:120]}")
        if self.case.expect == "rejected" and self.reply.code in ("deadline", "memory", "internal", "worker_crashed"):
            found.append(f"only stopped: {self.reply.code}")
        return found

    def _answer(self) -> list[str]:
        if self.case.expect == "rejected":
            return ["accepted"]
        found: list[str] = []
        size = len(self.reply.text) + len(json.dumps(self.reply.data, ensure_ascii=False, separators=(",", ":")))
        if size > MOST_CHARS:
            found.append(f"{size} characters")
        if self.case.tool == "query":
            if len(self.reply.data["rows"]) > MOST_ROWS:
                found.append("more rows than a page")
            if self.case.expect == "ok" and self.case.id not in TELLS_THE_TIME:
                found += differences(self.reply.data, *plain_rows(self.aim.file, self.case.sql, self.case.params))
        return found


def attack(client: RawClient, aim: Target, case: Case, watch: MemoryWatch) -> list[str]:
    """Send one case, then ask for something trivial: all objections."""
    watch.reset()
    if case.tool == "describe_table":
        reply = client.call("describe_table", {"table_name": case.sql})
    else:
        params: dict[str, Any] = {} if case.params is None else {"params": case.params}
        reply = client.query(case.sql, **params)
    found = Attack(aim, case, reply, watch.reset()).objections()
    after = client.query("SELECT count(*) FROM users")
    if after.is_error or after.data["rows"] != [[2000]]:
        found.append(f"afterwards: {after.text[:120]}")
    return found


@pytest.mark.requirement("SQL-1", "SQL-3", "ERR-1")
def test_the_corpus_through_a_real_process(tmp_path: Path) -> None:
    aim = target(tmp_path)
    cases = aim.cases()
    command = sqlite_command("--rate-limit", "off", "--timeout", str(DEADLINE), db=f"odd={aim.file}")
    with RawClient(command) as client:
        with MemoryWatch(client.pid) as watch:
            wrong = {case.id: found for case in cases if (found := attack(client, aim, case, watch))}
        assert client.close() == 0
        assert "Traceback" not in client.stderr()
    assert not wrong
    assert len(cases) >= 254
    assert aim.changes() == [], "files were changed, made or lost"


@pytest.mark.requirement("SQL-3")
def test_two_memory_attacks_at_once_stay_within_the_bound(tmp_path: Path) -> None:
    aim = target(tmp_path)
    case = aim.cases(["mem-materialize"])[0]
    command = sqlite_command("--rate-limit", "off", "--timeout", str(DEADLINE), db=f"odd={aim.file}")
    with RawClient(command) as client, MemoryWatch(client.pid) as watch:
        sent = [client.start("query_database", {"sql": case.sql}) for _ in range(2)]
        replies = [client.receive(identity, when) for identity, when in sent]
        assert [reply.is_error for reply in replies] == [True, True]
        assert {reply.code for reply in replies} <= {"memory", "deadline"}
        assert watch.peak <= MOST_BYTES, f"{watch.peak / 1e6:.0f} MB"
        assert not client.query("SELECT 1").is_error
