"""What .gitignore files leave out, each for the directory it stands in and below. All names of a directory at once.

Patterns work on bytes, as in git. A file that is a link is not read, as in git.
"""

import os
import stat
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from mcp_servers_filesystem.batches import between_edges, found, joined
from mcp_servers_filesystem.ignore_lines import Rule, rules_of
from mcp_servers_filesystem.opening import READ
from mcp_servers_filesystem.patterns import Finder, expression
from mcp_servers_shared.errors import InvalidInput

FILE = ".gitignore"
GIT = ".git"
_MOST_BYTES = 1 << 20
_SMALL = 1 << 12


class Contents:
    """The names of a directory that a walk came to.

    Args:
        path: relative to the walk's base: empty or with a final slash.
        others: names of what is no directory.
        folders: names of directories.
    """

    def __init__(self, path: str, others: Collection[str], folders: Collection[str]) -> None:
        self.path, self.others, self.folders = path, others, folders

    def text(self, prefix: str) -> bytes:
        """What expressions are run over; directories end in a slash."""
        return self._bare if not prefix else self._joined(prefix)

    @cached_property
    def _bare(self) -> bytes:
        return self._joined("")

    def _joined(self, prefix: str) -> bytes:
        return joined(self.others, prefix) + joined(self.folders, prefix, "/")


class Rules:
    """The rules of one file, whichever directory it stands in."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = rules
        self.takes_back = any(not one.leaves_out for one in rules)

    @cached_property
    def on_names(self) -> Sequence[Finder]:
        """What the lines leave out that look at names only."""
        return _either([one for one in self.rules if one.leaves_out and not one.on_path])

    @cached_property
    def on_paths(self) -> Sequence[Finder]:
        """The same for lines that look at paths."""
        return _either([one for one in self.rules if one.leaves_out and one.on_path])

    def verdict(self, name: str, path: str, is_folder: bool) -> bool | None:
        """True: left out; False: taken back; None: nothing said. `path` is relative to the file's directory."""
        ending = b"/" * is_folder
        raw_name, raw_path = os.fsencode(name) + ending, os.fsencode(path) + ending
        for rule in reversed(self.rules):
            if expression(rule.source, utf8=False).fits(raw_path if rule.on_path else raw_name):
                return rule.leaves_out
        return None


@dataclass(frozen=True)
class Ignore:
    """Rules and where they hold."""

    rules: Rules
    prefix: str = ""
    """The directory they stand in, relative to the walk's base: empty or with a final slash."""
    below: str = ""
    """For a file above the base: the way down from its directory to the base, with a final slash."""

    def relative(self, path: str) -> str:
        """A path relative to the base as the rules see it."""
        return self.below + path[len(self.prefix) :]

    def candidates(self, here: Contents) -> set[str]:
        """Names of a directory that some line leaves out; another may take them back."""
        hits: set[str] = set()
        for finders, prefix in ((self.rules.on_names, ""), (self.rules.on_paths, self.relative(here.path))):
            for finder in finders:
                hits.update(found(finder, here.text(prefix), prefix))
        return hits


def left_out(stack: Sequence[Ignore], here: Contents) -> set[str]:
    """The names in a directory that the files of `stack`, the outermost first, leave out."""
    hits: set[str] = set()
    for ignore in stack:
        hits |= ignore.candidates(here)
    if not hits or not any(ignore.rules.takes_back for ignore in stack):
        return hits
    return {name for name in hits if _is_left_out(stack, here.path + name, name, name in here.folders)}


def _is_left_out(stack: Sequence[Ignore], path: str, name: str, is_folder: bool) -> bool:
    for ignore in reversed(stack):
        verdict = ignore.rules.verdict(name, ignore.relative(path), is_folder)
        if verdict is not None:
            return verdict
    return False


def _either(rules: Sequence[Rule]) -> Sequence[Finder]:
    """What any of the rules covers: one expression, or several where one would be too large."""
    if not rules:
        return ()
    try:
        return [between_edges(b"|".join(b"(?:" + one.source + b")" for one in rules), utf8=False)]
    except InvalidInput:
        if len(rules) == 1:
            return ()
    middle = len(rules) // 2
    return [*_either(rules[:middle]), *_either(rules[middle:])]


def read_ignore(directory: int, prefix: str, *, below: str = "", name: str = FILE) -> Ignore | None:
    """The rules of the file `name` in an open directory, None where there is none that can be read."""
    raw = _read(directory, name)
    rules = parsed(raw) if raw else None
    return Ignore(rules, prefix, below) if rules else None


def read_exclude(directory: int, prefix: str, *, below: str = "") -> Ignore | None:
    """The rules of .git/info/exclude beneath an open directory."""
    flags = READ | getattr(os, "O_DIRECTORY", 0)
    try:
        git = os.open(GIT, flags, dir_fd=directory)
        try:
            info = os.open("info", flags, dir_fd=git)
        finally:
            os.close(git)
    except OSError:
        return None
    try:
        return read_ignore(info, prefix, below=below, name="exclude")
    finally:
        os.close(info)


def _read(directory: int, name: str) -> bytes:
    try:
        descriptor = os.open(name, READ, dir_fd=directory)
    except OSError:
        return b""
    try:
        facts = os.fstat(descriptor)
        return os.read(descriptor, _MOST_BYTES) if stat.S_ISREG(facts.st_mode) else b""
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def parsed(raw: bytes) -> Rules | None:
    """The rules that `raw` holds, None for none. Lines that make no sense are passed over, as git does."""
    return (_small if len(raw) <= _SMALL else _large)(raw)


@lru_cache(maxsize=128)
def _small(raw: bytes) -> Rules | None:
    rules = rules_of(raw)
    return Rules(rules) if rules else None


# Compiled they take hundreds of times their own size.
_large = lru_cache(maxsize=4)(_small.__wrapped__)
