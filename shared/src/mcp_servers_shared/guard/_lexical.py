"""What a path says before the file system is asked: absolute or not, and its components.

Components are bytes on every system, UTF-8 where the caller gave text, so that names in any encoding pass unchanged.
"""

import os
import re
import sys
from typing import NamedTuple

from mcp_servers_shared.guard.path_errors import AnyPath, malformed

WINDOWS = sys.platform == "win32"
Parts = tuple[bytes, ...]

_DRIVE = re.compile(rb"[A-Za-z]:(?:[\\/]|\Z)")
_DEVICE = re.compile(
    r"(?:CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(?:COM|LPT)[0-9\u00b9\u00b2\u00b3])\s*(?:\.|\Z)", re.IGNORECASE
)
_SHORT = re.compile(r"[^.]{1,6}~\d+(?:\.[^.]{0,3})?\Z")


class Written(NamedTuple):
    """A path as written, without empty and `.` components; `..` still stands."""

    absolute: bool
    parts: Parts


def read(path: AnyPath) -> Written:
    """Takes the path apart. Raises PathRefused for what can be no path: empty, NUL, lone surrogates, drive forms."""
    raw = _encoded(path)
    if not raw:
        raise malformed(path, "it is empty")
    if b"\0" in raw:
        raise malformed(path, "it holds a NUL character")
    if WINDOWS:
        return _read_windows(path, raw)
    if _DRIVE.match(raw) or raw.startswith(b"\\\\"):
        raise malformed(path, "it has the form of a Windows path and this server does not run on Windows")
    return Written(raw.startswith(b"/"), components(raw))


def _encoded(path: AnyPath) -> bytes:
    plain = os.fspath(path)
    if isinstance(plain, bytes):
        return plain
    try:
        return plain.encode()
    except UnicodeEncodeError:
        raise malformed(path, "it holds a lone surrogate") from None


def _read_windows(path: AnyPath, raw: bytes) -> Written:
    raw = raw.replace(b"\\", b"/")
    if raw.startswith(b"//"):
        raise malformed(path, "network and device paths are not served")
    absolute = bool(_DRIVE.match(raw))
    parts = components(raw)
    if raw.startswith(b"/") and not absolute:
        raise malformed(path, "it names no drive")
    for part in parts[1:] if absolute else parts:
        problem = windows_name_problem(part.decode(errors="replace"))
        if problem:
            raise malformed(path, problem)
    return Written(absolute, parts)


def windows_name_problem(name: str) -> str | None:
    """Why Windows would read `name` as something else than a plain file name, or None."""
    if name == "..":
        return None
    if ":" in name:
        return "a colon names a stream or a drive"
    if name != name.rstrip(". "):
        return "Windows drops a dot or blank at the end of a name"
    if _DEVICE.match(name):
        return "the name belongs to a device"
    return "it looks like a short (8.3) name" if _SHORT.match(name) else None


def expand_home(path: str) -> str:
    """`~` and `~/x` in the home directory; `~user` and the rest as written."""
    return os.path.expanduser(path) if path == "~" or path.startswith("~/") else path


def components(raw: bytes) -> Parts:
    """The names between slashes, without empty ones and `.`."""
    return tuple([part for part in raw.split(b"/") if part and part != b"."])


def collapse(written: Written) -> Parts | None:
    """The parts with every `..` taken back as written. None where a relative path climbs above its start."""
    if b".." not in written.parts:
        return written.parts
    kept: list[bytes] = []
    for part in written.parts:
        if part != b"..":
            kept.append(part)
        elif kept:
            kept.pop()
        elif not written.absolute:
            return None
    return tuple(kept)


def beneath(parts: Parts, base: Parts) -> Parts | None:
    """What is left of `parts` below `base`, compared component by component; None where it is not below."""
    if folded(parts[: len(base)]) != folded(base):
        return None
    return parts[len(base) :]


def folded(parts: Parts) -> Parts:
    """The form in which names are compared: Windows ignores case."""
    return tuple(part.decode(errors="replace").casefold().encode() for part in parts) if WINDOWS else parts
