"""What the operating system enforces on a worker: memory, file size, and that it does not outlive its server."""

import os
import signal
import sys
from collections.abc import Callable

from mcp_servers_sqlite.engine import settings as layer
from mcp_servers_sqlite.engine.settings import Settings

_PR_SET_PDEATHSIG = 1
# Three streams and one copy, a database with its two side files, and three temporary files.
_OPEN_FILES = 10
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def confine(settings: Settings, parent: int, *, writer: bool, interrupt: Callable[..., None]) -> None:
    """Applies the limits of this platform. `interrupt` is called when the server asks a statement to stop."""
    if hasattr(signal, "SIGUSR1"):
        signal.signal(signal.SIGUSR1, interrupt)
    _die_with(parent)
    if layer.RLIMITS in settings.layers and sys.platform != "win32":
        import resource

        _lower(resource.RLIMIT_AS, settings.address_space_bytes)
        _lower(resource.RLIMIT_CORE, 0)
        if not writer:
            _lower(resource.RLIMIT_FSIZE, settings.file_bytes)
            _lower(resource.RLIMIT_NOFILE, _OPEN_FILES)


def arm(seconds: float) -> None:
    """Lets the kernel end this process after so many seconds, even inside one long C call; 0 disarms."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def resident_bytes() -> int:
    """Memory this process really uses now; 0 where that is not known."""
    if sys.platform != "linux":
        return 0
    file = os.open("/proc/self/statm", os.O_RDONLY)
    try:
        return int(os.read(file, 128).split()[1]) * _PAGE_BYTES
    finally:
        os.close(file)


def _lower(kind: int, size: int) -> None:
    import resource

    hard = resource.getrlimit(kind)[1]
    wanted = size if hard == resource.RLIM_INFINITY else min(size, hard)
    resource.setrlimit(kind, (wanted, wanted))


def _die_with(parent: int) -> None:
    """On Linux the kernel kills this process when the server ends, even in the middle of a statement."""
    if sys.platform != "linux":
        return
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if parent and os.getppid() != parent:
        os._exit(0)
