"""The log: plain lines on stderr, without secrets."""

import logging
import sys
from collections.abc import Callable


class CleanFormatter(logging.Formatter):
    """Formats a record, traceback included, and takes the secrets out of the whole."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self.clean: Callable[[str], str] = str

    def format(self, record: logging.LogRecord) -> str:
        return self.clean(super().format(record))


def configure_logging(level: str, clean: Callable[[str], str] = str) -> None:
    """Log on stderr. Before the SDK, which would take over the root logger otherwise.

    A root logger that somebody else has set up keeps its handlers.
    """
    root = logging.getLogger()
    if not root.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(CleanFormatter())
        root.addHandler(handler)
    for handler in root.handlers:
        if isinstance(handler.formatter, CleanFormatter):
            handler.formatter.clean = clean
    root.setLevel(level)
