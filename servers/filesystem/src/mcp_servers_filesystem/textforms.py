"""How the bytes of a text file are read and written back: a decoding that loses nothing.

    form, text = read_text(data)
    form.encode(text) == data                # always

A byte order mark stays in the text as U+FEFF, so what is not edited cannot lose it.
"""

import codecs
import re
from dataclasses import dataclass

from mcp_servers_shared.errors import InvalidInput

_SAMPLE = 4_096
_MULTIBYTE = re.compile("[\u0080-\ud7ff\ue000-\U0010ffff]")
_ESCAPED = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True)
class TextForm:
    """One encoding. `errors` is what makes it reversible for bytes that are not valid in it."""

    encoding: str
    errors: str = "strict"

    def decode(self, data: bytes) -> str:
        """The text. Raises UnicodeDecodeError where the bytes do not fit."""
        return data.decode(self.encoding, self.errors)

    def encode(self, text: str) -> bytes:
        """The bytes of `text`. Raises InvalidInput (`not_encodable`) for characters the file's encoding has not."""
        try:
            return text.encode(self.encoding, self.errors)
        except UnicodeEncodeError as error:
            raise InvalidInput(
                f"the file is in {self.encoding}, which has no character {text[error.start]!a}",
                code="not_encodable",
                hint="Use other characters, or rewrite the whole file with write_file, which writes UTF-8.",
            ) from None


UTF8 = TextForm("utf-8")
_ESCAPING = TextForm("utf-8", "surrogateescape")
_LATIN1 = TextForm("latin-1")
_WIDE = {"utf-16-le": TextForm("utf-16-le", "surrogatepass"), "utf-16-be": TextForm("utf-16-be", "surrogatepass")}


def read_text(data: bytes) -> tuple[TextForm, str]:
    """The form that `data` is in, and its text."""
    wide = _wide_form(data[:_SAMPLE]) if len(data) % 2 == 0 else None
    if wide:
        try:
            return wide, wide.decode(data)
        except UnicodeDecodeError:
            pass
    try:
        return UTF8, UTF8.decode(data)
    except UnicodeDecodeError:
        return _damaged(data)


def _wide_form(start: bytes) -> TextForm | None:
    if start.startswith(codecs.BOM_UTF16_LE) and not start.startswith(codecs.BOM_UTF32_LE):
        return _WIDE["utf-16-le"]
    if start.startswith(codecs.BOM_UTF16_BE):
        return _WIDE["utf-16-be"]
    # Without a mark: text in the Latin part of UTF-16 has a zero in nearly every second byte.
    pairs = len(start) // 2
    even, odd = start[0::2].count(0), start[1::2].count(0)
    if pairs >= 2 and even == 0 and odd * 10 >= pairs * 9:
        return _WIDE["utf-16-le"]
    if pairs >= 2 and odd == 0 and even * 10 >= pairs * 9:
        return _WIDE["utf-16-be"]
    return None


def _damaged(data: bytes) -> tuple[TextForm, str]:
    """UTF-8 with a few wrong bytes, or one byte a character: whichever more of the high bytes speak for."""
    text = _ESCAPING.decode(data)
    if len(_MULTIBYTE.findall(text)) > len(_ESCAPED.findall(text)):
        return _ESCAPING, text
    return _LATIN1, _LATIN1.decode(data)


def require_encodable(text: str, argument: str) -> None:
    """Raise InvalidInput where `text` holds a lone surrogate, which no file can hold."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidInput(
            f"{argument} holds half a character (a lone surrogate) at position {error.start:,}",
            code="invalid_text",
            hint="Send whole characters.",
        ) from None


def readable(text: str) -> str:
    """`text` with bytes that are no character shown as U+FFFD, so that it can be sent."""
    return _SURROGATES.sub("\ufffd", text)


_SURROGATES = re.compile("[\ud800-\udfff]")
