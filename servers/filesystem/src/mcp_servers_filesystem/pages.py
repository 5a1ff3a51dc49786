"""One page of an answer, as every reading room gives it."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Page:
    """Its text, what is known besides, what a reader must not miss, and where the next page begins."""

    text: str
    fields: dict[str, Any]
    notices: list[str]
    following: dict[str, Any] | None = None
