"""What stands where a secret stood: `[redacted:KIND]`, KIND in lower case, digits and `_`."""

import re

MARK = r"\[redacted:[a-z0-9_]{1,64}\]"
_MARK = re.compile(MARK)


def mark(kind: str) -> str:
    """The text that replaces a secret of this kind."""
    return f"[redacted:{kind}]"


def is_mark(text: str) -> bool:
    """Whether `text` is exactly one mark."""
    return bool(_MARK.fullmatch(text))


def mark_end(text: str, start: int = 0) -> int:
    """Where the mark ends that begins at `start`, or 0 where none does."""
    found = _MARK.match(text, start)
    return found.end() if found else 0


def without_marks(text: str) -> str:
    """`text` with nothing where a mark stands: the KIND in it is not the text's own word."""
    return _MARK.sub("", text) if "[redacted:" in text else text
