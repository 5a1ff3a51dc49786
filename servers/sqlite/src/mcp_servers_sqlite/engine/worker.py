"""The process that runs statements. Nothing but the standard library and the guard is loaded here.

It answers one request at a time, ends when its input ends, and may be killed at any moment without harm to a database.
"""

import gc
import os
import signal
import sqlite3
import sys
from collections.abc import Mapping
from typing import Any, BinaryIO

from mcp_servers_shared.errors import LimitExceeded, ServerError, Unavailable, WritesDisabled
from mcp_servers_shared.guard.sql.policy import PlanPolicy, ReadPolicy
from mcp_servers_sqlite.engine import confinement, frames
from mcp_servers_sqlite.engine import settings as layer
from mcp_servers_sqlite.engine.connection import Deadline, GuardedConnection, open_read_only
from mcp_servers_sqlite.engine.failures import translate
from mcp_servers_sqlite.engine.operations import OPERATIONS, Kind
from mcp_servers_sqlite.engine.settings import Settings

WRITER = "writer"


class Worker:
    """Serves requests over two pipes until the first one ends."""

    def __init__(self, source: BinaryIO, sink: BinaryIO) -> None:
        self._source = source
        self._sink = sink
        self._deadline = Deadline(0)
        hello = self._read() or {}
        self.settings = Settings.from_wire(hello.get("settings", {}))
        self._writer = hello.get("role") == WRITER
        confinement.confine(self.settings, hello.get("parent", 0), writer=self._writer, interrupt=self._interrupt)

    def serve(self) -> None:
        """Answers until the input ends or this process has grown too large to keep."""
        gc.freeze()
        self._write({"id": 0, "ok": {"pid": os.getpid(), "sqlite": sqlite3.sqlite_version}})
        while (request := self._read()) is not None:
            reply = self._answer(request)
            retire = confinement.resident_bytes() > self.settings.retire_bytes
            if retire:
                reply["retire"] = True
            self._write(reply)
            if retire:
                return

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        identity = request["id"]
        deadline = self._deadline = Deadline(float(request["deadline"]), spent=float(request["spent"]))
        guarded = layer.ALARM in self.settings.layers
        if guarded:
            confinement.arm(deadline.seconds + 2 * self.settings.kill_after)
        try:
            return {"id": identity, "ok": self._run(request, deadline)}
        except ServerError as error:
            return {"id": identity, "error": frames.error_to_wire(error)}
        except (MemoryError, RecursionError):
            error = LimitExceeded(
                "The statement needs more memory than one call may use",
                code="memory",
                hint="Select fewer or shorter values, or aggregate in SQL.",
            )
            return {"id": identity, "error": frames.error_to_wire(error)}
        except Exception as error:
            sys.excepthook(type(error), error, error.__traceback__)
            broken = Unavailable("The SQLite worker failed on this call", code="internal")
            return {"id": identity, "error": frames.error_to_wire(broken)}
        finally:
            if guarded:
                confinement.arm(0)

    def _run(self, request: dict[str, Any], deadline: Deadline) -> dict[str, Any]:
        operation = OPERATIONS[request["operation"]]
        args: Mapping[str, Any] = request["args"]
        connection: GuardedConnection | None = None
        try:
            connection = self._open(operation.connection, request["path"], deadline)
            return operation.load()(connection, args)
        except sqlite3.Error as error:
            raise translate(error, connection, args, deadline) from None
        finally:
            if connection is not None:
                connection.close()

    def _open(self, kind: Kind, path: str, deadline: Deadline) -> GuardedConnection:
        if kind == "write":
            if not self._writer:
                raise WritesDisabled("This worker only reads", rule="role")
            from mcp_servers_sqlite.engine.write_connection import open_read_write

            return open_read_write(path, self.settings, deadline=deadline)
        policy = PlanPolicy if kind == "plan" else ReadPolicy
        return open_read_only(path, self.settings, deadline=deadline, policy=policy)

    def _interrupt(self, *_: object) -> None:
        self._deadline.interrupted = True

    def _read(self) -> dict[str, Any] | None:
        head = self._source.read(frames.LENGTH.size)
        if len(head) < frames.LENGTH.size:
            return None
        payload = self._source.read(frames.LENGTH.unpack(head)[0])
        return frames.decode(payload)

    def _write(self, message: dict[str, Any]) -> None:
        try:
            frame = frames.encode(message)
        except (MemoryError, ValueError, TypeError):
            frame = b""
        if not frame or len(frame) > self.settings.reply_bytes:
            error = LimitExceeded("The answer is too large to send", code="too_large", hint="Ask for less.")
            frame = frames.encode({"id": message["id"], "error": frames.error_to_wire(error)})
        self._sink.write(frame)
        self._sink.flush()


def main() -> None:
    """Serves on the standard streams; whatever prints by mistake goes to stderr."""
    sink = open(os.dup(1), "wb")  # noqa: SIM115
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        Worker(sys.stdin.buffer, sink).serve()
    except (BrokenPipeError, KeyboardInterrupt):
        os._exit(0)
