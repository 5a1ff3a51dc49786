"""The key that seals every log of one user, and which log belongs to which path.

State folder: keys/audit.key, audit/heads/<log id>, audit/paths/<hash of the path>.
"""

import contextlib
import hashlib
import os
import secrets
from pathlib import Path

from mcp_servers_shared.state import StateFolder

KEY_NAME = "audit.key"


def existing_key(state: StateFolder) -> bytes | None:
    """The key, or None where there is none yet. Never makes one: a new key would orphan every log."""
    if not os.path.lexists(state.path / "keys" / KEY_NAME):
        return None
    return state.secret(KEY_NAME)


def head_path(state: StateFolder, log_id: str) -> Path:
    """Where the head of a log is kept."""
    return state.path / "audit" / "heads" / log_id


def known_ids(state: StateFolder) -> list[str]:
    """Every log that this state folder holds a head of."""
    try:
        return sorted(name for name in os.listdir(state.path / "audit" / "heads") if not name.startswith("."))
    except OSError:
        return []


def id_at(state: StateFolder, path: Path) -> str | None:
    """The log that was written at `path`, whether or not it is still there."""
    try:
        return _index(state, path).read_text().split("\n", 1)[0]
    except FileNotFoundError:
        return None


def claim(state: StateFolder, path: Path, log_id: str) -> str:
    """Remember that `path` holds `log_id`. Two processes that race get the same answer."""
    state.folder("audit", "paths")
    index = _index(state, path)
    draft = index.with_name(f"{index.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with open(draft, "x", encoding="utf-8", errors="surrogateescape") as file:
        file.write(f"{log_id}\n{path}\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        with contextlib.suppress(FileExistsError):
            os.link(draft, index)
    finally:
        os.unlink(draft)
    return id_at(state, path) or log_id


def _index(state: StateFolder, path: Path) -> Path:
    return state.path / "audit" / "paths" / hashlib.sha256(os.fsencode(path)).hexdigest()[:32]
