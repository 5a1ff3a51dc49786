"""What .gitignore files leave out, each for the directory it stands in and below."""

import os
import re
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mcp_servers_filesystem.patterns import names_matcher

_MOST_BYTES = 1 << 20
_MOST_LINES = 5_000
_MOST_LINE = 1_000
_PLAIN = re.compile(r"[^*?\[\]\\!#/]+\Z")
_ENDING = re.compile(r"\*(\.[^*?\[\]\\/]+)\Z")
FILE = ".gitignore"


@dataclass(frozen=True)
class _Rule:
    index: int
    include: bool
    """True: left out. False: a `!` line takes it back."""
    only_directories: bool
    covers: Callable[[str], object] | None = None


@dataclass
class Ignore:
    """The rules of one file. Later lines win over earlier ones."""

    prefix: str
    """The directory it stands in, relative to the walk's base: empty or with a final slash."""
    below: str = ""
    """For a file above the base: the way down from its directory to the base, with a final slash."""
    names: dict[str, list[_Rule]] = field(default_factory=dict[str, list[_Rule]])
    endings: dict[str, list[_Rule]] = field(default_factory=dict[str, list[_Rule]])
    on_names: list[_Rule] = field(default_factory=list[_Rule])
    on_paths: list[_Rule] = field(default_factory=list[_Rule])

    def verdict(self, name: str, path: str, is_directory: bool) -> bool | None:
        """True: left out; False: taken back; None: nothing said."""
        best: _Rule | None = None
        for rule in self.names.get(name, ()):
            best = _later(best, rule, is_directory)
        if self.endings and (dot := name.find(".")) >= 0:
            while dot >= 0:
                for rule in self.endings.get(name[dot:], ()):
                    best = _later(best, rule, is_directory)
                dot = name.find(".", dot + 1)
        for rules, text in ((self.on_names, name), (self.on_paths, self._relative(path))):
            for rule in rules:
                if (best is None or rule.index > best.index) and rule.covers and rule.covers(text + "/" * is_directory):
                    best = _later(best, rule, is_directory)
        return best.include if best else None

    def _relative(self, path: str) -> str:
        return self.below + path[len(self.prefix) :] if self.on_paths else ""


def _later(best: _Rule | None, rule: _Rule, is_directory: bool) -> _Rule | None:
    if rule.only_directories and not is_directory:
        return best
    return rule if best is None or rule.index > best.index else best


def left_out(stack: Sequence[Ignore], name: str, path: str, is_directory: bool) -> bool:
    """Whether the nearest file that says something leaves `path` (relative to the base) out."""
    for ignore in reversed(stack):
        verdict = ignore.verdict(name, path, is_directory)
        if verdict is not None:
            return verdict
    return False


def read_ignore(directory: int, prefix: str) -> Ignore | None:
    """The rules of the .gitignore in an open directory, None where there is none that can be read."""
    try:
        descriptor = os.open(
            FILE, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | getattr(os, "O_NOFOLLOW", 0), dir_fd=directory
        )
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        return parsed_ignore(os.read(descriptor, _MOST_BYTES), prefix)
    except OSError:
        return None
    finally:
        os.close(descriptor)


def parsed_ignore(raw: bytes, prefix: str) -> Ignore | None:
    """The rules that `raw` holds, None for none. Lines that make no sense are passed over, as git does."""
    ignore = Ignore(prefix)
    lines = raw.removeprefix(b"\xef\xbb\xbf").decode(errors="surrogateescape").splitlines()[:_MOST_LINES]
    for index, line in enumerate(lines):
        if line and not line.startswith("#") and len(line) <= _MOST_LINE:
            _add(ignore, index, line)
    return ignore if ignore.names or ignore.endings or ignore.on_names or ignore.on_paths else None


def _add(ignore: Ignore, index: int, line: str) -> None:
    text = line.rstrip() if not line.rstrip().endswith("\\") else line.rstrip() + " "
    include = not text.startswith("!")
    body = text if include else text[1:]
    bare = body.removesuffix("/")
    only_directories = body != bare
    if _PLAIN.match(bare):
        ignore.names.setdefault(bare, []).append(_Rule(index, include, only_directories))
    elif found := _ENDING.match(bare):
        ignore.endings.setdefault(found[1], []).append(_Rule(index, include, only_directories))
    elif (pattern := _translated(body)) is not None:
        rules = ignore.on_paths if "/" in bare else ignore.on_names
        rules.append(_Rule(index, include, only_directories, pattern))


def _translated(body: str) -> Callable[[str], object] | None:
    from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

    try:
        expression, _ = GitIgnoreSpecPattern.pattern_to_regex(body)
        if not expression:
            return None
        text = expression.decode() if isinstance(expression, bytes) else expression
        text = re.sub(r"\(\?P<\w+>", "(?:", text)
        # pathspec's expressions end where the pattern does; what stands below a matched directory is never asked for.
        return names_matcher(text.removeprefix("^") + ".*", text.count("*") + text.count("+"))
    except Exception:
        # A line of somebody's file that is no pattern.
        return None
