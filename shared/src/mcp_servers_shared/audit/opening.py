"""Finding out which log is at a path, before its first append: its id, its key, its head."""

import os
import re
import secrets
from pathlib import Path
from typing import NamedTuple

from mcp_servers_shared.audit.chain import MAX_LINE, Line, Sealer, event_of, log_key, parse
from mcp_servers_shared.audit.failures import ELSEWHERE, RESTORE, SET_ASIDE, refused
from mcp_servers_shared.audit.heads import HeadFile, HeadSeal, create_head
from mcp_servers_shared.audit.keys import KEY_NAME, claim, existing_key, head_path, id_at
from mcp_servers_shared.state import StateFolder

ID_SHAPE = re.compile(r"[0-9a-f]{32}")


class OpenLog(NamedTuple):
    """What an append needs besides the file itself."""

    id: str
    sealer: Sealer
    heads: HeadFile


class FirstLine(NamedTuple):
    """What the first line of a file says, whether or not it is genuine."""

    line: Line | None
    size: int
    id: str
    """Empty where it says none."""
    generation: int
    """0 where it says none."""


def read_first_line(path: Path) -> FirstLine:
    """The first line of the file at `path`. Raises OSError."""
    with open(path, "rb") as stream:
        return first_line(stream.readline(MAX_LINE))


def first_line(raw: bytes) -> FirstLine:
    """What the first line of a file says."""
    line = parse(raw)
    event = event_of(line) if line else {}
    log_id, generation = event.get("id"), event.get("generation")
    return FirstLine(
        line,
        len(raw),
        log_id if isinstance(log_id, str) and ID_SHAPE.fullmatch(log_id) else "",
        generation if isinstance(generation, int) else 0,
    )


def open_log(path: Path, state: StateFolder, remembered: str = "") -> OpenLog:
    """The log at `path`, begun where there is none. `remembered` is the id that this process wrote there before.

    Raises OSError, and AuditUnavailable where appending would hide or destroy something.
    """
    stated = _stated_id(path)
    indexed = id_at(state, path)
    if stated and indexed and stated != indexed:
        raise refused(path.name, "replaced", "another audit log has taken its place", SET_ASIDE)
    secret = existing_key(state)
    if secret is None:
        if remembered:
            raise refused(path.name, "state_gone", "its state folder, with key and head, was deleted", RESTORE)
        if stated or indexed:
            raise refused(path.name, "foreign_key", "it was sealed with a key that is not in the state folder", RESTORE)
        secret = state.secret(KEY_NAME)
    log_id = stated or indexed or remembered or _new_log(state, secret)
    if remembered and log_id != remembered:
        raise refused(path.name, "replaced", "another audit log has taken its place", SET_ASIDE)
    key = log_key(secret, log_id)
    try:
        if not indexed and head_path(state, log_id).exists() and claim(state, path, log_id) != log_id:
            # Another process began the log at the same time and was first.
            return open_log(path, state, remembered)
        heads = HeadFile(head_path(state, log_id), HeadSeal(key))
    except FileNotFoundError:
        raise refused(path.name, "no_head", "its head is not in the state folder", RESTORE) from None
    return OpenLog(log_id, Sealer(key), heads)


def _new_log(state: StateFolder, secret: bytes) -> str:
    """A new id with its head: in this order, so that a path in the index always has a head."""
    log_id = secrets.token_hex(16)
    state.folder("audit", "heads")
    create_head(head_path(state, log_id), HeadSeal(log_key(secret, log_id)))
    return log_id


def _stated_id(path: Path) -> str:
    try:
        if not os.path.isfile(path) or os.path.getsize(path) == 0:
            return ""
        stated = read_first_line(path).id
    except FileNotFoundError:
        return ""
    if not stated:
        raise refused(
            path.name, "not_a_log", "what is there does not begin like an audit log", f"Move it aside, or {ELSEWHERE}."
        )
    return stated
