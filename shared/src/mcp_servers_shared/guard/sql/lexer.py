"""SQLite's own tokens, with their positions, in linear time.

Follows SQLite's tokenizer where others guess: `--` runs to a line feed only, `/* */` does not nest and may stay open,
`[a]`, `"a"` and backticks quote names, `$a(;)` is one parameter, and letters beyond ASCII belong to names.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

NAME = "name"
QUOTED = "quoted"
STRING = "string"
BLOB = "blob"
NUMBER = "number"
PARAMETER = "parameter"
OPERATOR = "operator"
COMMENT = "comment"
SPACE = "space"
ILLEGAL = "illegal"

IDENTIFIERS = frozenset({NAME, QUOTED})

# Letters, digits, `_`, `$` and all beyond ASCII, written as what it is not: that compiles 40 times faster.
_PART = r"[^\x00-#%-/:-@\[-^`{-\x7f]"
_TOKENS = re.compile(
    r"(?P<space>[ \t\n\f\r][ \t\n\v\f\r]*+|\ufeff)"
    r"|(?P<comment>--[^\n]*+|/\*(?=[\s\S])[^*]*+(?:\*(?!/)[^*]*+)*+(?:\*/)?)"
    r"|(?P<blob>[xX]'(?:[0-9A-Fa-f]{2})*+')"
    r"|(?P<badblob>[xX]'[^']*+'?)"
    rf"|(?P<name>(?:(?![0-9$]){_PART}){_PART}*+)"
    r"|(?P<string>'(?:[^']|'')*+')"
    r'|(?P<quoted>"(?:[^"]|"")*+"|`(?:[^`]|``)*+`|\[[^\]]*+\])'
    r"|(?P<open>['\"`\[][\s\S]*+)"
    rf"|(?P<number>(?:0[xX][0-9A-Fa-f]++|(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?)(?P<tail>{_PART}*+))"
    rf"|(?P<parameter>\?[0-9]*+|[$@:#](?:::)*+{_PART}(?:{_PART}|::)*+(?P<suffix>\([^ \t\n\v\f\r)]*+\)?+)?+)"
    r"|(?P<nameless>[$@:#](?:::)*+)"
    r"|(?P<operator>->>|\|\||->|<=|<>|<<|>=|>>|==|!=|[-+*/%=<>&|~.,;()])"
    r"|(?P<illegal>[\s\S])"
)
_ILLEGAL_GROUPS = frozenset({"badblob", "open", "nameless", "illegal"})


class Token(NamedTuple):
    """One token: its kind, its exact text, and where it stands (`end` is exclusive, in characters)."""

    kind: str
    text: str
    start: int
    end: int

    @property
    def word(self) -> str:
        """The text in ASCII capitals when it is a bare word, else an empty string.

        Only ASCII folds: SQLite does not read `ſelect` as SELECT, so neither may a check.
        """
        if self.kind != NAME:
            return ""
        return self.text.upper() if self.text.isascii() else self.text

    @property
    def name(self) -> str:
        """The identifier this token spells, without its quotes."""
        if self.kind != QUOTED:
            return self.text
        quote = self.text[-1]
        inner = self.text[1:-1]
        return inner if quote == "]" else inner.replace(quote * 2, quote)


def scan(sql: str) -> Iterator[Token]:
    """Every token of the text, spaces and comments included; joined, their texts are the text again."""
    for match in _TOKENS.finditer(sql):
        kind = match.lastgroup or ILLEGAL
        unfinished = kind == PARAMETER and not (match["suffix"] or ")").endswith(")")
        if unfinished or kind in _ILLEGAL_GROUPS or (kind == NUMBER and match["tail"]):
            kind = ILLEGAL
        yield Token(kind, match.group(), match.start(), match.end())


def significant(sql: str) -> list[Token]:
    """The tokens SQLite's parser sees: without spaces and comments."""
    return [token for token in scan(sql) if token.kind not in (SPACE, COMMENT)]


def line_and_column(sql: str, offset: int) -> tuple[int, int]:
    """The 1-based line and column of a character offset."""
    before = sql[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1
