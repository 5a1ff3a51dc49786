"""Secrets that are known by the name beside them: `password=x`, `"api_key": "x"`, `--token x`, `Authorization: ...`."""

import re

from mcp_servers_shared.guard._marks import mark, mark_end, without_marks
from mcp_servers_shared.guard._secret_names import SecretNames

_PAIR = re.compile(
    r"(?<![A-Za-z0-9_.\-])(?:"
    r"(?P<key>[A-Za-z0-9_.\-]++)(?P<closed>\\*+[\"'\]`]*+)[ \t]*+(?P<sign>=>|:=|!=|={1,3}|:(?!:|//))(?P<blank>[ \t]*+)"
    r"|(?P<option>--[A-Za-z0-9][A-Za-z0-9_\-]*+)(?:[ \t]++(?=[^\s\-])|\\*+[\"'],[ \t]*+(?=\\*+[\"']))"
    r")"
)
_OPENING = re.compile(r"(\\*+)([\"'`])")
_CLOSING = re.compile(r"(?<!\\)(\\*+)([\"'`\n])")
_BARE = re.compile(r"(?:[^\s\"'`&;\\]|\\(?![nrt\"'\\]))++")
_COOKIE = re.compile(r"[\"']?[^\s=;\"']{1,200}=")
_LINE = re.compile(r"[^\n\r]*+")
_SCHEME = re.compile(
    r"(?P<one>bearer|basic|token|negotiate|ntlm|apikey)[ \t]++|(?P<many>digest|hawk|aws4-hmac-sha256|oauth)[ \t]++",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"\?\d*|%s|%\(\w+\)s|\$\d{1,3}|\$?\{\{?[\w.\- ]+\}?\}?|<[\w \-]+>?|\*{3,}|\.{3}"
    r"|null|none|nil|undefined|true|false|required|optional|str|string|bytes|text|varchar(?:\(\d+\)?)?|any|bool|boolean",
    re.IGNORECASE,
)
_BOUND = re.compile(r"[:@$]([A-Za-z_]\w*)")
_CODE = re.compile(r"[A-Za-z_][\w.]*[(\[]")
_TRAILING = ",.)}]>"
# Words that ordinary prose also puts before a colon; their value must look like a secret.
_PROSE_NAMES = ("token", "secret", "secrets", "credential", "credentials", "authorization")
_PARSERS_SAY = re.compile(r"(?:\A|\s)(?:unrecognized|unexpected) \Z")
_LONGEST_SAYING = len(" unrecognized ")
_SHORTEST_SIGNATURE = 16
_LONGEST_HOST = 256


class SecretPairs:
    """Redacts the values of names that `names` knows."""

    def __init__(self, names: SecretNames) -> None:
        self._names = names
        self._hints = names.hints

    def redact(self, text: str) -> str:
        """`text` with those values replaced. Linear: whatever is looked at is either kept or replaced, once."""
        lowered = text.lower()
        if not any(hint in lowered for hint in self._hints):
            return text
        kept: list[str] = []
        done = position = 0
        while found := _PAIR.search(text, position):
            position = found.end()
            before = found.start() - 1
            if text.startswith("[", before) and (end := mark_end(text, before)):
                position = end  # the KIND in a mark is no name
                continue
            kind = self._names.kind(found["key"] or found["option"])
            span = kind and self._span(text, found, kind, done)
            if kind and span:
                kept += (text[done : span[0]], mark(kind))
                done = position = span[1]
        return "".join((*kept, text[done:]))

    def _span(self, text: str, found: re.Match[str], kind: str, done: int) -> tuple[int, int] | None:
        """Where the value to replace begins and ends, or None where nothing must go.

        A value of unlimited length that was looked at is always replaced: else the next name looks at it again.
        """
        if _is_no_secret(text, found, kind, done):
            return None
        opening = _OPENING.match(text, found.end())
        if opening:
            start, end = opening.end(), _closing(text, opening)
        else:
            start, end = _bare(text, found.end(), kind)
        scheme = _SCHEME.match(text, start, end) if kind == "authorization" else None
        if scheme:
            start = scheme.end()
        value = text[start:end]
        if not value or self._is_harmless(value):
            return None
        if not scheme and (_is_code(found, value, bool(opening)) or _is_prose(found, kind, value)):
            return None
        if not opening:
            end = start + len(value.rstrip(_TRAILING))
        return (start, end) if start < end else None

    def _is_harmless(self, value: str) -> bool:
        length = mark_end(value)
        if length:
            rest = value[length:]
            return not rest.strip(_TRAILING) or (rest.startswith("@") and len(rest) < _LONGEST_HOST)
        bound = _BOUND.fullmatch(value.rstrip(_TRAILING))
        if bound:
            return self._names.kind(bound[1]) is not None
        return bool(_PLACEHOLDER.fullmatch(value) or _PLACEHOLDER.fullmatch(value.rstrip(_TRAILING)))


def _is_no_secret(text: str, found: re.Match[str], kind: str, done: int) -> bool:
    """What can be said before the value is looked at. The text before `done` is replaced and must not count."""
    if found["option"]:
        return False
    if kind == "signature":
        return found["sign"] != "="
    if found["key"].lower().endswith("pwd"):
        return text.startswith(("/", "~"), found.end())  # the working directory
    if not _is_unquoted_colon(found):
        return False
    if kind == "cookie":
        return not _COOKIE.match(text, found.end())
    before = text[max(done, found.start() - _LONGEST_SAYING) : found.start()].lower()
    return found["key"].lower() in _PROSE_NAMES and bool(_PARSERS_SAY.search(before))


def _is_unquoted_colon(found: re.Match[str]) -> bool:
    return found["sign"] == ":" and not found["closed"]


def _is_code(found: re.Match[str], value: str, quoted: bool) -> bool:
    if found["option"] or quoted:
        return False
    opens_structure = ":" in found["sign"] and not value.strip("[{")
    spaced = found["blank"] and found.start("sign") > found.end("closed")
    return opens_structure or bool(spaced and _CODE.match(value))


def _is_prose(found: re.Match[str], kind: str, value: str) -> bool:
    if kind == "signature":
        return len(value) < _SHORTEST_SIGNATURE
    if found["option"] or not _is_unquoted_colon(found):
        return False
    return found["key"].lower() in _PROSE_NAMES and not _looks_random(value)


def _looks_random(value: str) -> bool:
    value = without_marks(value)
    return len(value) >= 16 or (len(value) >= 6 and any(character.isdigit() for character in value))


def _closing(text: str, opening: re.Match[str]) -> int:
    """Where a quoted value ends: its own quote at its own depth of escaping, a line end, or the end of the text."""
    depth, quote = len(opening[1]), opening[2]
    position = opening.end()
    while found := _CLOSING.search(text, position):
        position = found.end()
        if found[2] == "\n":
            return found.start(2)
        if found[2] != quote:
            continue
        slashes = len(found[1])
        if depth == 0 and slashes % 2 == 0:
            if text.startswith(quote, position):  # a doubled quote, as SQL writes it
                position += 1
                continue
            return found.start(2)
        if depth and slashes <= depth:
            return found.start()
    return len(text)


def _bare(text: str, start: int, kind: str) -> tuple[int, int]:
    """An unquoted value: up to a blank, a quote, `&` or `;`, or the whole line for headers of several parts."""
    whole_line = kind == "cookie"
    if kind == "authorization" and (scheme := _SCHEME.match(text, start)):
        whole_line = scheme["many"] is not None
        found = None if whole_line else _BARE.match(text, scheme.end())
        if found:
            return start, found.end()
    found = (_LINE if whole_line else _BARE).match(text, start)
    return start, found.end() if found else start
