"""How the bytes of a text file are read and written back: a decoding that loses nothing.

    form, text = read_text(data)
    form.encode(text) == data                # always

The encoding is the one that reading shows. A byte order mark stays in the text as U+FEFF, so what is not edited cannot
lose it; bytes that are no character stay as lone surrogates.
"""

import re
from dataclasses import dataclass

from mcp_servers_filesystem.decoding import guessed
from mcp_servers_shared.errors import InvalidInput

_SAMPLE = 65_536
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class TextForm:
    """One encoding. `errors` is what makes it reversible for bytes that are not valid in it."""

    encoding: str
    errors: str = "surrogateescape"

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


_LATIN1 = TextForm("latin-1", "strict")


def form_of(data: bytes, *, begins: bool = False) -> TextForm | None:
    """The form that `data` is in; None for what is no text. `begins`: it is only the beginning of a file."""
    name = guessed(data[:_SAMPLE], whole=len(data) <= _SAMPLE and not begins)
    if name is None:
        return None
    wide = name.startswith(("utf-16", "utf-32"))
    form = TextForm(name, "surrogatepass" if wide else "surrogateescape")
    try:
        if not wide or form.encode(form.decode(data)) == data:
            return form
    except (UnicodeDecodeError, InvalidInput):
        pass
    # Half a character at its end, or worse: whatever it is, every byte of it is kept.
    return _LATIN1


def read_text(data: bytes) -> tuple[TextForm, str] | None:
    """The form that `data` is in, and its text; None for what is no text."""
    form = form_of(data)
    return (form, form.decode(data)) if form else None


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
    try:
        text.encode()
    except UnicodeEncodeError:
        return _SURROGATES.sub("\ufffd", text)
    return text
