"""How much there is beneath a directory, and where."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from heapq import nlargest
from typing import Any

from mcp_servers_filesystem.above import rules_above
from mcp_servers_filesystem.deadlines import Deadline
from mcp_servers_filesystem.directories import Folder
from mcp_servers_filesystem.names import shown
from mcp_servers_filesystem.sizes import size_text
from mcp_servers_filesystem.space import Space
from mcp_servers_filesystem.walking import Walk
from mcp_servers_shared.errors import LimitExceeded

_FOLDERS = 20
_FILES = 10
_ITSELF = "."
_LABEL_CHARS = 300
_CHECK_EVERY = 1_000


@dataclass
class Share:
    """What one folder right beneath adds."""

    files: int = 0
    size: int = 0


@dataclass
class Usage:
    """Totals, the largest folders right beneath, the largest files. Sizes in bytes; a link counts as a file."""

    files: int = 0
    directories: int = 0
    size: int = 0
    folders: dict[str, Share] = field(default_factory=dict[str, Share])
    largest: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    notices: list[str] = field(default_factory=list[str])
    most: int = _FOLDERS

    def only(self, folders: int, files: int) -> "Usage":
        """The same totals with so many of the largest folders and files."""
        return replace(self, most=min(folders, self.most), largest=self.largest[:files])

    def text(self, label: str) -> str:
        """For a reader."""
        lines = [f"{label}: {self.files:,} files, {self.directories:,} directories, {size_text(self.size)}", ""]
        lines += [f"{size_text(one.size):>10}  {one.files:,} files  {name}" for name, one in self._ranked()]
        if len(self.folders) > self.most:
            lines.append(f"and {len(self.folders) - self.most:,} smaller folders")
        lines += ["", "Largest files:"]
        lines += [f"{size_text(size):>10}  {path}" for size, path in self.largest]
        return "\n".join(lines)

    def data(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "files": self.files,
            "directories": self.directories,
            "size": self.size,
            "folders": [{"name": name, "files": one.files, "size": one.size} for name, one in self._ranked()],
            "largest": [{"path": path, "size": size} for size, path in self.largest],
        }

    def _ranked(self) -> list[tuple[str, Share]]:
        return nlargest(self.most, self.folders.items(), key=lambda one: one[1].size)


def usage(deadline: Deadline, space: Space, path: str, gitignore: bool) -> tuple[str, Usage]:
    """The full path of a directory and its usage; partial, and said so, when the time is up."""
    found = Usage()
    counter = _Counter(found, deadline)
    with space.directory(path) as base:
        walk = Walk(
            deadline,
            base.fd,
            choose=counter.count,
            gitignore=gitignore,
            above=rules_above(space, base) if gitignore else (),
            xdev=space.xdev,
        )
        try:
            for _ in walk:
                pass
        except LimitExceeded:
            if deadline.stopped:
                raise
            found.notices.append(f"Stopped after {deadline.seconds:g} s: there is more than is counted here.")
        found.largest = [(size, _label(one)) for size, one in nlargest(_FILES, counter.largest)]
        found.notices += walk.notices()
        return _label(os.fsdecode(base.full)), found


class _Counter:
    """Adds up a directory when the walk comes to it."""

    def __init__(self, found: Usage, deadline: Deadline) -> None:
        self.largest: list[tuple[int, str]] = []
        self._found, self._deadline = found, deadline

    def count(self, folder: Folder) -> Sequence[str]:
        """Of its names the walk need show none."""
        assert folder.fd is not None
        found, least = self._found, self.largest[-1][0] if len(self.largest) == _FILES else -1
        total = count = 0
        for name in folder.others:
            try:
                size = os.stat(name, dir_fd=folder.fd, follow_symlinks=False).st_size
            except OSError:
                size = 0
            total += size
            count += 1
            if size > least:
                self.largest = nlargest(_FILES, [*self.largest, (size, folder.path + name)])
                least = self.largest[-1][0] if len(self.largest) == _FILES else -1
            if count % _CHECK_EVERY == 0:
                self._deadline.check()
        found.files += count
        found.size += total
        found.directories += len(folder.folders)
        if not folder.path:
            for name in folder.folders:
                found.folders[_label(name) + "/"] = Share()
        if count:
            top = _label(folder.path.partition("/")[0]) + "/" if folder.path else _ITSELF
            share = found.folders.setdefault(top, Share())
            share.files += count
            share.size += total
        return ()


def _label(path: str) -> str:
    """A path for a reader; of a very long one its end."""
    text = shown(os.fsencode(path))
    return text if len(text) <= _LABEL_CHARS else f"...{text[-_LABEL_CHARS:]}"
