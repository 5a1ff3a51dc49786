"""Deny rules for a whole directory at once: only names that some pattern could mean are asked for one by one."""

import os
from collections.abc import Sequence

from mcp_servers_filesystem.deadlines import Deadline
from mcp_servers_filesystem.deny import Deny, Parts
from mcp_servers_filesystem.directories import Folder
from mcp_servers_filesystem.ignore_lines import Rule, rule_of, usable
from mcp_servers_filesystem.ignoring import Contents, Ignore, Rules
from mcp_servers_filesystem.walking import Walk


class Closed:
    """The deny rules as one walk meets them, for readers or for writers.

    `base`: the components of its base below the root.
    """

    def __init__(self, deny: Deny, base: Parts, *, writing: bool = False) -> None:
        self._covers, self._base = deny.writing if writing else deny.reading, base
        patterns = deny.written_patterns if writing else deny.patterns
        # The rules are asked with a slash behind every path: one for directories fits whatever has the name, and so
        # does one for all that is below a directory.
        names = [pattern.rstrip(" ").removesuffix("/") for pattern in patterns]
        names += [pattern.removesuffix("/**") for pattern in names if pattern.endswith("/**")]
        made = {name: _rule(name) for name in names}
        below = os.fsdecode(b"/".join(base)).casefold() + "/" if base else ""
        self._ignore = Ignore(Rules([rule for rule in made.values() if rule]), "", below)
        # Directories where everything is asked for one by one: a pattern may mean them or what is above.
        self._doubtful: set[str] = set()
        unclear = any(rule is None and name.strip() and not name.startswith("#") for name, rule in made.items())
        if unclear or self._any_above():
            self._doubtful.add("")

    def open_ones(self, folder: Folder, names: Sequence[str]) -> Sequence[str]:
        """Those of `names` that no deny rule closes. Call it for every directory, parents first."""
        if folder.path in self._doubtful:
            self._doubtful.update(f"{folder.path}{name}/" for name in folder.folders)
            doubtful = set(names)
        else:
            here = Contents(folder.path.casefold(), _folded(names), _folded(folder.folders))
            hits = self._ignore.candidates(here)
            if not hits:
                return names
            self._doubtful.update(f"{folder.path}{name}/" for name in folder.folders if name.casefold() in hits)
            doubtful = {name for name in names if name.casefold() in hits}
        if not doubtful:
            return names
        above = (*self._base, *os.fsencode(folder.path).split(b"/")[:-1])
        covers = self._covers
        return [name for name in names if name not in doubtful or not covers((*above, os.fsencode(name)))]

    def _any_above(self) -> bool:
        above = Ignore(self._ignore.rules)
        for depth in range(len(self._base)):
            path = os.fsdecode(b"".join(one + b"/" for one in self._base[:depth])).casefold()
            name = os.fsdecode(self._base[depth]).casefold()
            if above.candidates(Contents(path, (), (name,))):
                return True
        return False


def closed_alike(deadline: Deadline, deny: Deny, directory: int, here: Parts, there: Parts) -> bool:
    """Whether the rules close the same of an open directory at one place as at another. Raises LimitExceeded."""
    # What is closed to readers is closed to writers.
    rules = [Closed(deny, parts, writing=True) for parts in (here, there)]
    different: list[str] = []

    def compared(folder: Folder) -> Sequence[str]:
        before, after = (rule.open_ones(folder, folder.names) for rule in rules)
        different.extend([folder.path] if before != after else [])
        return folder.names if different else ()

    for _ in Walk(deadline, directory, choose=compared):
        break
    return not different


def _rule(pattern: str) -> Rule | None:
    rule = rule_of(os.fsencode(pattern.casefold()))
    return rule if rule and usable(rule.source) else None


def _folded(names: Sequence[str] | set[str]) -> list[str]:
    return [name.casefold() for name in names]
