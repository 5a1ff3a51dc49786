"""How many tokens a model pays for a text, near enough to keep a budget without a tokenizer.

Fitted to o200k_base on schema texts and meant to say a little too much rather than too little; see the tests.
"""

import re

# What a tokenizer cuts text into before it looks words up: a word with its leading space, three digits, punctuation.
_PIECES = re.compile(r" ?[A-Za-z]+|[0-9]{1,3}|[^\S\n]+|\n+|_|[!-/:-@\[-^`{-~]{1,3}|[^\x00-\x7f]")
_LETTERS_A_TOKEN = 7


def estimate(text: str) -> int:
    """Tokens of a text, usually 0 to 15 % above what o200k_base counts."""
    tokens = 0
    for piece in _PIECES.findall(text):
        tokens += 1 + (len(piece) - 1) // _LETTERS_A_TOKEN
    return tokens
