"""The short way into RE2 finds what the module's own `search` finds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_servers_filesystem.patterns import Linear, engine

PATTERNS = [b"a", b"a*", b"(?m)^b", b"(?m)a$", rb"\bab", b"(a|b)+c", b"", b"^a", b"b$", b"(?i)AB", b"[^a]"]
TEXTS = st.binary(max_size=12).map(lambda raw: bytes(b"aAbBc\n"[byte % 6] for byte in raw))


@pytest.mark.skipif(engine() is None, reason="needs google-re2, which has no wheel here")
@given(pattern=st.sampled_from(PATTERNS), text=TEXTS, start=st.integers(0, 14), end=st.none() | st.integers(0, 14))
def test_the_same_spans(pattern: bytes, text: bytes, start: int, end: int | None) -> None:
    compiled = engine().compile(pattern)
    match = compiled.search(text, start, end)
    assert Linear(compiled).first(text, start, end) == (match.span() if match else None)
    assert Linear(compiled).fits(text) == (compiled.fullmatch(text) is not None)


@pytest.mark.skipif(engine() is None, reason="needs google-re2, which has no wheel here")
def test_the_short_way_is_there() -> None:
    assert Linear(engine().compile(b"a"))._match is not None  # pyright: ignore[reportPrivateUsage]
