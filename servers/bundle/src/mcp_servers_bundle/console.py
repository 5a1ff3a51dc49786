"""Readable colour on a terminal, plain text elsewhere. Honours NO_COLOR and FORCE_COLOR.

Not `rich`: the SDK reroutes every server's log through it when it is installed beside one, at up to 0.8 s a traceback.
"""

import os
import sys
import textwrap
from typing import TextIO

_WIDTH = 110
_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36"}


class Console:
    """Writes to `stream`."""

    def __init__(self, stream: TextIO | None = None, *, colour: bool | None = None) -> None:
        self._stream = stream or sys.stdout
        self._colour = wants_colour(self._stream) if colour is None else colour

    def styled(self, text: str, *styles: str) -> str:
        """`text` in the given styles, where colour is wanted."""
        if not self._colour or not styles:
            return text
        return f"\x1b[{';'.join(_CODES[style] for style in styles)}m{text}\x1b[0m"

    def line(self, text: str = "", *styles: str) -> None:
        """One line."""
        self._stream.write(self.styled(text, *styles) + "\n")
        self._stream.flush()

    def step(self, title: str) -> None:
        """A heading."""
        self.line()
        self.line(f"── {title} ", "bold", "cyan")

    def say(self, text: str) -> None:
        """A sentence about what is seen, wrapped."""
        self.line(textwrap.fill(text, _WIDTH), "dim")

    def call(self, text: str) -> None:
        """What the client asks."""
        self.line(textwrap.fill(f"→ {text}", _WIDTH, subsequent_indent="  "), "blue")

    def shown(self, text: str, *styles: str, most_lines: int = 14) -> None:
        """What comes back, indented; a long answer is cut here, for the screen only, and says so."""
        lines = [part for line in text.splitlines() for part in (textwrap.wrap(line, _WIDTH) or [""])]
        for line in lines[:most_lines]:
            self.line(f"    {line}", *styles)
        if len(lines) > most_lines:
            self.line(f"    ({len(lines) - most_lines} more lines, not shown in this demo)", "dim")


def wants_colour(stream: TextIO) -> bool:
    """Whether `stream` is a terminal that may be coloured."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (stream.isatty() and os.environ.get("TERM") != "dumb")
