"""What is known about a file without reading it, and its checksum."""

import ctypes
import hashlib
import mimetypes
import os
import sys
from functools import cache
from typing import Any

from mcp_servers_filesystem.deadlines import Deadline
from mcp_servers_filesystem.etags import etag_of
from mcp_servers_filesystem.sizes import date_text
from mcp_servers_filesystem.space import Opened, Space
from mcp_servers_shared.errors import InvalidInput
from mcp_servers_shared.guard.path_errors import not_regular

HASHES = ("sha256", "sha512", "sha1", "md5", "blake2b")
_CHUNK = 1 << 20
_EMPTY_PATH = 0x1000
_BIRTH = 0x800
_STATX_BYTES = 256
_BIRTH_OFFSET = 80


def file_info(deadline: Deadline, space: Space, path: str, hash_name: str | None) -> tuple[str, dict[str, Any]]:
    """`key: value` lines as the official server writes them, then the checksum if asked for."""
    with space.either(path, content=hash_name is not None) as found:
        facts = found.stat
        lines = [
            f"size: {facts.st_size}",
            f"created: {date_text(born(found))}",
            f"modified: {date_text(facts.st_mtime_ns / 1e9)}",
            f"accessed: {date_text(facts.st_atime_ns / 1e9)}",
            f"isDirectory: {str(found.is_directory).lower()}",
            f"isFile: {str(not found.is_directory).lower()}",
            f"permissions: {oct(facts.st_mode)[-3:]}",
        ]
        fields: dict[str, Any] = {"etag": etag_of(facts)}
        # The table of the library alone: the same answers everywhere, and no file of the system to open in the seal.
        if kind := mimetypes.types_map.get(os.path.splitext(path)[1].lower()):
            fields["mime"] = kind
        if hash_name:
            if found.is_directory:
                raise not_regular(path, "a directory")
            lines.append(f"{hash_name}: {checksum(deadline, found, hash_name)}")
        return "\n".join(lines), fields


def checksum(deadline: Deadline, found: Opened, name: str) -> str:
    """The hexadecimal digest of the whole file."""
    if name not in HASHES:
        raise InvalidInput(
            f"there is no hash called '{name[:20]}' here", code="invalid_arguments", hint=f"One of {', '.join(HASHES)}."
        )
    digest = hashlib.new(name, usedforsecurity=False)
    position = 0
    while part := os.pread(found.fd, _CHUNK, position):
        deadline.check()
        digest.update(part)
        position += len(part)
    return digest.hexdigest()


def born(found: Opened) -> float:
    """When the file was made, in seconds; when it was last changed where the system does not know."""
    birth = getattr(found.stat, "st_birthtime", None)
    return float(birth) if birth is not None else _statx_birth(found.fd) or found.stat.st_ctime_ns / 1e9


@cache
def _libc() -> ctypes.CDLL | None:
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    return libc if hasattr(libc, "statx") else None


def _statx_birth(descriptor: int) -> float | None:
    libc = _libc()
    if libc is None:
        return None
    answer = ctypes.create_string_buffer(_STATX_BYTES)
    if libc.statx(descriptor, b"", _EMPTY_PATH, _BIRTH, answer) != 0:
        return None
    mask = int.from_bytes(answer.raw[:4], sys.byteorder)
    seconds = int.from_bytes(answer.raw[_BIRTH_OFFSET : _BIRTH_OFFSET + 8], sys.byteorder, signed=True)
    return float(seconds) if mask & _BIRTH and seconds else None
