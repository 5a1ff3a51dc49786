"""Reading: encodings, ranges, pages that are the file again, marks of a state."""

import os
from pathlib import Path
from typing import Any

import pytest
from file_sessions import call, code_of, data_of, first, pages, settings, text_of
from hypothesis import HealthCheck, given
from hypothesis import settings as law
from hypothesis import strategies as st

SAMPLES = {"gbk": "汉字\n", "shift_jis": "日本語\n", "cp1252": "“naïve” €5\n", "latin-1": "naïve\n"}
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=400).map(lambda text: text.replace("\0", ""))


@pytest.mark.requirement("OUT-1", "FILE-5")
@law(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=TEXTS, times=st.integers(1, 40))
def test_pages_together_are_the_file(tmp_path: Path, text: str, times: int) -> None:
    (tmp_path / "f").write_bytes((text * times).encode())
    found = pages(settings(tmp_path, max_result_chars=3_000, result="both"), "read_text_file", path=str(tmp_path / "f"))
    assert "".join(map(first, found)) == text * times


@pytest.mark.requirement("FILE-5")
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be", "latin-1", "cp1252", "gbk", "shift_jis"])
def test_pages_in_every_encoding(tmp_path: Path, encoding: str) -> None:
    text = {"gbk": "汉字\n", "shift_jis": "日本語\n", "cp1252": "“naïve” €5\n", "latin-1": "naïve\n"}.get(
        encoding, "añ漢😀\n"
    ) * 900
    raw = text.encode(encoding)
    (tmp_path / "f").write_bytes(b"\xfe\xff" + raw if encoding == "utf-16-be" else raw)
    named = {"encoding": encoding} if encoding in ("gbk", "shift_jis") else {}
    found = pages(settings(tmp_path, max_result_chars=3_000), "read_text_file", path="f", **named)
    assert len(found) > 1
    assert "".join(map(first, found)) == text


@pytest.mark.requirement("FILE-5")
@pytest.mark.parametrize("encoding", ["gbk", "shift_jis", "euc-jp", "iso-2022-jp", "utf-7", "cp037", "big5", "koi8-r"])
def test_pages_of_what_is_not_quite_in_the_encoding(tmp_path: Path, encoding: str) -> None:
    lines = {"koi8-r": "привет\n", "cp037": "plain\n", "utf-7": "a+b é\n", "big5": "日本中"}
    line = lines.get(encoding, "日本中国\n").encode(encoding)
    raw = b"".join(line if number % 7 else b"\xff\x81(" + line for number in range(1_500))
    (tmp_path / "f").write_bytes(raw)
    found = pages(settings(tmp_path, max_result_chars=4_000), "read_text_file", path="f", encoding=encoding)
    assert "".join(map(first, found)) == raw.decode(encoding, "replace")


def test_the_mark_says_the_byte_order_of_an_encoding_that_has_two(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"\xfe\xff" + "big".encode("utf-16-be"))
    assert first(call(settings(tmp_path), "read_text_file", path="f", encoding="utf-16")) == "big"


def test_what_was_cut_is_said_in_both_channels(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("".join(f"line {number}\n" for number in range(10_000)))
    result = call(settings(tmp_path), "read_text_file", path="f")
    data = data_of(result)
    assert data["content"] == first(result)
    assert data["truncated"] is True
    assert "lines 1-" in data["notices"][0]
    assert "of 10,000" in data["notices"][0]
    assert data["notices"][0] in text_of(result)
    assert data["next_cursor"] in text_of(result)
    assert first(result).endswith("\n")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"offset": 2, "limit": 2}, "2\n3\n"),
        ({"offset": 4}, "4\n5"),
        ({"limit": 1}, "1\n"),
        ({"offset": 9}, ""),
        ({"offset": 2, "limit": 2, "lineNumbers": True}, "2\t2\n3\t3\n"),
        ({"lineNumbers": True}, "1\t1\n2\t2\n3\t3\n4\t4\n5\t5"),
        ({"tail": 2}, "4\n5"),
        ({"head": 2}, "1\n2"),
    ],
    ids=str,
)
def test_ranges(tmp_path: Path, arguments: dict[str, Any], text: str) -> None:
    (tmp_path / "f").write_text("1\n2\n3\n4\n5")
    assert first(call(settings(tmp_path), "read_text_file", path="f", **arguments)) == text


@pytest.mark.parametrize("tail", [1, 2, 3, 4])
def test_tail_counts_real_lines(tmp_path: Path, tail: int) -> None:
    (tmp_path / "f").write_text("1\n2\n3\n")
    assert first(call(settings(tmp_path), "read_text_file", path="f", tail=tail)) == "".join(
        ["1\n", "2\n", "3\n"][-tail:]
    )


@pytest.mark.requirement("FILE-5")
def test_a_range_that_does_not_fit_goes_on(tmp_path: Path) -> None:
    lines = [f"line {number} {'x' * (number % 50)}\n" for number in range(2_000)]
    (tmp_path / "f").write_text("".join(lines))
    served = settings(tmp_path, max_result_chars=4_000)
    for arguments, expected in (
        ({"offset": 101, "limit": 1_000}, lines[100:1100]),
        ({"tail": 700}, lines[-700:]),
        ({"head": 900}, lines[:900]),
    ):
        found = pages(served, "read_text_file", path="f", **arguments)
        assert len(found) > 2
        assert "".join(map(first, found)).removesuffix("\n") == "".join(expected).removesuffix("\n")
    numbered = pages(served, "read_text_file", path="f", offset=101, limit=300, lineNumbers=True)
    assert "".join(map(first, numbered)) == "".join(
        f"{101 + index}\t{line}" for index, line in enumerate(lines[100:400])
    )


def test_one_enormous_line(tmp_path: Path) -> None:
    with open(tmp_path / "f", "wb") as file:
        file.write(b"y" * 30_000_000)
    result = call(settings(tmp_path), "read_text_file", path="f", head=1)
    assert len(first(result)) > 10_000
    assert data_of(result)["truncated"] is True


def test_a_sparse_file_of_ten_gigabytes(tmp_path: Path) -> None:
    with open(tmp_path / "f", "wb") as file:
        os.truncate(file.fileno(), 10 << 30)
    assert data_of(call(settings(tmp_path), "read_text_file", path="f"))["truncated"] is True
    assert code_of(call(settings(tmp_path), "read_media_file", path="f")) == "too_large"


@pytest.mark.parametrize("raw", [b"\x00\x01\xff\xfe\x80", bytes(range(256)) * 20], ids=["short", "all"])
def test_binary_is_refused(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "f").write_bytes(raw)
    assert code_of(call(settings(tmp_path), "read_text_file", path="f")) == "binary"


def test_etags(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("1")
    served = settings(tmp_path)
    etag = data_of(call(served, "read_text_file", path="f"))["etag"]
    assert data_of(call(served, "read_text_file", path="f", ifNoneMatch=etag))["not_modified"] is True
    (tmp_path / "f").write_text("22")
    assert first(call(served, "read_text_file", path="f", ifNoneMatch=etag)) == "22"
    assert code_of(call(served, "write_file", path="f", content="3", ifMatch=etag)) == "stale"


@pytest.mark.requirement("STATE-1")
def test_a_cursor_fits_its_question_only(tmp_path: Path) -> None:
    for name in ("f", "g"):
        (tmp_path / name).write_text("line\n" * 20_000)
    cursor = data_of(call(settings(tmp_path), "read_text_file", path="f"))["next_cursor"]
    assert code_of(call(settings(tmp_path), "read_text_file", path="g", cursor=cursor)) == "bad_cursor"
    assert code_of(call(settings(tmp_path), "read_text_file", path="f", cursor=cursor[:-2] + "AA")) == "bad_cursor"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"head": 1, "tail": 1}, "invalid_arguments"),
        ({"head": 1, "offset": 1}, "invalid_arguments"),
        ({"encoding": "base64"}, "unknown_encoding"),
        ({"encoding": "nothing"}, "unknown_encoding"),
        ({"offset": 0}, "invalid_arguments"),
        ({"unknown": 1}, "invalid_arguments"),
    ],
    ids=str,
)
def test_bad_arguments(tmp_path: Path, arguments: dict[str, Any], code: str) -> None:
    (tmp_path / "f").write_text("1")
    assert code_of(call(settings(tmp_path), "read_text_file", path="f", **arguments)) == code


@pytest.mark.requirement("FILE-5")
def test_several_files_in_pages(tmp_path: Path) -> None:
    names = [f"f{number}" for number in range(40)]
    for number, name in enumerate(names):
        (tmp_path / name).write_text(f"{number}\n" * (number * 30))
    wanted = [*names, "missing"]
    found = pages(settings(tmp_path, max_result_chars=4_000), "read_multiple_files", paths=wanted)
    whole = "\n---\n".join(map(first, found))
    for number, name in enumerate(names):
        assert f"{name}:\n" in whole
        assert whole.count(f"\n{number}\n") >= (1 if number else 0)
    assert "missing: Error - [not_found]" in whole
    assert sum(first(one).count("39\n") for one in found) == 39 * 30


def test_media_says_when_a_name_lies(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_text("<!DOCTYPE html><script>")
    result = call(settings(tmp_path), "read_media_file", path="x.png")
    assert "text/html" in text_of(result)
    (tmp_path / "large.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"0" * 200_000)
    content = data_of(call(settings(tmp_path), "read_media_file", path="large.png"))["content"]
    assert content == [{"type": "image", "mimeType": "image/png", "bytes": 200_008}]


def test_numbers_and_names_beyond_all_sense(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("line\n" * 20_000)
    served = settings(tmp_path, max_result_chars=2_000)
    huge = 10**300
    for arguments in ({"head": 1e300}, {"head": huge}, {"limit": huge}, {"offset": 2, "limit": huge}, {"tail": 1e300}):
        asked: dict[str, Any] = {"path": "f", **arguments}
        page = call(served, "read_text_file", **asked)
        again = call(served, "read_text_file", **asked, cursor=data_of(page)["next_cursor"])
        assert first(again).startswith("line\n")
    assert first(call(served, "read_text_file", path="f", offset=huge)) == ""
    found = pages(served, "read_multiple_files", paths=["y/" * 3_000, "f/" + "z" * 9_000, "f"])
    assert "".join(map(first, found)).count("line") == 20_000
    assert code_of(call(served, "read_text_file", path="f", encoding="undefined")) == "unknown_encoding"
