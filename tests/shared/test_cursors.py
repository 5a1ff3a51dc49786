"""Cursors: whole again for the same principal and question, refused for anything else."""

import logging
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_servers_shared.cursors import Cursors, purpose_of
from mcp_servers_shared.errors import InvalidInput, LimitExceeded

KEY = bytes(range(32))
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

any_text = st.text(st.characters(exclude_categories=()), max_size=20)  # surrogates included
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=12,
)
payloads = st.dictionaries(any_text, values, max_size=4)
questions = st.dictionaries(st.text(st.characters(categories=["Ll"]), min_size=1, max_size=5), values, max_size=3)


def cursors(key: bytes = KEY) -> Cursors:
    return Cursors(lambda: key)


def assert_refused(cursor: str, *, principal: str = "ann", purpose: str = "query:1") -> None:
    with pytest.raises(InvalidInput) as caught:
        cursors().open(cursor, principal=principal, purpose=purpose)
    assert caught.value.code == "bad_cursor"
    assert "start again" in caught.value.hint


@pytest.mark.requirement("STATE-1")
@given(payloads, any_text, any_text)
def test_a_cursor_opens_to_what_was_sealed(payload: dict[str, object], principal: str, purpose: str) -> None:
    cursor = cursors().seal(payload, principal=principal, purpose=purpose)
    assert cursors().open(cursor, principal=principal, purpose=purpose) == payload
    assert set(cursor) <= set(ALPHABET), "safe in a URL and in JSON without escapes"


def test_floats_that_json_cannot_say_survive() -> None:
    cursor = cursors().seal({"key": [math.inf, -0.0, math.nan]}, principal="ann", purpose="p")
    infinite, zero, nan = cursors().open(cursor, principal="ann", purpose="p")["key"]
    assert infinite == math.inf
    assert math.copysign(1, zero) == -1
    assert math.isnan(nan)


@pytest.mark.requirement("STATE-1")
@given(payloads, any_text, any_text, any_text, any_text)
def test_another_principal_or_purpose_is_refused(payload: dict[str, object], a: str, b: str, c: str, d: str) -> None:
    cursor = cursors().seal(payload, principal=a, purpose=b)
    if (a, b) != (c, d):
        assert_refused(cursor, principal=c, purpose=d)


@pytest.mark.requirement("STATE-1")
def test_principal_and_purpose_cannot_be_shifted_into_each_other() -> None:
    cursor = cursors().seal({"n": 1}, principal="ann", purpose="query")
    assert_refused(cursor, principal="annq", purpose="uery")
    assert_refused(cursor, principal='ann", "query', purpose="")


@pytest.mark.requirement("STATE-1")
def test_every_other_spelling_of_a_cursor_is_refused() -> None:
    """Each character in turn becomes each other one: no bit of the text is unused."""
    for payload in ({"n": 1}, {"n": 12}, {"n": 123}):  # the three lengths modulo 3
        cursor = cursors().seal(payload, principal="ann", purpose="query:1")
        for place in range(len(cursor)):
            for other in ALPHABET + "+/= \n\0é":
                if other != cursor[place]:
                    assert_refused(cursor[:place] + other + cursor[place + 1 :])


@pytest.mark.requirement("STATE-1")
def test_truncated_padded_and_joined_cursors_are_refused() -> None:
    cursor = cursors().seal({"after": [1, "x"]}, principal="ann", purpose="query:1")
    for length in range(len(cursor)):
        assert_refused(cursor[:length])
        assert_refused(cursor[length + 1 :])
    for other in (
        cursor + "=",
        cursor + "==",
        cursor + "A",
        cursor + cursor,
        "\n" + cursor,
        cursor + "\n",
        cursor * 999,
    ):
        assert_refused(other)


@pytest.mark.requirement("STATE-1")
@given(st.text(st.characters(exclude_categories=()), max_size=200) | st.text(st.sampled_from(ALPHABET), max_size=200))
@settings(max_examples=300)
def test_no_invented_cursor_opens(cursor: str) -> None:
    assert_refused(cursor)


@pytest.mark.requirement("STATE-1")
def test_a_cursor_of_another_key_is_refused() -> None:
    cursor = cursors(bytes(32)).seal({"n": 1}, principal="ann", purpose="query:1")
    assert_refused(cursor)


def test_the_key_is_asked_for_once_and_not_before_it_is_needed() -> None:
    asked: list[int] = []

    def key() -> bytes:
        asked.append(1)
        return KEY

    lazy = Cursors(key)
    assert not asked
    lazy.open(lazy.seal({"n": 1}, principal="a", purpose="p"), principal="a", purpose="p")
    assert asked == [1]


def test_without_a_state_folder_cursors_still_work_until_the_process_ends(caplog: pytest.LogCaptureFixture) -> None:
    def no_key() -> bytes:
        raise OSError(30, "Read-only file system")

    lonely = Cursors(no_key)
    with caplog.at_level(logging.WARNING, "mcp_servers"):
        cursor = lonely.seal({"n": 1}, principal="a", purpose="p")
    assert lonely.open(cursor, principal="a", purpose="p") == {"n": 1}
    assert "Read-only file system" in caplog.text
    with pytest.raises(InvalidInput):
        Cursors(no_key).open(cursor, principal="a", purpose="p")


@given(st.integers(min_value=0, max_value=3_000))
def test_what_is_sealed_opens(length: int) -> None:
    cursor = cursors().seal({"after": "é" * length}, principal="a", purpose="p")
    assert cursors().open(cursor, principal="a", purpose="p") == {"after": "é" * length}


@given(st.integers(min_value=3_100, max_value=50_000))
def test_what_could_not_be_opened_is_not_sealed(length: int) -> None:
    with pytest.raises(LimitExceeded) as caught:
        cursors().seal({"after": "é" * length}, principal="a", purpose="p")
    assert caught.value.code == "cursor_too_long"


@given(questions, questions)
def test_a_purpose_is_the_same_exactly_when_the_question_is(one: dict[str, object], two: dict[str, object]) -> None:
    same = repr(sorted(one.items())) == repr(sorted(two.items()))
    assert purpose_of("query", **dict(reversed(one.items()))) == purpose_of("query", **one)
    assert (purpose_of("query", **one) == purpose_of("query", **two)) == same or one == two
    assert purpose_of("query", **one) != purpose_of("explain", **one)
