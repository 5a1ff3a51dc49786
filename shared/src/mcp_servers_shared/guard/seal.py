"""The second lock: the kernel itself keeps the process in its folders, whatever code runs in it.

    sealed = seal(read=["/docs"], write=["/work", state_folder])
    sealed.active, sealed.reason

Call it before the first thread: it binds the calling thread and all that comes from it. No program can be started from
then on. It does not hide that a file exists, only what is in it, and it cannot be undone.
"""

import os
import site
import sys
import sysconfig
import threading
from collections.abc import Iterable
from dataclasses import dataclass

from mcp_servers_shared.guard import _landlock

_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random", "/dev/tty")
_SYSTEM = (
    "/etc/localtime",
    "/usr/share/zoneinfo",
    "/etc/ld.so.cache",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/resolv.conf",
    "/usr/lib",
    "/lib",
    "/lib64",
)
_CLOSED = ("/etc/passwd", "/proc/self/environ", "/var/log")


@dataclass(frozen=True)
class Sealed:
    """Whether the kernel holds the process, and in a few words how or why not."""

    active: bool
    reason: str


def available() -> bool:
    """Whether this kernel can."""
    return _landlock.abi() > 0


def seal(*, read: Iterable[str], write: Iterable[str], moves: bool = True) -> Sealed:
    """Allows reading beneath `read` and what Python itself needs, everything beneath `write`, nothing else.

    Never raises: what could not be done is said.

    Args:
        moves: whether files must be movable from one folder to another, which the first Landlock allows nobody.
    """
    version = _landlock.abi()
    if not version:
        return Sealed(False, "off: this system has no Landlock")
    if moves and version < _landlock.REFER_SINCE:
        return Sealed(False, "off: this system's Landlock allows no moves between folders (Linux 5.19 does)")
    if _threads() > 1:
        return Sealed(False, "off: other threads run already")
    everything = _landlock.every_right(version)
    rules = [(path, _landlock.READ) for path in (*_python(), *_SYSTEM, *read)]
    rules += [(path, _landlock.READ | _landlock.WRITE_FILE) for path in _DEVICES]
    rules += [(path, everything & ~_landlock.EXECUTE) for path in write]
    try:
        _landlock.restrict(rules)
    except OSError as error:
        return Sealed(False, f"off: {error.strerror or error}")
    problem = _escape([path for path, _ in rules])
    if problem:
        return Sealed(False, f"off: {problem}")
    return Sealed(True, f"Landlock, version {version}")


def _threads() -> int:
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return threading.active_count()


def _python() -> list[str]:
    """Folders that imports and the interpreter read from. Not the working folder, which `python -m` adds."""
    searched = set(sys.path) - {os.getcwd()}
    paths = {sys.prefix, sys.base_prefix, sys.exec_prefix, *searched, *sysconfig.get_paths().values()}
    paths |= set(site.getsitepackages()) | {site.getusersitepackages()}
    return sorted({os.path.realpath(path) for path in paths if path and os.path.isabs(path)} - {"/"})


def _escape(allowed: Iterable[str]) -> str:
    """Tries what must not work any more; what it got away with, or nothing."""
    places = [os.path.realpath(path).rstrip(os.sep) + os.sep for path in allowed]
    for path in _CLOSED:
        if any((path + os.sep).startswith(place) for place in places):
            continue
        try:
            os.close(os.open(path, os.O_RDONLY))
        except OSError:
            continue
        return f"{path} can still be opened"
    return ""
