"""Windows, reduced and NOT exercised by our tests: open first, then ask the handle where it really is, and compare.

There are no directory descriptors, so `open_parent` and opening directories say that they are not available, and a
path is looked up by name. What was opened outside is closed again before a byte is read or written.
"""

import ctypes
import errno
import os
import sys

from mcp_servers_shared.guard._lexical import Parts, beneath, components
from mcp_servers_shared.guard._walk import Base, Leaves

_MAX_PATH = 32_768
_NOT_AVAILABLE = "directory descriptors do not exist on Windows"


def _parts(path: str) -> Parts:
    return components(path.removeprefix("\\\\?\\").replace("\\", "/").encode(errors="surrogatepass"))


def _text(parts: Parts) -> str:
    return "\\".join(part.decode(errors="surrogatepass") for part in parts)


def pin(path: str) -> Base:
    """Remembers where the directory `path` really is. Raises OSError."""
    real = os.path.realpath(path)
    if not os.path.isdir(real):
        number = errno.ENOTDIR if os.path.exists(real) else errno.ENOENT
        raise OSError(number, os.strerror(number))
    return Base(-1, _parts(real), _parts(os.path.abspath(path)))


def kernel_can(base: Base) -> bool:
    """There is no openat2."""
    return False


def open_beneath(
    base: Base, parts: Parts, flags: int, mode: int = 0, *, kernel: bool, follow_links: bool = True
) -> int:
    """A descriptor whose real path lies beneath `base`. Raises OSError, or Leaves where it does not."""
    wanted = base.real + parts
    if flags & os.O_CREAT:
        _require_beneath(_parts(os.path.realpath(_text(wanted[:-1]))), base)
    quiet = getattr(os, "O_BINARY", 0) | getattr(os, "O_NOINHERIT", 0)
    descriptor = os.open(_text(wanted), flags | quiet, mode)
    try:
        found = _parts(_real_path(descriptor))
        _require_beneath(found, base)
        if not follow_links and beneath(found, wanted) != ():
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def parent_beneath(base: Base, parts: Parts, *, kernel: bool, follow: bool) -> tuple[int, bytes]:
    """Not available."""
    raise OSError(errno.ENOSYS, _NOT_AVAILABLE)


def _require_beneath(parts: Parts, base: Base) -> None:
    if beneath(parts, base.real) is None:
        raise Leaves(parts)


def _real_path(descriptor: int) -> str:
    if sys.platform != "win32":
        raise OSError(errno.ENOSYS, "only Windows has handles")
    import msvcrt

    answer = ctypes.create_unicode_buffer(_MAX_PATH)
    ask = ctypes.WinDLL("kernel32", use_last_error=True).GetFinalPathNameByHandleW
    ask.argtypes = (ctypes.c_void_p, ctypes.c_wchar_p, ctypes.c_uint32, ctypes.c_uint32)
    if not 0 < ask(msvcrt.get_osfhandle(descriptor), answer, _MAX_PATH, 0) < _MAX_PATH:
        raise ctypes.WinError(ctypes.get_last_error())
    return answer.value
