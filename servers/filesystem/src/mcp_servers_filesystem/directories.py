"""A directory that a walk is in: its names, by kind, in the order of their bytes."""

import os
from collections.abc import Collection, Iterator, Sequence
from itertools import islice

from mcp_servers_filesystem.deadlines import Deadline
from mcp_servers_filesystem.deny import TRASH

_TRASH = TRASH.decode()
_CHECK_EVERY = 1_000


class Folder:
    """A directory that a walk is in. Names are in os.fsdecode form, in the order of their bytes."""

    __slots__ = (
        "_links",
        "device",
        "fd",
        "files",
        "first_rule",
        "folders",
        "name",
        "names",
        "path",
        "rules",
        "todo",
        "wanted",
    )

    def __init__(self, path: str, name: str, fd: int, device: int) -> None:
        self.path, self.name, self.device = path, name, device
        """`path`: relative to the base, empty or with a final slash. `device`: st_dev."""
        self.fd: int | None = fd
        self.names: Sequence[str] = ()
        self.files: set[str] = set()
        """Regular files among the names."""
        self.folders: set[str] = set()
        """Real directories among the names; what is taken out here is not entered."""
        self._links: set[str] = set()
        self.wanted: Collection[str] | None = None
        self.todo: Iterator[str] = iter(())
        self.rules = self.first_rule = 0
        """How many ignore rules there were before it, and the first of them that holds in it."""

    @property
    def depth(self) -> int:
        """How far below the base its names are: 1 for the base itself."""
        return self.path.count("/") + 1

    def kind(self, name: str) -> str:
        """`d`irectory, `l`ink, regular `f`ile or `o`ther."""
        if name in self.folders:
            return "d"
        return "l" if name in self._links else "f" if name in self.files else "o"

    def read(self, deadline: Deadline) -> None:
        """Takes in what the directory holds. Raises OSError, LimitExceeded."""
        assert self.fd is not None
        files, folders, links, others = list[str](), list[str](), list[str](), list[str]()
        with os.scandir(self.fd) as found:
            while part := list(islice(found, _CHECK_EVERY)):
                for one in part:
                    if one.is_file(follow_symlinks=False):
                        files.append(one.name)
                    elif one.is_dir(follow_symlinks=False):
                        folders.append(one.name)
                    else:
                        (links if one.is_symlink() else others).append(one.name)
                deadline.check()
        self.folders, self._links, self.files = set(folders), set(links), set(files)
        names = [*files, *folders, *links, *others]
        # Whatever its case: some file systems ignore that.
        for hidden in [name for name in names if len(name) == len(_TRASH) and name.lower() == _TRASH]:
            names.remove(hidden)
            self.folders.discard(hidden)
            self.files.discard(hidden)
        self.names = in_order(names)

    @property
    def others(self) -> Collection[str]:
        """The names of what is no directory."""
        return self.files if len(self.files) + len(self.folders) == len(self.names) else set(self.names) - self.folders

    def leave_out(self, unwanted: Collection[str]) -> None:
        """As if these names were not there."""
        if unwanted:
            self.names = [name for name in self.names if name not in unwanted]
            self.folders.difference_update(unwanted)


def in_order(names: Collection[str]) -> list[str]:
    """The names in the order of their bytes."""
    try:
        "".join(names).encode()
    except UnicodeEncodeError:
        return sorted(names, key=os.fsencode)
    return sorted(names)
