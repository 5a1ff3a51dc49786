"""Names as text: clean ones as they are, all others reversible."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_servers_filesystem.names import parsed, shown
from mcp_servers_shared.errors import PathRefused
from mcp_servers_shared.guard.untrusted import visible

PIECES = [b"\\", b"x", b"5c", b"0a", b"\xff", b"a", "é".encode(), b"\n", "\u202e".encode(), b"\\x41"]
ODD = st.one_of(
    st.binary(min_size=1, max_size=30),
    st.text(min_size=1, max_size=20).map(lambda text: text.encode(errors="replace")),
    st.lists(st.sampled_from(PIECES)).map(b"".join),
)


@pytest.mark.requirement("FILE-3")
@given(ODD)
def test_what_is_shown_means_the_name_again(name: bytes) -> None:
    assert parsed(shown(name)) == name


@pytest.mark.requirement("FILE-3", "INJ-3")
@given(ODD)
def test_nothing_hidden_is_shown(name: bytes) -> None:
    text = shown(name)
    assert visible(text, escape_layout=True) == text
    assert "\n" not in text
    text.encode()


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"], exclude_characters="\\"), min_size=1))
def test_clean_names_stay_as_they_are(name: str) -> None:
    if visible(name, escape_layout=True) == name:
        assert shown(name.encode()) == name


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (b"a b'\"$%.txt", "a b'\"$%.txt"),
        (b"back\\slash", "back\\slash"),
        (b"C:\\x41", "C:\\x5cx41"),
        (b"\\x0a", "\\x5cx0a"),
        (b"line\nbreak", "line\\x0abreak"),
        (b"caf\xe9", "caf\\xe9"),
        ("a\u202eb".encode(), "a\\xe2\\x80\\xaeb"),
    ],
)
def test_examples(name: bytes, text: str) -> None:
    assert shown(name) == text


def test_lone_surrogates_are_refused() -> None:
    with pytest.raises(PathRefused) as caught:
        parsed("a\ud800b")
    assert caught.value.code == "invalid_path"
