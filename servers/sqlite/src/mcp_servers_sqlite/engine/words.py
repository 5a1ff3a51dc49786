"""The words inside a name or a question: `orderItems2`, `ORDER_ITEM_2` and "order items 2" are the same three."""

import functools
import re

_RUNS = re.compile(r"\d+|[^\W\d_]+")
# Capitals before a capitalised word ("HTTPServer"), a word, capitals alone.
_CAMEL = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")
_LONGEST_NAME = 500


@functools.lru_cache(maxsize=20_000)
def split(name: str) -> tuple[str, ...]:
    """The words of a name in lower case, plurals as singulars."""
    words: list[str] = []
    for run in _RUNS.findall(name[:_LONGEST_NAME]):
        words += _CAMEL.findall(run) if run.isascii() and not run.isdigit() else [run]
    return tuple(singular(word.lower()) for word in words)


@functools.lru_cache(maxsize=20_000)
def singular(word: str) -> str:
    """An English noun in the singular, near enough that both forms of a word come out equal."""
    if len(word) <= 3 or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "zes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") else word
