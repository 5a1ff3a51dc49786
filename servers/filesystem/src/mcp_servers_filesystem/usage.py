"""How much there is beneath a directory, and where."""

import os
from dataclasses import dataclass, field
from heapq import nlargest
from typing import Any

from mcp_servers_filesystem.above import rules_above
from mcp_servers_filesystem.deadlines import Deadline
from mcp_servers_filesystem.names import shown
from mcp_servers_filesystem.sizes import size_text
from mcp_servers_filesystem.space import Space
from mcp_servers_filesystem.walking import Walk
from mcp_servers_shared.errors import LimitExceeded

_FOLDERS = 20
_FILES = 10
_ITSELF = "."


@dataclass
class Usage:
    """Totals, the largest folders right beneath, the largest files."""

    files: int = 0
    directories: int = 0
    size: int = 0
    folders: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    largest: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    notices: list[str] = field(default_factory=list[str])

    def text(self, label: str) -> str:
        """For a reader."""
        lines = [f"{label}: {self.files:,} files, {self.directories:,} directories, {size_text(self.size)}", ""]
        ranked = nlargest(_FOLDERS, self.folders.items(), key=lambda one: one[1][1])
        lines += [f"{size_text(size):>10}  {count:,} files  {name}" for name, (count, size) in ranked]
        if len(self.folders) > _FOLDERS:
            lines.append(f"and {len(self.folders) - _FOLDERS:,} smaller folders")
        lines += ["", "Largest files:"]
        lines += [f"{size_text(size):>10}  {path}" for size, path in self.largest]
        return "\n".join(lines)

    def data(self) -> dict[str, Any]:
        """The same for programs. Sizes in bytes."""
        ranked = nlargest(_FOLDERS, self.folders.items(), key=lambda one: one[1][1])
        return {
            "files": self.files,
            "directories": self.directories,
            "size": self.size,
            "folders": [{"name": name, "files": count, "size": size} for name, (count, size) in ranked],
            "largest": [{"path": path, "size": size} for size, path in self.largest],
        }


def usage(deadline: Deadline, space: Space, path: str, gitignore: bool) -> tuple[str, Usage]:
    """The usage of a directory; partial, and said so, when the time is up."""
    found = Usage()
    with space.directory(path) as base:
        above = rules_above(space, base) if gitignore else ()
        walk = Walk(deadline, base.fd, gitignore=gitignore, above=above, xdev=space.xdev)
        largest: list[tuple[int, str]] = []
        try:
            for step in walk:
                _count(found, largest, step.path, step.name, step.is_directory, step.directory)
                if len(largest) > 1_000:
                    largest = nlargest(_FILES, largest)
        except LimitExceeded:
            if deadline.stopped:
                raise
            found.notices.append(f"Stopped after {deadline.seconds:g} s: there is more than is counted here.")
        found.largest = nlargest(_FILES, largest)
        found.notices += walk.notices()
        return shown(base.full), found


def _count(
    found: Usage, largest: list[tuple[int, str]], path: str, name: str, is_directory: bool, directory: int
) -> None:
    top = shown(os.fsencode(path.partition("/")[0])) + "/" if "/" in path or is_directory else _ITSELF
    folder = found.folders.setdefault(top, [0, 0])
    if is_directory:
        found.directories += 1
        return
    try:
        size = os.stat(name, dir_fd=directory, follow_symlinks=False).st_size
    except OSError:
        size = 0
    found.files += 1
    found.size += size
    folder[0] += 1
    folder[1] += size
    largest.append((size, shown(os.fsencode(path))))
