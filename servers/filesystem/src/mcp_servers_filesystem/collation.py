"""Names in the order of JavaScript's localeCompare, for what names are mostly made of.

Letters count first, then accents, then lower case before upper. What is not known here comes by its code point.
"""

import unicodedata

_PUNCTUATION = " _-–—,、;:!¡?¿.…。·'‘’\"“”«»()[]{}「」§¶@*/\\&#%•`´^¯¨¸°©®←→+±÷×<=>¬|¦~"
_CURRENCY = "¤¢$£¥€"
# Where each group begins among the characters of a key. Of the two without end, members follow their group's character.
_MARKED, _SYMBOLS, _COINS, _DIGITS, _LATIN, _LETTERS = 1, 0x100, 0x110, 0x120, 0x130, 0x150
_WEIGHTS = {
    **{ord(char): chr(_MARKED + rank) for rank, char in enumerate(_PUNCTUATION)},
    **{ord(char): chr(_COINS + rank) for rank, char in enumerate(_CURRENCY)},
    **{ord("0") + value: chr(_DIGITS + value) for value in range(10)},
    **{ord(case) + rank: chr(_LATIN + rank) for case in "aA" for rank in range(26)},
}
_CASES = {code: "\1" if chr(code).isupper() else "\0" for code in range(128)}
_ACCENTS = "\u0301\u0300\u0306\u0302\u030c\u030a\u0308\u030b\u0303\u0307\u0338\u0327\u0328\u0304"
_ACCENT_WEIGHTS = {accent: chr(rank) for rank, accent in enumerate(_ACCENTS, 1)}
_STROKE = "\u0335"
# Letters that no decomposition takes apart, though they sort as others with a mark.
_SPELLED = {"æ": "ae", "œ": "oe", "ß": "ss", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ł": "l", "ſ": "s"}
_KATAKANA, _HIRAGANA = range(0x30A1, 0x30F7), 0x60


def collated(name: str) -> tuple[str, str, str]:
    """A key to sort by: the weights of the letters, of their accents, of their case."""
    if name.isascii():
        return name.translate(_WEIGHTS), "", name.translate(_CASES)
    letters: list[str] = []
    accents: list[str] = []
    cases: list[str] = []
    for char in unicodedata.normalize("NFD", name):
        if unicodedata.combining(char):
            accents.append(_ACCENT_WEIGHTS.get(char, char))
            continue
        low = char.lower()
        spelled = _spelled(char, low)
        special = 2 * (spelled != low)
        letters += map(_weight, spelled)
        accents += ["\0", _STROKE if low in _SPELLED else "", *"\0" * (len(spelled) - 1)]
        cases += [chr(special + (low != char))] * len(spelled)
    return "".join(letters), "".join(accents).rstrip("\0"), "".join(cases)


def _spelled(char: str, low: str) -> str:
    if ord(char) in _KATAKANA:
        return chr(ord(char) - _HIRAGANA)
    return _SPELLED.get(low) or unicodedata.normalize("NFKC", low)


def _weight(char: str) -> str:
    if known := _WEIGHTS.get(ord(char)):
        return known
    if (value := unicodedata.decimal(char, None)) is not None:
        return chr(_DIGITS + value)
    return chr(_LETTERS if char.isalpha() else _SYMBOLS) + char
