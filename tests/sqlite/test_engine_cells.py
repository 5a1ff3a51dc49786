"""Values are exact, short, and cannot break the table or hide from the reader."""

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_servers_sqlite.engine.cells import Cells, blob, column_name, escape, reveal
from mcp_servers_sqlite.engine.frames import compact_json

ESCAPED = re.compile(r"\\.")
VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=80),
    st.text(st.sampled_from('a|\\\n\r\t"\x00\x1b\u202e\u200b\u2066\U000e0041NUL'), max_size=12),
    st.sampled_from(["NULL", "", "null", '"NULL"']),
    st.binary(max_size=40),
)


def line(*row: Any, cell_chars: int = 2_000) -> str:
    return Cells(len(row), cell_chars).row(row)[0]


@pytest.mark.parametrize(
    ("value", "text", "plain"),
    [
        (None, "NULL", None),
        ("NULL", '"NULL"', "NULL"),
        ("", "", ""),
        (b"", "<blob 0 B>", "<blob 0 B>"),
        (bytes(range(256)), "<blob 256 B, 00010203..>", "<blob 256 B, 00010203..>"),
        (b"\x89PNG\r\n\x1a\n" + bytes(64), "<blob 72 B, image/png, 89504e47..>", "<blob 72 B, image/png, 89504e47..>"),
        (2**53, "9007199254740992", 2**53),
        (2**53 + 1, "9007199254740993", "9007199254740993"),
        (-(2**63), "-9223372036854775808", "-9223372036854775808"),
        (float("inf"), "Inf", "Inf"),
        (float("-inf"), "-Inf", "-Inf"),
        (0.1, "0.1", 0.1),
        (1e300, "1e+300", 1e300),
        ("a|b\n|c", r"a\|b\n\|c", "a|b\n|c"),
        ("C:\\new", "C:\\\\new", "C:\\new"),
        ("a\r\n\tb\x00", r"a\r\n\tb\x00", "a\r\n\tb\x00"),
        ("\u202eabc\u2066", r"\u{202e}abc\u{2066}", "\u202eabc\u2066"),
        ("\U000e0041", r"\u{e0041}", "\U000e0041"),
        ("\u00a0é😀👩\u200d🚀", "\u00a0é😀👩\u200d🚀", "\u00a0é😀👩\u200d🚀"),
    ],
)
def test_one_value(value: Any, text: str, plain: Any) -> None:
    shown, values, _ = Cells(1, 2_000).row((value,))
    assert shown == f"|{text}|"
    assert list(values) == [plain]


def test_long_values_are_cut_and_say_how_long_they_are() -> None:
    cells = Cells(2, 20)
    shown, values, _ = cells.row((1, "x" * 100))
    assert shown == "|1|" + "x" * 20 + "... [100 chars]|"
    assert values[1] == "x" * 20 + "... [100 chars]"
    assert cells.cut == {1}


def test_a_row_longer_than_a_cell_is_not_cut() -> None:
    cells = Cells(3, 20)
    assert cells.row(("a" * 15, "b" * 15, "c" * 15))[0].count("...") == 0
    assert not cells.cut


def test_names_are_cut_at_200() -> None:
    assert column_name("a" * 200) == "a" * 200
    assert column_name("a" * 1_000_000) == "a" * 200 + "... [1000000 chars]"


def test_blobs_of_every_size_say_their_size() -> None:
    assert blob(b"\x01") == "<blob 1 B, 01>"
    assert blob(b"%PDF-1.7") == "<blob 8 B, application/pdf, 25504446..>"


@settings(deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=6))
def test_a_row_is_one_line_with_a_cell_for_each_value(row: list[Any]) -> None:
    shown, values, size = Cells(len(row), 2_000).row(tuple(row))
    assert ESCAPED.sub("", shown).count("|") == len(row) + 1
    assert "\n" not in shown
    assert "\r" not in shown
    assert size == len(compact_json(list(values)))


@settings(deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=6))
def test_the_fast_way_and_the_careful_way_agree(row: list[Any]) -> None:
    cells = Cells(len(row), 2_000)
    fast, values, size = cells.row(tuple(row))
    careful, plain, careful_size = cells._careful(tuple(row))  # pyright: ignore[reportPrivateUsage]
    assert (fast, list(values), size) == (careful, plain, careful_size)


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_escaped_text_can_be_read_back_and_holds_nothing_hidden(text: str) -> None:
    shown = escape(text)
    assert not {"\n", "\r", "\t", "\x00", "\u202e", "\u2066", "\U000e0041"} & set(shown)
    assert "|" not in ESCAPED.sub("", shown)


@settings(deadline=None)
@given(VALUES.filter(lambda value: isinstance(value, str)))
def test_revealed_json_means_the_same(value: str) -> None:
    encoded = reveal(compact_json([value]))
    assert json.loads(encoded) == [value]
    assert "\u202e" not in encoded
