"""A program that kills a write at every few lines of its code and looks at what the next start makes of it.

python -m file_killing OPERATION STRIDE FOLDER STATE_FOLDER     prints each problem on a line, then a count
"""

import errno
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any

from file_world import edit, filled, left_behind, tree, writing

from mcp_servers_filesystem import atomic, replacing
from mcp_servers_filesystem.deadlines import Deadline
from mcp_servers_filesystem.moving import copy, delete, move
from mcp_servers_filesystem.undoing import undo
from mcp_servers_filesystem.writing import Writer

Operation = Callable[[Writer, str], Any]


OPERATIONS: dict[str, Operation] = {
    "create": lambda writer, root: writer.write(f"{root}/new.txt", "new\n" * 9, "create", None, False),
    "parents": lambda writer, root: writer.write(f"{root}/x/y/new.txt", "new\n", "create", None, True),
    "overwrite": lambda writer, root: writer.write(f"{root}/a.txt", "new\n" * 9, "overwrite", None, False),
    "same": lambda writer, root: writer.write(f"{root}/a.txt", "one\ntwo\n", "overwrite", None, False),
    "append": lambda writer, root: writer.write(f"{root}/a.txt", "more\n", "append", None, False),
    "append in place": lambda writer, root: writer.write(f"{root}/big.log", "more\n" * 999, "append", None, False),
    "edit_files": lambda writer, root: writer.edit(
        [edit(f"{root}/a.txt", "one", "1"), edit(f"{root}/b.txt", "one", "1"), edit(f"{root}/c.txt", "one", "1")], False
    ),
    "mkdir": lambda writer, root: writer.create_directory(f"{root}/x/y/z"),
    "move": lambda writer, root: move(writer, f"{root}/a.txt", f"{root}/d/moved.txt", False),
    "move over": lambda writer, root: move(writer, f"{root}/a.txt", f"{root}/b.txt", True),
    "copy": lambda writer, root: copy(writer, f"{root}/d", f"{root}/copied"),
    "delete": lambda writer, root: delete(writer, f"{root}/d", True),
    "undo": lambda writer, root: undo(writer, None),
}


def _edited(writer: Writer, root: str) -> None:
    writer.edit([edit(f"{root}/a.txt", "one", "1"), edit(f"{root}/b.txt", "one", "1")], False)


BEFORE_IT: dict[str, Operation] = {"undo": _edited}
"""What is done, and not killed, before an operation begins."""


def killed_at(line: int, operation: Operation, root: Path, state: Path) -> bool:
    """Whether the write was killed before it ended, `line` lines into the code of this server."""
    child = os.fork()
    if child:
        return os.WIFSIGNALED(os.waitpid(child, 0)[1])
    left = line

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal left
        if "mcp_servers_" not in frame.f_code.co_filename:
            return None
        if event == "line":
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    with writing(root, state) as writer:
        sys.settrace(trace)
        try:
            operation(writer, str(root))
        finally:
            sys.settrace(None)
            os._exit(0)
    return False


def problems(before: object, after: object, root: Path, state: Path) -> list[str]:
    """What is wrong after the next start."""
    found: list[str] = []
    with writing(root, state) as writer:
        writer.journal.settle(Deadline(30))
        now = tree(root)
        if now not in (before, after):
            found.append(f"neither the old tree nor the new one: {sorted(now)}")
        found += [f"left behind: {name}" for name in left_behind(root)]
        changes = writer.journal.changes()
        found += [f"never ended: {change}" for change in changes if change.state == "begun"]
        if now == after and now != before:
            undo(writer, changes[0].id)
            if tree(root) != before:
                found.append("undo did not give the old tree back")
        writer.write(f"{root}/later.txt", "still works", "overwrite", None, False)
    return found


def without_exchange() -> None:
    """As on file systems where two names cannot be swapped, nor a file have two."""

    def cannot(*_: object) -> bool:
        return False

    def no_links(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    atomic.exchange = replacing.exchange = cannot
    if os.environ["FILE_KILLING"] == "no links":
        atomic.os = SimpleNamespace(**{**vars(os), "link": no_links})


def main(name: str, stride: int, folder: Path, elsewhere: Path) -> None:
    root, state = folder / "root", elsewhere / "state"
    before = after = None
    line = kills = 0
    for attempt in range(-1, 100_000):
        for path in (root, state):
            shutil.rmtree(path, ignore_errors=True)
        root.mkdir()
        filled(root)
        if name in BEFORE_IT:
            with writing(root, state) as writer:
                BEFORE_IT[name](writer, str(root))
        before = tree(root)
        if attempt < 0:
            killed_at(10**9, OPERATIONS[name], root, state)
            after = tree(root)
            assert not left_behind(root)
            assert after != before or name == "same", "the operation did nothing"
            continue
        killed = killed_at(line, OPERATIONS[name], root, state)
        for problem in problems(before, after, root, state):
            print(f"killed {line} lines into {name}: {problem}")
        if not killed:
            break
        kills += 1
        line += stride
    print(kills)


if __name__ == "__main__":
    if os.environ.get("FILE_KILLING"):
        without_exchange()
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]))
