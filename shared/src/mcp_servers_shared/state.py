"""The user's state folder: audit logs, their heads, keys and the servers' own notes.

`MCP_SERVERS_STATE_DIR` names another place. Made on first use only, private to the user (0700, files 0600).
"""

import contextlib
import os
import secrets
from pathlib import Path

from platformdirs import user_state_path

STATE_DIR_VARIABLE = "MCP_SERVERS_STATE_DIR"
_SECRET_BYTES = 32


def default_state_path() -> Path:
    """Where the state lives, without making it."""
    override = os.environ.get(STATE_DIR_VARIABLE)
    return Path(override).expanduser() if override else user_state_path("mcp-servers", appauthor=False)


class StateFolder:
    """A private folder. Raises OSError where it cannot be made or read."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or default_state_path()

    def folder(self, *parts: str) -> Path:
        """The folder `parts` beneath the state folder, made if absent."""
        path = self.path
        path.parent.mkdir(parents=True, exist_ok=True)
        # One by one: `parents=True` gives the mode to the last folder only.
        path.mkdir(mode=0o700, exist_ok=True)
        for part in parts:
            path = path / part
            path.mkdir(mode=0o700, exist_ok=True)
        return path

    def secret(self, name: str) -> bytes:
        """The 32 random bytes called `name`, made on first use. Two processes that race get the same bytes."""
        path = self.folder("keys") / name
        with contextlib.suppress(FileNotFoundError):
            return _whole_secret(path)
        draft = path.with_name(f"{name}.{os.getpid()}.{secrets.token_hex(4)}")
        try:
            _write_secret(draft)
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
        finally:
            draft.unlink(missing_ok=True)
        return _whole_secret(path)


def _write_secret(path: Path) -> None:
    # Binary, or Windows would turn a 0x0A among the bytes into two.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    try:
        os.write(descriptor, secrets.token_bytes(_SECRET_BYTES))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _whole_secret(path: Path) -> bytes:
    data = path.read_bytes()
    if len(data) != _SECRET_BYTES:
        raise OSError(f"the key file {path.name} holds {len(data)} bytes instead of {_SECRET_BYTES}")
    return data
