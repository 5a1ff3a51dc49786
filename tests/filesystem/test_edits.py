"""Edits: what matches, what is refused and how, and that nothing outside of them changes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_servers_filesystem.diffs import fenced, unified
from mcp_servers_filesystem.edits import Edit, apply_edits
from mcp_servers_filesystem.textforms import read_text
from mcp_servers_shared.errors import InvalidInput, LimitExceeded


def edited(text: str, *edits: Edit) -> str:
    return apply_edits(text, edits).text


def refused(text: str, *edits: Edit) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        apply_edits(text, edits)
    return caught.value


@pytest.mark.parametrize(
    ("text", "old", "new", "wanted"),
    [
        ("line1\nline2\nline3\n", "line2", "new", "line1\nnew\nline3\n"),
        ("a line2", "line2", "$$ $& $` $'", "a $$ $& $` $'"),
        ("    line2\n", "line2", "new", "    new\n"),
        ("if:\n    a\n    b\n", "a\nb", "c\n  d", "if:\n    c\n  d\n"),
        ("if:\n    a\n    b\n", "  a\n  b", "  c\n    d", "if:\n    c\n      d\n"),
        ("one\r\ntwo\r\nthree\r\n", "two\nthree", "2\n3\n4", "one\r\n2\r\n3\r\n4\r\n"),
        ("one\r\ntwo\nthree\r\n", "two", "2\n2", "one\r\n2\n2\nthree\r\n"),
        ("one\ntwo\r\nthree\n", "two", "2\r\n2", "one\n2\r\n2\r\nthree\n"),
        ("\ufeffone\ntwo", "one", "1", "\ufeff1\ntwo"),
        ("\ufeff  one\ntwo", "one\n  two", "1\n2", "\ufeff  1\n2"),
        ("no end", "end", "end\nmore", "no end\nmore"),
        ("a\rb\rc", "b", "B", "a\rB\rc"),
        ("x\r\r\ny", "y", "Y\nZ", "x\r\r\nY\r\nZ"),
    ],
)
def test_what_an_edit_makes(text: str, old: str, new: str, wanted: str) -> None:
    assert edited(text, Edit(old, new)) == wanted


@pytest.mark.requirement("FILE-39")
def test_several_places_are_refused_with_their_lines() -> None:
    error = refused("one\ntwo\none\n", Edit("one", "1"))
    assert error.code == "ambiguous"
    assert error.evidence["lines"] == [1, 3]
    assert "line 1: one" in error.message
    assert "line 3: one" in error.message
    assert edited("one\ntwo\none\n", Edit("one", "1", replace_all=True)) == "1\ntwo\n1\n"


@pytest.mark.requirement("FILE-39")
@pytest.mark.parametrize(("text", "old"), [("aaa", "aa"), ("  a\n  b\n\ta\n b\n", "a\nb"), ("x x", "x")])
def test_overlapping_and_flexible_places_are_several_too(text: str, old: str) -> None:
    assert refused(text, Edit(old, "z")).code == "ambiguous"


@pytest.mark.requirement("FILE-39")
def test_no_place_names_the_nearest() -> None:
    text = "def one():\n    return 1\n\ndef two():\n    return 2\n"
    error = refused(text, Edit("def too():\n    return 3", "x"))
    assert error.code == "no_match"
    assert "Could not find exact match for edit:\ndef too():\n    return 3" in error.message
    assert 4 in error.evidence["nearest_lines"]
    assert "line 4: def two():" in error.message


def test_a_second_edit_sees_the_first_and_is_named_when_it_fails() -> None:
    assert edited("one", Edit("one", "two"), Edit("two", "three")) == "three"
    error = refused("one", Edit("one", "two"), Edit("one", "three"))
    assert error.evidence["edit"] == 2


def test_nothing_to_look_for_is_refused() -> None:
    assert refused("text", Edit("", "more")).code == "empty_old_text"


lines = st.lists(st.text("ab \t\u00e9", max_size=4), min_size=1, max_size=12)
ends = st.lists(st.sampled_from(["\n", "\r\n"]), min_size=12, max_size=12)


@pytest.mark.requirement("FILE-38")
@given(lines, ends, st.integers(0, 11), st.text("xyz\n", max_size=6))
def test_bytes_outside_the_edit_stay(parts: list[str], line_ends: list[str], at: int, new: str) -> None:
    at %= len(parts)
    parts = [*parts[:at], "<<here>>", *parts[at:]]
    text = "".join(part + line_ends[number % 12] for number, part in enumerate(parts))
    before, _, after = text.partition("<<here>>")
    found = edited(text, Edit("<<here>>", new))
    assert found.startswith(before)
    assert found.endswith(after)
    assert found[len(before) : len(found) - len(after)].replace("\r\n", "\n") == new


ENCODINGS = ["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be", "latin-1", "cp1252"]


@pytest.mark.requirement("FILE-38")
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_encoding_keeps_its_own_bytes(encoding: str, end: str) -> None:
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")
    head, tail = (mark + f"na\u00efve caf\u00e9{end}".encode(encoding)), f"{end}\u00fcber".encode(encoding)
    plain_encoding = encoding.removesuffix("-sig")
    tail = f"{end}\u00fcber".encode(plain_encoding)
    data = head + "old".encode(plain_encoding) + tail
    known = read_text(data)
    assert known
    form, text = known
    assert form.encode(edited(text, Edit("old", "n\u00e9w"))) == head + "n\u00e9w".encode(plain_encoding) + tail


@pytest.mark.requirement("FILE-38")
@given(st.binary(max_size=200))
def test_any_bytes_that_are_text_come_back(data: bytes) -> None:
    known = read_text(data)
    if known:
        form, text = known
        assert form.encode(text) == data


@given(st.text("ab\n", max_size=60), st.text("ab\n", max_size=60))
def test_a_diff_holds_both_texts(old: str, new: str) -> None:
    lines = unified("f", old, new).split("\n")[4:-1]
    body = [line for line in lines if not line.startswith(("@@", "\\"))]
    whole = unified("f", old, new) if old != new else ""
    if whole:
        removed = [line[1:] for line in body if line[0] in "- "]
        added = [line[1:] for line in body if line[0] in "+ "]
        assert all(line in old.split("\n") for line in removed)
        assert all(line in new.split("\n") for line in added)
    else:
        assert not body


def test_a_fence_is_longer_than_any_in_the_text() -> None:
    assert fenced("+````\n").startswith("`````diff\n")


def too_much(text: str, edit: Edit) -> str:
    with pytest.raises(LimitExceeded) as caught:
        apply_edits(text, [edit])
    return caught.value.code


@pytest.mark.requirement("FILE-35")
def test_an_edit_that_would_not_fit_into_memory_is_refused() -> None:
    assert too_much("a" * 90_000, Edit("a", "b" * 10_000, replace_all=True)) == "too_large"
    assert too_much(" a\n" * 90_000, Edit("a ", "b" * 10_000, replace_all=True)) == "too_large"
    assert too_much("a" * 200_000, Edit("a", "b", replace_all=True)) == "too_large"
    error = refused("a" * 5_000_000, Edit("a", "b"))
    assert error.code == "ambiguous"
    assert error.evidence["matches"] == 5_000_000


def test_a_search_for_like_lines_ends() -> None:
    text = ("a" * 150 + "\n" + "ab" * 70 + "\n") * 20_000
    assert refused(text, Edit("a" * 70 + "b" * 70, "x")).code == "no_match"


def test_a_caller_who_has_gone_stops_the_search() -> None:
    class Gone(Exception):
        pass

    calls: list[int] = []

    def check() -> None:
        calls.append(1)
        if len(calls) > 100:
            raise Gone

    with pytest.raises(Gone):
        apply_edits("a\n" * 5_000, [Edit("\n".join(["a "] * 2_000 + ["b"]), "x")], check)
