"""A root with a journal, without a server: for laws over many writes, and for processes that are killed."""

import hashlib
import os
import stat
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mcp_servers_filesystem.deadlines import Deadline
from mcp_servers_filesystem.deny import Deny
from mcp_servers_filesystem.edits import Edit
from mcp_servers_filesystem.journal import Journal
from mcp_servers_filesystem.space import Space
from mcp_servers_filesystem.undoing import recovering
from mcp_servers_filesystem.writing import Job, Writer
from mcp_servers_shared.guard.paths import Root, Roots

MOST_SECONDS = 30.0


@contextmanager
def writing(root: Path, state: Path, *, quota: int = 256_000_000) -> Generator[Writer]:
    """What tools write with."""
    state.mkdir(exist_ok=True)
    with Roots([Root(root)]) as roots:
        space = Space(roots, Deny([]))
        journal = Journal(lambda: state, quota)
        recovering(journal, space, trash_days=30)
        yield Writer(Deadline(MOST_SECONDS), space, journal)


def edit(path: str, old: str, new: str, *, every: bool = False) -> Job:
    """One edit of one file."""
    return Job(path, [Edit(old, new, every)])


def tree(root: Path) -> Mapping[str, tuple[int, str]]:
    """Every name below `root` with its mode and what it holds: bytes, a link's target, or nothing. No trash."""
    found: dict[str, tuple[int, str]] = {}
    for folder, directories, files in os.walk(root):
        directories[:] = [name for name in directories if name != ".mcp-trash"]
        for name in (*directories, *files):
            path = Path(folder, name)
            found[str(path.relative_to(root))] = (path.lstat().st_mode, _held(path))
    return found


def _held(path: Path) -> str:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return os.readlink(path)
    return hashlib.sha256(path.read_bytes()).hexdigest() if stat.S_ISREG(mode) else ""


def left_behind(root: Path) -> list[str]:
    """Names of temporary files that nobody removed."""
    return [str(path) for path in root.rglob("*") if path.name.endswith((".mcp-tmp", ".old", ".tmp"))]


def filled(root: Path) -> None:
    """A small tree: texts, one name of two for the same file, another encoding, a link."""
    (root / "d" / "f").mkdir(parents=True)
    (root / "a.txt").write_text("one\ntwo\n")
    (root / "b.txt").write_text("only one here\n")
    os.link(root / "b.txt", root / "d" / "e.txt")
    (root / "d" / "f" / "g.txt").write_bytes(b"\xff\xfeo\0n\0e\0")
    (root / "d" / "f" / "g.txt").chmod(0o640)
    (root / "b.txt").chmod(0o755)
    (root / "c.txt").write_text("one more\n")
    (root / "big.log").write_text("line\n" * 300_000)
    (root / "link").symlink_to("a.txt")
