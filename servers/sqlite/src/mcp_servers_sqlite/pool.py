"""The workers of a server: who runs a call, who waits, and what happens when one must be killed."""

import asyncio
import logging
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from mcp_servers_shared.errors import InvalidInput, LimitExceeded, NotFound, ServerError, Unavailable, WritesDisabled
from mcp_servers_sqlite.databases import DatabaseFile
from mcp_servers_sqlite.engine import frames, sort_folder
from mcp_servers_sqlite.engine.operations import OPERATIONS
from mcp_servers_sqlite.engine.settings import ALL_LAYERS, KILL, TEMP_MEMORY
from mcp_servers_sqlite.lanes import Lane
from mcp_servers_sqlite.limits import Limits
from mcp_servers_sqlite.worker_process import WorkerDied, WorkerProcess, worker_command

logger = logging.getLogger("mcp_servers.sqlite.pool")

_NEVER = 24 * 3600.0


class WorkerPool:
    """Runs operations in processes that can be killed.

    Args:
        databases: what callers may name.
        size: workers that read. One more, started when first needed, writes.
        queue: calls that may wait for a place before `Busy` is raised.
        allow_writes: without it no process that could write is ever started.
        layers, command: for tests that take a guard away or play a lying worker.
    """

    def __init__(
        self,
        databases: Mapping[str, DatabaseFile],
        limits: Limits,
        size: int = 2,
        queue: int = 32,
        *,
        allow_writes: bool = False,
        layers: frozenset[str] = ALL_LAYERS,
        command: Sequence[str] | None = None,
    ) -> None:
        self._databases = dict(databases)
        self._limits = limits
        self._allow_writes = allow_writes
        self._layers = layers
        self._command = command
        self._readers = Lane("reader", size, queue)
        self._writer = Lane("writer", 1, queue)
        self._workers: set[WorkerProcess] = set()
        self._settling: set[asyncio.Task[None]] = set()
        self._unsettled: dict[str, asyncio.Lock] = {}
        self._closed = False

    @property
    def pids(self) -> list[int]:
        """Process ids of the workers that live now."""
        return sorted(worker.pid for worker in self._workers if worker.pid)

    async def run(
        self, operation: str, database: str, args: Mapping[str, Any], *, deadline: float | None = None
    ) -> dict[str, Any]:
        """The operation's result.

        Args:
            deadline: seconds this statement may run; the limit of the pool when omitted.

        Raises:
            ServerError: what the operation says, or NotFound, Busy, LimitExceeded, Unavailable, WritesDisabled.
        """
        if operation not in OPERATIONS:
            raise InvalidInput(f"There is no operation '{operation}'", code="unknown_operation")
        file = self._databases.get(database)
        if file is None:
            raise NotFound(
                f"There is no database called '{database[:80]}'",
                code="unknown_database",
                hint=f"Databases: {', '.join(self._databases)}.",
            )
        writes = OPERATIONS[operation].connection == "write"
        if writes and not self._allow_writes:
            raise WritesDisabled(
                "This server only reads", rule="pool", hint="Start it with --allow-writes to change data."
            )
        if self._closed:
            raise _closed()
        file.ensure()
        if database in self._unsettled:
            await self._recover(file)
        return await self._run(operation, file, args, deadline or self._limits.deadline, writes)

    async def aclose(self) -> None:
        """Kills every worker and waits until all are gone; calls that still run get Unavailable."""
        self._closed = True
        for lane in (self._readers, self._writer):
            lane.send_away(_closed())
        while self._workers or self._settling:
            for worker in list(self._workers):
                worker.kill("closed")
            await asyncio.gather(*[worker.ended() for worker in self._workers], *self._settling)
            await asyncio.sleep(0)

    async def _run(
        self, operation: str, file: DatabaseFile, args: Mapping[str, Any], deadline: float, writes: bool
    ) -> dict[str, Any]:
        lane = self._writer if writes else self._readers
        request = {"operation": operation, "path": str(file.path), "args": dict(args), "deadline": deadline}
        held = True
        await lane.enter()
        began = time.monotonic()
        try:
            worker = await self._worker(lane)
            try:
                answer = await self._ask(worker, lane, request, began)
            except asyncio.CancelledError:
                if writes:
                    held = False
                    self._settle_later(worker, lane, file)
                else:
                    worker.kill("cancelled")
                raise
            except WorkerDied as death:
                if writes:
                    self._unsettled.setdefault(file.name, asyncio.Lock())
                raise _explain(death, worker, deadline) from None
            self._keep(worker, lane)
        finally:
            if held:
                lane.leave()
        return _unwrap(answer, worker)

    async def _ask(self, worker: WorkerProcess, lane: Lane, request: Mapping[str, Any], began: float) -> dict[str, Any]:
        """The worker's answer; the call as a whole ends in time, the start of a new worker included, up to half."""
        spent = min(time.monotonic() - began, request["deadline"] / 2)
        left = request["deadline"] - spent + self._limits.kill_after if KILL in self._layers else _NEVER
        timer = asyncio.get_running_loop().call_later(left, worker.kill, "deadline")
        try:
            return await worker.ask({**request, "spent": spent})
        finally:
            timer.cancel()
            lane.took(time.monotonic() - began)

    async def _worker(self, lane: Lane) -> WorkerProcess:
        """An idle worker, or a new one."""
        while lane.idle:
            worker = lane.idle.pop()
            if worker.alive:
                return worker
        if self._closed:
            raise _closed()
        worker = WorkerProcess(self._limits.reply_bytes)
        self._workers.add(worker)
        worker.when_ended(self._workers.discard)
        settings = asdict(self._limits) | {"layers": sorted(self._layers)}
        try:
            await worker.start(
                self._command or worker_command(),
                sort_folder.environment() if TEMP_MEMORY in self._layers and lane is self._readers else {},
                {"settings": settings, "role": lane.role},
                self._limits.start_timeout,
            )
        except (WorkerDied, OSError) as error:
            logger.error("a worker could not start: %s %s", error, worker.stderr)
            hint = "The server's log says why."
            raise Unavailable("A SQLite worker could not start", code="worker_start", hint=hint) from None
        return worker

    def _keep(self, worker: WorkerProcess, lane: Lane) -> None:
        if worker.alive and not self._closed:
            lane.idle.append(worker)
        else:
            worker.kill("retired")

    def _settle_later(self, worker: WorkerProcess, lane: Lane, file: DatabaseFile) -> None:
        """Lets a cancelled write roll back by itself for a moment; the place stays taken until it has."""
        task = asyncio.get_running_loop().create_task(self._settle(worker, lane, file))
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    async def _settle(self, worker: WorkerProcess, lane: Lane, file: DatabaseFile) -> None:
        answer = worker.outstanding()
        try:
            if answer is not None:
                worker.interrupt()
                await asyncio.wait_for(answer, self._limits.kill_after)
            self._keep(worker, lane)
        except (TimeoutError, WorkerDied):
            self._unsettled.setdefault(file.name, asyncio.Lock())
            worker.kill("cancelled")
        finally:
            lane.leave()

    async def _recover(self, file: DatabaseFile) -> None:
        """Has SQLite roll back what a killed writer left, before anybody looks at the database again."""
        lock = self._unsettled.get(file.name)
        if lock is None:
            return
        async with lock:
            if file.name in self._unsettled:
                await self._run("recover", file, {}, self._limits.deadline, True)
                del self._unsettled[file.name]


def _closed() -> ServerError:
    return Unavailable("The server is shutting down", code="closing")


def _unwrap(answer: dict[str, Any], worker: WorkerProcess) -> dict[str, Any]:
    if "ok" in answer:
        return answer["ok"]
    try:
        error = frames.error_from_wire(answer["error"])
    except (KeyError, TypeError, AttributeError, ValueError):
        worker.kill("garbage")
        error = _garbage()
    raise error


def _garbage() -> ServerError:
    return Unavailable(
        "The SQLite worker answered nonsense and was replaced", code="worker_garbage", hint="Call again."
    )


def _explain(death: WorkerDied, worker: WorkerProcess, deadline: float) -> ServerError:
    """Why there is no answer, as an error for the model."""
    code = death.returncode or 0
    if death.reason == "deadline" or (not death.reason and code == -getattr(signal, "SIGALRM", 14)):
        return LimitExceeded(
            f"The statement did not stop after {deadline:g} s and its process was killed",
            code="deadline",
            hint="A single function call worked on too much text; use shorter values or fewer rows.",
        )
    if death.reason == "too_large":
        return LimitExceeded("The answer was too large and was stopped", code="too_large", hint="Ask for less.")
    if death.reason == "garbage":
        return _garbage()
    if death.reason == "closed":
        return _closed()
    name = signal.Signals(-code).name if code < 0 else f"exit status {code}"
    logger.error("a worker ended with %s: %s", name, worker.stderr)
    return Unavailable(
        f"The SQLite process crashed ({name}) on this statement and was replaced",
        code="worker_crashed",
        hint="The database was not changed by it. Change the statement before calling again.",
    )
