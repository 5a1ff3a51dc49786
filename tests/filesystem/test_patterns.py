"""Patterns of callers: lines of text, RE2's rules, never a hang."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from search_world import LAW

from mcp_servers_filesystem import patterns
from mcp_servers_filesystem.patterns import Finder, compiled
from mcp_servers_shared.errors import InvalidInput, LimitExceeded

TEXT = b"one\r\ntwo three\n\nlast \xff caf\xc3\xa9\n"


def found(finder: Finder, data: bytes = TEXT) -> list[bytes]:
    """The parts that match."""
    return [data[first:end] for first, end in finder.spans(data)]


@pytest.mark.parametrize(
    ("pattern", "parts"),
    [
        ("t\\w+", [b"two", b"three"]),
        ("^\\w+", [b"one", b"two", b"last"]),
        ("e$", [b"e\r", b"e"]),
        ("[e$]$", [b"e\r", b"e"]),
        ("\\$", []),
        ("caf.", ["café".encode()]),
        ("last .", []),
        ("three\\s+last", []),
        ("[^x]+last", []),
        ("(?i)THREE", [b"three"]),
        ("two|one", [b"one", b"two"]),
    ],
)
def test_a_pattern_stays_within_its_line(pattern: str, parts: list[bytes]) -> None:
    assert found(compiled(pattern)) == parts


@pytest.mark.parametrize(
    "pattern", ["", "x" * 1_001, "(", "a\nb", "(?=a)", "(a)\\1", "a**b(", "\ud800", "(a{1000}){1000}"]
)
def test_what_is_no_pattern_is_refused_with_advice(pattern: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        compiled(pattern)
    assert refusal.value.code == "bad_pattern"
    assert refusal.value.hint


@LAW
@given(st.text(min_size=1, max_size=20), st.text(max_size=60), st.booleans())
def test_literals_mean_themselves(needle: str, hay: str, ignore_case: bool) -> None:
    try:
        finder = compiled(needle, literal=True, ignore_case=ignore_case)
    except InvalidInput:
        assert "\n" in needle or re.search("[\ud800-\udfff]", needle)
        return
    data = (hay + needle + hay).encode(errors="replace")
    assert finder.first(data) is not None
    if not ignore_case:
        assert finder.first(data) == (data.find(needle.encode()), data.find(needle.encode()) + len(needle.encode()))


SLOW = [
    "(a+)+$",
    "(a|a)*b",
    "(a|aa)+$",
    "(.*a){20}b",
    "(x+x+)+y",
    "(a?){60}a{60}b",
    "^(([a-z])+.)+[A-Z]([a-z])+$",
    "(.*)(.*)(.*)(.*)b",
]


@pytest.mark.requirement("FILE-22")
@pytest.mark.parametrize("pattern", SLOW)
@pytest.mark.parametrize("text", [b"a" * 29 + b"!", b"a" * 20_000 + b"!", b"x" * 20_000, b"aB" * 10_000])
def test_no_pattern_hangs(pattern: str, text: bytes) -> None:
    begun = time.process_time()
    list(compiled(pattern).spans(text))
    assert time.process_time() - begun < 5


@pytest.mark.requirement("FILE-22")
def test_without_re2_a_slow_pattern_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "engine", lambda: None)
    patterns._lines.cache_clear()  # pyright: ignore[reportPrivateUsage]
    try:
        assert found(compiled("^t\\w+")) == [b"two"]
        assert found(compiled("TWO", literal=True, ignore_case=True)) == [b"two"]
        begun = time.process_time()
        with pytest.raises(LimitExceeded) as refusal:
            compiled("(a|aa)+$").first(b"a" * 60 + b"!")
        assert refusal.value.code == "pattern_too_slow"
        assert time.process_time() - begun < 5
        with pytest.raises(InvalidInput):
            compiled("(")
    finally:
        patterns._lines.cache_clear()  # pyright: ignore[reportPrivateUsage]
