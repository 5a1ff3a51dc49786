"""Is this log whole? Reads every line once, in constant memory, and says what is not as it was written."""

import os
from pathlib import Path
from typing import NamedTuple

from mcp_servers_shared.audit.chain import GENESIS, Line, Sealer, log_key
from mcp_servers_shared.audit.findings import Problems, Verification, count, numbers
from mcp_servers_shared.audit.heads import DamagedHead, Head, HeadSeal, read_head
from mcp_servers_shared.audit.judge import judge
from mcp_servers_shared.audit.keys import existing_key, head_path, id_at
from mcp_servers_shared.audit.snapshot import Part, find_id, log_files, snapshot
from mcp_servers_shared.audit.walk import Walk
from mcp_servers_shared.state import StateFolder

_START = Line(seq=0, time=b"", prev=GENESIS, mac=GENESIS, body=b"", event=False)


class _Placed(NamedTuple):
    part: Part
    generation: int


def verify(path: Path, *, state: StateFolder | None = None) -> Verification:
    """Check the log at `path`, or a copy of one, against the key and the head in the state folder.

    Makes and changes nothing. Never raises for what it finds: what cannot be read is a problem too.
    """
    state = state or StateFolder()
    path = Path(os.path.realpath(path))
    problems = Problems()
    try:
        return _verify(path, state, problems)
    except OSError as error:
        problems.add("unreadable", path.name, 0, f"the log cannot be read: {error.strerror or error}")
        return _answer(problems)


def _verify(path: Path, state: StateFolder, problems: Problems) -> Verification:
    files = log_files(path)
    secret = existing_key(state)
    indexed = id_at(state, path)
    if secret is None:
        if not files:
            problems.add("missing", path.name, 0, "there is no audit log here")
        else:
            problems.add("no_key", path.name, 0, "the state folder holds no audit key: nothing can be checked")
        return _answer(problems)
    log_id = find_id(path, state, secret, indexed)
    if not files:
        _nothing_there(path, state, secret, indexed, problems)
        return _answer(problems, log_id=indexed or "")
    if not log_id:
        sentence = "no line fits a key in this state folder: sealed with another key, or no audit log"
        problems.add("foreign_key", path.name, 1, sentence)
        return _answer(problems, generations=len(files))
    if indexed and indexed != log_id:
        sentence = "another log was written here and is gone; this one was put in its place"
        problems.add("replaced", path.name, 0, sentence, written_here=indexed, found=log_id)
    return _check(path, state, secret, log_id, problems)


def _nothing_there(path: Path, state: StateFolder, secret: bytes, indexed: str | None, problems: Problems) -> None:
    if not indexed:
        problems.add("missing", path.name, 0, "there is no audit log here, and none was written here")
        return
    head: Head | None = None
    try:
        head = read_head(head_path(state, indexed), HeadSeal(log_key(secret, indexed)))
    except DamagedHead as error:
        problems.add("no_head", path.name, 0, f"the head in the state folder cannot be used: {error}")
    if head and head.seq == 0:
        problems.add("missing", path.name, 0, "there is no audit log here yet")
        return
    written = head.seq if head else 0
    sentence = f"the log that was written here is gone, with {numbers(1, written) if written else 'all its records'}"
    problems.add("deleted", path.name, 0, sentence, log_id=indexed, last=written)


def _check(path: Path, state: StateFolder, secret: bytes, log_id: str, problems: Problems) -> Verification:
    key = log_key(secret, log_id)
    seal = HeadSeal(key)
    head_file = head_path(state, log_id)
    try:
        with snapshot(path, head_file, seal) as (parts, head):
            if head is None:
                sentence = "the state folder holds no head of this log: records missing at its end go unnoticed"
                problems.add("no_head", path.name, 0, sentence)
            return _walk(parts, Sealer(key), head, log_id, problems)
    except DamagedHead as error:
        problems.add("no_head", path.name, 0, f"the head in the state folder cannot be used: {error}")
    # Everything but the end can still be checked.
    with snapshot(path, None, seal) as (parts, _):
        return _walk(parts, Sealer(key), None, log_id, problems)


def _walk(parts: list[Part], sealer: Sealer, head: Head | None, log_id: str, problems: Problems) -> Verification:
    placed = _in_order(parts, sealer, log_id, head, problems)
    if head and placed and placed[0].generation > head.oldest:
        missing = placed[0].generation - head.oldest
        sentence = f"{count(missing, 'file')} before this one should be kept and is gone"
        evidence = {"first": head.oldest, "last": placed[0].generation - 1}
        problems.add("deleted", placed[0].part.name, 0, sentence, **evidence)
    walk = Walk(sealer, head, problems, _START if placed and placed[0].generation == 1 else None)
    for part, generation in placed:
        walk.file(part.name, part.stream, part.size, generation)
    walk.end()
    judge(walk, head, problems, placed[-1].part.name if placed else "")
    names = [each.part.name for each in placed]
    return _answer(problems, walk, generations=len(placed), log_id=log_id, names=names)


def _in_order(parts: list[Part], sealer: Sealer, log_id: str, head: Head | None, problems: Problems) -> list[_Placed]:
    """The files by generation, the oldest first: as their first lines say, or by their place where one was changed."""
    newer = (head.generation if head else parts[0].first.generation if parts else 0) + 1
    placed: dict[int, Part] = {}
    for part in parts:
        first = part.first
        genuine = first.line is not None and first.id == log_id and sealer.fits(first.line)
        generation = first.generation if genuine else newer - 1
        if generation in placed:
            sentence = f"{part.name} holds the same part of the log as {placed[generation].name}"
            problems.add("inserted", part.name, 0, sentence, generation=generation)
            continue
        if generation > newer:
            sentence = f"{part.name} holds a newer part of the log than its name says: files were swapped"
            problems.add("reordered", part.name, 0, sentence, generation=generation)
        placed[generation] = part
        newer = generation
    return [_Placed(part, generation) for generation, part in sorted(placed.items())]


def _answer(
    problems: Problems,
    walk: Walk | None = None,
    *,
    generations: int = 0,
    log_id: str = "",
    names: list[str] | None = None,
) -> Verification:
    return Verification(
        ok=not problems.tampering,
        records=walk.records if walk else 0,
        generations=generations,
        first=walk.first.decode() if walk and walk.first else None,
        last=walk.last.decode() if walk and walk.last else None,
        problems=problems.sorted(names or []),
        unlisted=problems.unlisted,
        log_id=log_id,
    )
