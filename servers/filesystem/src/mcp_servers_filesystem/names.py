r"""File names as text: what is clean stays as it is, every other byte is `\xNN`, and both ways fit.

shown(b"caf\xe9 \n.txt")      'caf\\xe9 \\x0a.txt'
parsed('caf\\xe9 \\x0a.txt')  b"caf\xe9 \n.txt"
"""

import re

from mcp_servers_shared.guard.path_errors import malformed
from mcp_servers_shared.guard.untrusted import visible

_ESCAPED = re.compile(rb"\\x(0[0-9a-f]|1[0-9a-f]|7f|5c|[89a-f][0-9a-f])")
_SELECTORS = "\ufe0e\ufe0f"


def shown(name: bytes) -> str:
    """The name or path for a reader: bytes that are not UTF-8, controls and hidden characters as `\\xNN`."""
    try:
        text = name.decode()
    except UnicodeDecodeError:
        return "".join(map(_escape, _apart(name)))
    plain = text.isascii() and text.isprintable()
    if "\\x" not in text and (plain or visible(text, escape_layout=True) == text):
        return text
    return "".join(map(_escape, _apart(name)))


def parsed(text: str) -> bytes:
    """The name or path that `text` means. Raises PathRefused for lone surrogates."""
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        raise malformed(text, "it holds a lone surrogate") from None
    return _ESCAPED.sub(lambda match: bytes((int(match[1], 16),)), raw) if b"\\x" in raw else raw


def _apart(name: bytes) -> list[str]:
    """Pieces that are escaped or kept as one."""
    text = name.decode(errors="surrogateescape")
    return re.findall(r"\\x[0-9a-f]{2}|[\ufe0e\ufe0f]+|.", text, re.DOTALL)


def _escape(piece: str) -> str:
    if len(piece) > 1 and piece[0] == "\\":
        return "\\x5c" + piece[1:]
    repeated = len(piece) > 1 and piece[0] in _SELECTORS
    if repeated or visible(piece, escape_layout=True) != piece:
        return "".join(f"\\x{byte:02x}" for byte in piece.encode(errors="surrogateescape"))
    return piece
