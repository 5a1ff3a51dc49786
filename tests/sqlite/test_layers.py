"""Every layer of a read holds something by itself: taken away, named cases of the corpus go wrong.

Most layers stand behind others on purpose. Such a layer is tried without those: alone it must still hold its cases,
and without it they must go wrong.
"""

import asyncio
import sqlite3
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
from corpus import Case, Target, attempt, target
from pool_world import C_LOOP, ENDLESS, cpu_seconds, is_alive, pool_on, run, until

from mcp_servers_shared.errors import LimitExceeded
from mcp_servers_shared.guard.sql.limits import apply_defensive
from mcp_servers_sqlite.engine.settings import ALL_LAYERS
from mcp_servers_sqlite.limits import Limits
from mcp_servers_sqlite.pool import WorkerPool

LIMITS = Limits(deadline=4.0)
MOST_BYTES = 400 * 1024 * 1024
WRITES = ["dml-insert", "dml-with-rec-insert", "ddl-create", "pragma-uv-eq"]
OWN = {
    "own-untrusted-view": Case("own-untrusted-view", "SELECT * FROM untrusted", "rejected"),
    "own-tokenizer": Case("own-tokenizer", "SELECT fts3_tokenizer('simple', x'4141414141414141')", "rejected"),
    # Minutes on any machine: what the corpus has for this ends by itself on a fast one.
    "own-one-call": Case("own-one-call", C_LOOP, "bounded"),
    "own-memory": Case(
        "own-memory",
        "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c WHERE n<700) "
        "SELECT count(*) FROM (SELECT DISTINCT n, zeroblob(1000000) FROM c)",
        "bounded",
    ),
}


@dataclass(frozen=True)
class Layer:
    """A layer, the cases it holds, and the layers that hold them too and are taken away before."""

    name: str
    cases: list[str]
    beside: frozenset[str] = frozenset()


LAYERS = [
    Layer("gate", ["text-lone-surrogate"]),
    Layer("mode_ro", WRITES, frozenset({"gate", "query_only", "authorizer"})),
    Layer("query_only", WRITES, frozenset({"gate", "mode_ro", "authorizer"})),
    Layer("authorizer", ["pragma-tvf-dblist", "pragma-locking"]),
    Layer("authorizer", WRITES, frozenset({"gate", "mode_ro", "query_only"})),
    Layer("trusted_schema", ["own-untrusted-view"]),
    Layer("limits", ["mem-replace"], frozenset({"heap_limit", "rlimits"})),
    Layer("heap_limit", ["own-memory"], frozenset({"rlimits"})),
    Layer("rlimits", ["own-memory"], frozenset({"heap_limit"})),
    Layer("caps", ["shape-many"]),
    Layer("lenient_text", ["shape-bad-utf8-name"]),
    Layer("kill", ["own-one-call"], frozenset({"alarm"})),
    Layer("alarm", ["own-one-call"], frozenset({"kill"})),
]
TRIED_BELOW = {"progress", "temp_memory", "defensive"}


def prepared(folder: Path) -> Target:
    """The usual target and a view that calls a function no schema may call unasked."""
    folder.mkdir()
    aim = target(folder)
    connection = sqlite3.connect(aim.file)
    connection.executescript("CREATE VIEW untrusted AS SELECT fts5_source_id() AS id")
    connection.close()
    aim.before = aim.digests()
    return aim


def peak_bytes(process: Path) -> list[int]:
    try:
        status = (process / "status").read_text(encoding="ascii")
    except OSError:
        return []
    return [int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM")]


async def most_memory(pool: WorkerPool, seen: list[int]) -> None:
    """Notes the most memory that any worker of the pool has had, until cancelled."""
    while True:
        for pid in pool.pids:
            seen += peak_bytes(Path("/proc") / str(pid))
        await asyncio.sleep(0.02)


async def gone_wrong(aim: Target, cases: Iterable[Case], layers: frozenset[str]) -> set[str]:
    """The cases that do harm, or are not answered as they must be, with these layers."""
    wrong: set[str] = set()
    for case in cases:
        pool = aim.pool(LIMITS, size=1, layers=layers)
        seen: list[int] = []
        watching = asyncio.create_task(most_memory(pool, seen))
        try:
            outcome = await asyncio.wait_for(attempt(pool, case), LIMITS.deadline + 5)
            if outcome.verdict(LIMITS.deadline, slack=5) or max(seen, default=0) > MOST_BYTES:
                wrong.add(case.id)
        except TimeoutError:
            wrong.add(case.id)
        finally:
            watching.cancel()
            await pool.aclose()
        if aim.changes():
            wrong.add(case.id)
            aim.before = aim.digests()
    return wrong


@pytest.mark.requirement("SQL-1", "SQL-3")
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
@pytest.mark.parametrize("layer", LAYERS, ids=lambda one: f"{one.name}-{len(one.beside)}")
def test_a_layer_holds_its_cases(layer: Layer, tmp_path: Path) -> None:
    with_it = ALL_LAYERS - layer.beside

    def cases(aim: Target) -> list[Case]:
        return [OWN[name] for name in layer.cases if name in OWN] + aim.cases(set(layer.cases) - set(OWN))

    held, open_ = prepared(tmp_path / "with"), prepared(tmp_path / "without")
    assert asyncio.run(gone_wrong(held, cases(held), with_it)) == set()
    assert asyncio.run(gone_wrong(open_, cases(open_), with_it - {layer.name})) == set(layer.cases)


def test_every_layer_is_tried() -> None:
    assert {layer.name for layer in LAYERS} | TRIED_BELOW == ALL_LAYERS


@pytest.mark.requirement("SQL-3")
@pytest.mark.parametrize("layers", [ALL_LAYERS, ALL_LAYERS - {"progress"}], ids=["with", "without"])
def test_progress_stops_a_statement_without_costing_the_process(tmp_path: Path, layers: frozenset[str]) -> None:
    aim = target(tmp_path)

    async def test() -> None:
        async with pool_on(aim.file, Limits(deadline=0.5), size=1, layers=layers) as pool:
            await pool.run("query", "db", {"sql": "SELECT 1"}, deadline=60)
            before = pool.pids
            with pytest.raises(LimitExceeded):
                await pool.run("query", "db", {"sql": ENDLESS})
            await pool.run("query", "db", {"sql": "SELECT 1"}, deadline=60)
            assert (pool.pids == before) == ("progress" in layers)

    run(test)


@pytest.mark.requirement("SQL-3")
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("layers", [ALL_LAYERS, ALL_LAYERS - {"temp_memory"}], ids=["with", "without"])
def test_temp_memory_keeps_sorting_off_the_disk(tmp_path: Path, layers: frozenset[str]) -> None:
    """A sort of a few megabytes, held open by a C call that never ends while its files are looked at."""
    aim = target(tmp_path)
    sql = f"SELECT max(t), ({C_LOOP}) FROM (SELECT b.body || a.id AS t FROM posts a, posts b WHERE b.id < 9 GROUP BY t)"

    def temporary(pool: WorkerPool) -> list[str]:
        links = [link for pid in pool.pids for link in Path(f"/proc/{pid}/fd").iterdir()]
        return [path for path in map(read_link, links) if "etilqs" in path]

    async def test() -> None:
        async with pool_on(aim.file, Limits(deadline=60.0), size=1, layers=layers) as pool:
            await pool.run("query", "db", {"sql": "SELECT 1"})
            (pid,) = pool.pids
            used = cpu_seconds(pid)
            task = asyncio.create_task(pool.run("query", "db", {"sql": sql}))
            await until(lambda: bool(temporary(pool)) or cpu_seconds(pid) > used + 5)
            on_disk = [path for path in temporary(pool) if not path.startswith("/dev/shm")]
            assert bool(on_disk) == ("temp_memory" not in layers)
            task.cancel()
            await until(lambda: not is_alive(pid))

    run(test)


def read_link(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""


@pytest.mark.requirement("SQL-1")
def test_defensive_mode_stops_the_tokenizer_where_python_can_switch_it_on(tmp_path: Path) -> None:
    connection = sqlite3.connect(":memory:")
    available = apply_defensive(connection)
    connection.close()
    assert available == (sys.version_info >= (3, 12))
    aim = prepared(tmp_path / "odd")
    without = ALL_LAYERS - {"authorizer", "gate"}
    case = [OWN["own-tokenizer"]]
    expected = set[str]() if available else {"own-tokenizer"}
    assert asyncio.run(gone_wrong(aim, case, without)) == expected
    assert asyncio.run(gone_wrong(aim, case, without - {"defensive"})) == {"own-tokenizer"}
