"""Lines of a .gitignore as expressions over bytes, by the rules of git's wildmatch."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from mcp_servers_filesystem.patterns import expression
from mcp_servers_shared.errors import InvalidInput

_MOST_LINES = 5_000
_MOST_LINE = 1_000
_MOST_SOURCE = 1 << 18
"""Bytes of all the expressions of a file: what is beyond is passed over, for it is no list that anybody wrote."""
_NAMED = re.compile(rb"\[:([^\]]*):\]")
_ANY = rb"[^/\x00]"
_EVERY = frozenset(range(1, 256)) - {0x2F}
_TESTS: dict[bytes, Callable[[int], bool]] = {
    b"alnum": lambda byte: bytes((byte,)).isalnum(),
    b"alpha": lambda byte: bytes((byte,)).isalpha(),
    b"blank": lambda byte: byte in b" \t",
    b"cntrl": lambda byte: byte < 0x20 or byte == 0x7F,
    b"digit": lambda byte: bytes((byte,)).isdigit(),
    b"graph": lambda byte: 0x20 < byte < 0x7F,
    b"lower": lambda byte: bytes((byte,)).islower(),
    b"print": lambda byte: 0x20 <= byte < 0x7F,
    b"punct": lambda byte: 0x20 < byte < 0x7F and not bytes((byte,)).isalnum(),
    b"space": lambda byte: byte in b" \t\n\r\v\f",
    b"upper": lambda byte: bytes((byte,)).isupper(),
    b"xdigit": lambda byte: byte in b"0123456789abcdefABCDEF",
}


@dataclass(frozen=True)
class Rule:
    """One line. A directory is asked for with a final slash."""

    source: bytes
    leaves_out: bool
    """False for a `!` line, which takes back."""
    on_path: bool
    """Whether it looks at the path below the file's directory, not at the name alone."""


def rules_of(raw: bytes) -> tuple[Rule, ...]:
    """The lines that mean something, in order."""
    found: list[Rule] = []
    left = _MOST_SOURCE
    for line in raw.removeprefix(b"\xef\xbb\xbf").split(b"\n")[:_MOST_LINES]:
        rule = rule_of(line.removesuffix(b"\r"))
        if rule is None or not usable(rule.source):
            continue
        left -= len(rule.source)
        if left < 0:
            break
        found.append(rule)
    return tuple(found)


def rule_of(line: bytes) -> Rule | None:
    """The rule of one line; None for a comment, an empty one, or what can cover nothing."""
    if line.startswith(b"#") or len(line) > _MOST_LINE or b"\0" in line:
        return None
    text = _without_blanks(line)
    leaves_out = not text.startswith(b"!")
    text = text if leaves_out else text[1:]
    folders_only = text.endswith(b"/")
    text = text.removesuffix(b"/")
    on_path = b"/" in text
    text = text.removeprefix(b"/")
    if not text:
        return None
    source = _expression(text) if text.strip(b"*") else _stars(text, on_path)
    return Rule(source + (b"/" if folders_only else b"/?"), leaves_out, on_path) if source is not None else None


def usable(source: bytes) -> bool:
    """Whether the engine takes it."""
    try:
        expression(source, utf8=False)
    except InvalidInput:
        return False
    return True


def _without_blanks(line: bytes) -> bytes:
    """The line without the blanks at its end that no backslash protects."""
    end = at = 0
    while at < len(line):
        if line[at : at + 1] == b"\\":
            at += 2
            end = min(at, len(line))
        else:
            at += 1
            end = end if line[at - 1 : at] == b" " else at
    return line[:end]


def _stars(text: bytes, on_path: bool) -> bytes:
    # Never the empty name: expressions run over many names at once.
    return rb"[^\x00]*[^/\x00]" if on_path and text == b"**" else _ANY + b"+"


def _expression(text: bytes) -> bytes | None:
    parts = bytearray()
    at = 0
    while at < len(text):
        char = text[at : at + 1]
        if char == b"*":
            part, at = _star(text, at)
        elif char == b"?":
            part, at = _ANY, at + 1
        elif char == b"[":
            taken = _class(text, at)
            if taken is None:
                return None
            part, at = taken
        else:
            if char == b"\\":
                at += 1
                char = text[at : at + 1]
                if not char:
                    return None
            part, at = _literal(char), at + 1
        parts += part
    return bytes(parts)


def _star(text: bytes, at: int) -> tuple[bytes, int]:
    end = at
    while text[end : end + 1] == b"*":
        end += 1
    opens = at == 0 or text[at - 1 : at] == b"/"
    if end - at >= 2 and opens and end == len(text):
        return rb"[^\x00]*[^/\x00]", end
    if end - at >= 2 and opens and text[end : end + 1] == b"/":
        return rb"(?:[^\x00]*/)?", end + 1
    return _ANY + b"*", end


def _class(text: bytes, start: int) -> tuple[bytes, int] | None:
    """A class and where it ends; None where it never does or makes no sense."""
    negated = text[start + 1 : start + 2] in (b"!", b"^")
    at = first = start + 1 + negated
    chosen: set[int] = set()
    before = -1
    while text[at : at + 1] != b"]" or at == first:
        if named := _NAMED.match(text, at):
            test = _TESTS.get(named[1])
            if test is None:
                return None
            chosen |= set(filter(test, range(256)))
            before, at = -1, named.end()
            continue
        spans = text[at : at + 1] == b"-" and before >= 0 and text[at + 1 : at + 2] != b"]"
        at += spans
        at += text[at : at + 1] == b"\\"
        char = text[at : at + 1]
        if not char:
            return None
        chosen |= set(range(before if spans else char[0], char[0] + 1))
        before, at = -1 if spans else char[0], at + 1
    return _bytes_class((_EVERY - chosen) if negated else (_EVERY & chosen)), at + 1


def _bytes_class(chosen: frozenset[int] | set[int]) -> bytes:
    if not chosen:
        # Nothing fits: a byte that is in no name.
        return rb"\x00\x00"
    runs: list[list[int]] = []
    for byte in sorted(chosen):
        if runs and runs[-1][1] == byte - 1:
            runs[-1][1] = byte
        else:
            runs.append([byte, byte])
    return b"[" + b"".join(b"\\x%02x-\\x%02x" % (first, last) for first, last in runs) + b"]"


@cache
def _literal(char: bytes) -> bytes:
    return char if re.match(rb"[A-Za-z0-9_]", char) else b"\\x%02x" % char[0]
