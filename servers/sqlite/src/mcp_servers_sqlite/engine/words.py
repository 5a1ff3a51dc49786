"""The words inside a name or a question: `orderItems2`, `ORDER_ITEM_2` and "order items 2" are the same three."""

import functools
import re

# A run of capitals before a capitalised word ("HTTPServer"), a word, capitals, digits, or any other letters.
_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+|[^\W\d_]+")
_LONGEST_NAME = 500


@functools.lru_cache(maxsize=20_000)
def split(name: str) -> tuple[str, ...]:
    """The words of a name in lower case, plurals as singulars."""
    return tuple(singular(word.lower()) for word in _WORDS.findall(name[:_LONGEST_NAME]))


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
