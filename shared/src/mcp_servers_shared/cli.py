"""The command of every server: settings in, a served server out.

def main() -> None:
    serve(SqliteSettings, build, check)
"""

import atexit
import contextlib
import gc
import logging
import os
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

import anyio

from mcp_servers_shared.app import Server
from mcp_servers_shared.errors import ServerError
from mcp_servers_shared.settings import ServerSettings, SettingsT, load
from mcp_servers_shared.transports.http import require_loopback

_PATIENCE_S = 2.0


@dataclass(frozen=True)
class Finding:
    """One line of `--check`: what would be served, or what is wrong."""

    text: str
    ok: bool = True


Check = Callable[[SettingsT], Sequence[Finding]]


def serve(
    settings_class: type[SettingsT],
    build: Callable[[SettingsT], Server],
    check: Callable[[SettingsT], Sequence[Finding]],
    argv: Sequence[str] | None = None,
    *,
    prepare: Callable[[SettingsT], None] | None = None,
) -> None:
    """Run a server until its client leaves. Ends the process.

    `prepare` is called before any thread runs, when it is sure that the server will be.

    Exits: 0 after a clean end, 1 for a failed check or a crash, 2 for settings that cannot be served.
    """
    settings = load(settings_class, sys.argv[1:] if argv is None else argv)
    try:
        if settings.transport != "stdio":
            require_loopback(settings.host)
        findings = check(settings)
        if settings.check:
            _leave(_report(findings))
        problems = [finding for finding in findings if not finding.ok]
        if problems and len(problems) == len(findings):
            _report(problems)
            _leave(2)
        for problem in problems:
            sys.stderr.write(f"{settings.program}: {problem.text}\n")
        _run(settings, build, prepare)
    except ServerError as error:
        sys.stderr.write(f"{settings.program}: {error.for_model()}\n")
        _leave(2)
    except KeyboardInterrupt:
        # Before there was anything to close.
        _leave(0)
    except Exception:
        logging.getLogger("mcp_servers").exception("%s ended by a fault of its own", settings.program)
        _leave(1)
    _leave(0)


def _run(
    settings: SettingsT, build: Callable[[SettingsT], Server], prepare: Callable[[SettingsT], None] | None
) -> None:
    server = build(settings)
    if prepare:
        prepare(settings)
    # What was made so far lives as long as the process: no collection has to look at it again.
    gc.freeze()
    anyio.run(_serve, server, settings)


async def _serve(server: Server, settings: ServerSettings) -> None:
    if settings.transport == "stdio":
        from mcp_servers_shared.transports.stdio import serve_stdio

        await serve_stdio(server)
    else:
        from mcp_servers_shared.transports.http import serve_http

        await serve_http(
            server,
            transport=settings.transport,
            host=settings.host,
            port=settings.port,
            log_level=settings.log_level,
        )


def _report(findings: Sequence[Finding]) -> int:
    for finding in findings:
        sys.stderr.write(f"{'ok ' if finding.ok else 'BAD'} {finding.text}\n")
    return 0 if all(finding.ok for finding in findings) else 1


def _leave(code: int) -> NoReturn:
    """Everything is closed by now; the interpreter's own teardown would only take half a second more.

    What registered for the end (logs, exporters of traces) still has its turn, for two seconds.
    """
    timer = threading.Timer(_PATIENCE_S, os._exit, [code])
    timer.daemon = True
    timer.start()
    atexit._run_exitfuncs()  # pyright: ignore[reportPrivateUsage]
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(code)
