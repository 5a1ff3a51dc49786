r"""Glob patterns as minimatch reads them with `dot: true`, made into one expression without backtracking.

`*` and `?` stay within a name, `**` as a whole component spans directories, `[a-z]`, `{a,b}`, `{1..3}`, `?(a|b)`,
`*(..)`, `+(..)`, `@(..)`, `!(..)`; a leading `!` turns the answer round; `\` takes the next character as it is.
One difference: `?` is one character also where JavaScript counts two (beyond U+FFFF).
"""

import os
import re
from collections.abc import Collection, Sequence
from functools import cached_property, lru_cache

from mcp_servers_filesystem.batches import between_edges, found, joined
from mcp_servers_filesystem.braces import expanded
from mcp_servers_filesystem.extglobs import ANY, component
from mcp_servers_filesystem.patterns import MOST_CHARS, Finder, TimedText, expression
from mcp_servers_shared.errors import InvalidInput

_SLASHES = re.compile("/+")


@lru_cache(maxsize=256)
def glob(pattern: str) -> "Glob":
    """The pattern, ready. Raises InvalidInput (`bad_pattern`)."""
    if len(pattern.encode(errors="surrogatepass")) > MOST_CHARS or "\0" in pattern:
        raise InvalidInput(
            f"a glob has at most {MOST_CHARS:,} bytes and no NUL", code="bad_pattern", hint="For example **/*.py."
        )
    if not pattern.isascii() and any("\ud800" <= char <= "\udfff" for char in pattern):
        raise InvalidInput("the glob holds a lone surrogate", code="bad_pattern", hint="Write ordinary text.")
    if pattern.startswith("#") or not pattern:
        return Glob("", False)
    body = pattern.lstrip("!")
    made = dict.fromkeys(text for one in expanded(body) if (text := _path(one)) is not None)
    return Glob("|".join(f"(?:{one})" for one in made), (len(pattern) - len(body)) % 2 == 1)


class Glob:
    """One compiled pattern. An empty `source` covers nothing."""

    def __init__(self, source: str, turned: bool) -> None:
        self._source, self._turned = source, turned
        # Only !(...) needs to look ahead, which RE2 cannot.
        self._looks_ahead = "(?!" in source
        # Groups such as *(a) fit nothing at all, which is also between two names.
        self._one_by_one = bool(source) and (self._whole.fits(b"") or self._looks_ahead)

    def covers(self, path: str) -> bool:
        """Whether the pattern covers a relative path, in os.fsdecode form."""
        return (bool(self._source) and self._whole.fits(_clean(path))) != self._turned

    def among(self, prefix: str, names: Sequence[str]) -> Collection[str]:
        """Those of `names` that it covers when they stand in the directory `prefix` (empty or ending in a slash)."""
        hits: Collection[str] = ()
        if self._source:
            text = joined(names, prefix)
            if self._one_by_one or (not text.isascii() and not _is_utf8(text)):
                hits = [name for name in names if self._whole.fits(_clean(prefix + name))]
            else:
                hits = list(found(self._batch, text, prefix))
        if not self._turned:
            return hits
        without = set(hits)
        return [name for name in names if name not in without]

    @cached_property
    def _whole(self) -> Finder:
        raw = self._source.encode()
        return TimedText(raw) if self._looks_ahead else expression(raw, utf8=True)

    @cached_property
    def _batch(self) -> Finder:
        return between_edges(self._source.encode(), utf8=True)


def _clean(path: str) -> bytes:
    """The path in UTF-8; bytes that are none become U+FFFD, as the official server sees them."""
    raw = os.fsencode(path)
    return raw if raw.isascii() else raw.decode(errors="replace").encode()


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _path(pattern: str) -> str | None:
    """The expression of a pattern without braces; None where no path can fit."""
    parts: list[str] = []
    for one in _SLASHES.split(pattern):
        if one == "**" and parts[-1:] == ["**"]:
            continue
        if one == ".." and parts and parts[-1] not in ("", ".", "..", "**"):
            parts.pop()
            continue
        parts.append(one)
    if not parts or any(one in ("", ".", "..") for one in parts):
        # No path of a walk has such a component.
        return None
    made: list[str] = []
    for index, one in enumerate(parts):
        last = index == len(parts) - 1
        if one == "**":
            made.append(f"{ANY}+(?:/{ANY}+)*" if last else f"(?:{ANY}+/)*")
        elif (text := component(one)) is None:
            return None
        else:
            made.append(text + ("" if last else "/"))
    return "".join(made)
