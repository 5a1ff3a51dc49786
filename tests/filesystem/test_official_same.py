"""Where nothing is cut and nothing would be damaged, the first text block is the official server's, to the byte."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from official_side import Side, made, side

Call = tuple[str, dict[str, Any]]
TEXT = "line1\nline2\nline3\n"


def box(root: Path) -> None:
    """Names, sizes and contents of every ordinary kind."""
    for name, content in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(0o644)
    (root / "empty").mkdir()
    (root / "to_file").symlink_to("a.txt")
    (root / "to_sub").symlink_to("sub")
    (root / "to_out").symlink_to("/etc/hostname")
    (root / "dangling").symlink_to("nowhere")


FILES: dict[str, str | bytes] = {
    "a.txt": TEXT,
    "none.txt": "",
    "no_end.txt": "one\ntwo\nthree",
    "wide.txt": "x" * 1022 + "漢字\nend 漢",
    "crlf.txt": "a\r\nb\r\n",
    "bom.txt": b"\xef\xbb\xbfwith a mark\n",
    "Zebra.md": "z",
    "apple.MD": "a",
    "_under": "1",
    "-dash": "2",
    "10.txt": "10",
    "9.txt": "9",
    "a b.txt": "blank",
    "a-b.txt": "dash",
    "a_b.txt": "under",
    "$@#%&()[]{}+=;',.txt": "odd",
    "50%.txt": "percent",
    "%2e%2e": "literal",
    "...": "dots",
    "..foo": "dots",
    "foo..": "dots",
    "café.txt": "accent",
    "ünï.txt": "accents",
    "日本.txt": "cjk",
    ".hidden": "h",
    "sub/b.py": "print()\n",
    "sub/deep/c.py": "x = 1\n",
    "sub/node_modules/m.js": "",
    "node_modules/x/index.js": "",
    "src/index.js": "",
    "test.log": "",
    "size512": b"0" * 512,
    "size1023": b"0" * 1023,
    "size1024": b"0" * 1024,
    "size1536": b"0" * 1536,
    "size1048575": b"0" * 1_048_575,
    "size1048576": b"0" * 1_048_576,
    "pixel.png": b"\x89PNG\r\n\x1a\n",
    "clip.MP3": b"ID3",
    "data.bin": b"\x00\x01\x02\x03\xff\xfe",
    "my café.bin": b"\x00",
    "ticks.md": "```\ncode\n```\n````\n",
}

NOT_TEXT = ("size", "data", "my", "pixel")
READS: list[Call] = [
    *[("read_text_file", {"path": f"{{R}}/{name}"}) for name in FILES if not name.startswith(NOT_TEXT)],
    ("read_file", {"path": "a.txt"}),
    ("read_text_file", {"path": "{R}/sub/../a.txt"}),
    ("read_text_file", {"path": "{R}//a.txt"}),
    ("read_text_file", {"path": "{R}/to_file"}),
    ("read_text_file", {"path": "{R}/to_sub/b.py"}),
    *[
        ("read_text_file", {"path": f"{{R}}/{name}", "head": head})
        for name in ("a.txt", "none.txt", "no_end.txt", "wide.txt", "crlf.txt")
        for head in (0, 1, 2, 3, 99, -1, 1.5)
    ],
    # Files that end with a line end: see the README's table for the one line that differs.
    *[
        ("read_text_file", {"path": f"{{R}}/{name}", "tail": tail})
        for name in ("none.txt", "no_end.txt", "wide.txt")
        for tail in (0, 1, 2, 99, -1)
    ],
    ("read_multiple_files", {"paths": ["{R}/a.txt", "{R}/no_end.txt", "{R}/none.txt"]}),
    *[("read_media_file", {"path": f"{{R}}/{name}"}) for name in ("pixel.png", "clip.MP3", "data.bin", "my café.bin")],
    *[("list_directory", {"path": path}) for path in ("{R}", "{R}/sub", "{R}/empty", ".", "{R}/to_sub")],
    *[
        ("list_directory_with_sizes", {"path": path, **sort})
        for path in ("{R}", "{R}/empty", "{R}/sub")
        for sort in ({}, {"sortBy": "name"}, {"sortBy": "size"})
        if path != "{R}"
    ],
    ("list_directory_with_sizes", {"path": "{R}/plain", "sortBy": "size"}),
    ("list_directory_with_sizes", {"path": "{R}/plain"}),
    *[
        ("directory_tree", {"path": "{R}", "excludePatterns": patterns})
        for patterns in (
            [],
            [".hidden"],
            ["node_modules"],
            ["*.txt"],
            ["**/*.js"],
            ["sub/deep"],
            ["node_modules", ".hidden", "*.log"],
            ["size*"],
            ["{a,b}*", "?0.txt"],
        )
    ],
    ("directory_tree", {"path": "{R}/empty"}),
    *[
        ("search_files", {"path": "{R}", "pattern": pattern})
        for pattern in (
            "*.txt", "**/*.py", "**/*", "*", "*test*", "sub/**", "sub/*/c.py", "**/node_modules/**", "[ab]*", "[!ab]*",
            "?.txt", "{a,b}*.txt", "{1..10}.txt", "*.{py,js}", "**", "nothing", "+(a|b)*", "@(a|b).txt", "!*.txt", ".*",
            "**/.hidden", "#x", "a.txt", "/a.txt", "./a.txt", "*.TXT", "to_*", "dangling", "\\[*", "", "**/c.py",
            "a**t",
        )
    ],
    ("search_files", {"path": "{R}", "pattern": "**/*.js", "excludePatterns": ["**/node_modules/**"]}),
    ("search_files", {"path": "{R}", "pattern": "*test*", "excludePatterns": ["*.log", "node_modules"]}),
    ("list_allowed_directories", {}),
]  # fmt: skip


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Side, Side]]:
    """Ours and the official one, on equal trees."""
    place = tmp_path_factory.mktemp("same")
    sizes = {f"size{count}": FILES[f"size{count}"] for count in (512, 1023, 1024, 1536, 1_048_575, 1_048_576)}

    def make(root: Path) -> None:
        box(root)
        (root / "plain").mkdir()
        for name, content in {**sizes, "Bee": b"12", "ant": b"1", "10": b"", "9": b"123"}.items():
            assert isinstance(content, bytes)
            (root / "plain" / name).write_bytes(content)

    with (
        side("ours", made(place / "ours" / "r", make)) as ours,
        side("official", made(place / "them" / "r", make)) as they,
    ):
        yield ours, they


@pytest.mark.parametrize("call", READS, ids=lambda call: f"{call[0]}-{list(call[1].values())}"[:80])
def test_reads_are_the_same(both: tuple[Side, Side], call: Call) -> None:
    ours, they = (one.ask(call[0], **call[1]) for one in both)
    assert ours.is_error == they.is_error, (ours.text, they.text)
    assert first(ours.result, both[0]) == first(they.result, both[1])


def first(result: dict[str, Any], one: Side) -> Any:
    block = result["content"][0]
    return json.loads(json.dumps(block).replace(str(one.root), "{R}"))


EDITS: list[list[dict[str, str]]] = [
    [{"oldText": "line2", "newText": "changed"}],
    [{"oldText": "line2\n", "newText": ""}],
    [{"oldText": "line1", "newText": "$$ $& $` $'"}],
    [{"oldText": "line1", "newText": "one"}, {"oldText": "line2", "newText": "two"}],
    [{"oldText": "line1\nline2", "newText": "x\ny\nz"}],
    [{"oldText": "  line2  ", "newText": "  indented"}],
    [{"oldText": "line3", "newText": "line3"}],
    [{"oldText": "line3\n", "newText": "line3\n```\nfence\n````\n"}],
    [{"oldText": "line3\n", "newText": "line3"}],
]


@pytest.mark.parametrize("dry", [True, False], ids=["dry", "done"])
@pytest.mark.parametrize("edits", EDITS, ids=range(len(EDITS)))
def test_edits_are_the_same(both: tuple[Side, Side], edits: list[dict[str, str]], dry: bool) -> None:
    for one in both:
        (one.root / "edited.txt").write_text(TEXT)
    ours, they = (one.say("edit_file", path="{R}/edited.txt", edits=edits, dryRun=dry) for one in both)
    assert ours == they
    assert both[0].bytes("edited.txt") == both[1].bytes("edited.txt")


INDENTED = "def f():\n    if x:\n        return 1\n    return 2\n"
REINDENTED: list[tuple[str, str]] = [
    ("if x:\nreturn 1", "if y:\nreturn 3"),
    ("  if x:\n      return 1", "  if y:\n      return 3\n      # more"),
    ("return 2", "return 3\nreturn 4"),
    ("def f():\n  if x:", "def g():\n  if x:"),
]


@pytest.mark.parametrize("edit", REINDENTED, ids=range(len(REINDENTED)))
def test_flexible_edits_indent_the_same(both: tuple[Side, Side], edit: tuple[str, str]) -> None:
    edits = [{"oldText": edit[0], "newText": edit[1]}]
    for one in both:
        (one.root / "code.py").write_text(INDENTED)
    ours, they = (one.say("edit_file", path="{R}/code.py", edits=edits) for one in both)
    assert ours == they
    assert both[0].bytes("code.py") == both[1].bytes("code.py")


def test_writes_say_and_do_the_same(both: tuple[Side, Side]) -> None:
    calls: list[Call] = [
        ("write_file", {"path": "{R}/new.txt", "content": "héllo\r\n"}),
        ("write_file", {"path": "{R}/new.txt", "content": "again"}),
        ("write_file", {"path": "{R}/to_file", "content": "through the link"}),
        ("create_directory", {"path": "{R}/made/of/many"}),
        ("create_directory", {"path": "{R}/made"}),
        ("move_file", {"source": "{R}/new.txt", "destination": "{R}/made/moved.txt"}),
    ]
    for tool, arguments in calls:
        ours, they = (one.say(tool, **arguments) for one in both)
        assert ours == they, tool
    for name in ("made/moved.txt", "a.txt"):
        assert both[0].bytes(name) == both[1].bytes(name)
    assert (both[0].root / "to_file").is_symlink()


REFUSED: list[Call] = [
    ("read_text_file", {"path": "/etc/passwd"}),
    ("read_text_file", {"path": "{R}/../x"}),
    ("read_text_file", {"path": "{R}2/x"}),
    ("read_text_file", {"path": "{R}/to_out"}),
    ("read_text_file", {"path": "{R}/missing"}),
    ("read_text_file", {"path": "{R}/sub"}),
    ("read_text_file", {"path": "{R}/a.txt", "head": 1, "tail": 1}),
    ("read_text_file", {"path": "{R}/a\0b"}),
    ("read_text_file", {"path": "{R}/" + "n" * 300}),
    ("read_text_file", {"path": "{R}/" + "n/" * 5000}),
    ("read_text_file", {}),
    ("read_text_file", {"path": 7}),
    ("read_text_file", {"path": None}),
    ("write_file", {"path": "{R}/missing/new.txt", "content": "x"}),
    ("write_file", {"path": "{R}/to_out", "content": "x"}),
    ("write_file", {"path": "{R}/sub", "content": "x"}),
    ("edit_file", {"path": "{R}/a.txt", "edits": [{"oldText": "not there", "newText": "x"}]}),
    ("move_file", {"source": "{R}/a.txt", "destination": "{R}/no_end.txt"}),
    ("move_file", {"source": "{R}/missing", "destination": "{R}/x"}),
    ("list_directory", {"path": "{R}/a.txt"}),
    ("list_directory", {"path": "/"}),
    ("no_such_tool", {}),
]


@pytest.mark.parametrize("call", REFUSED, ids=lambda call: f"{call[0]}-{list(call[1].values())}"[:60])
def test_refusals_are_refusals_in_both(both: tuple[Side, Side], call: Call) -> None:
    ours, they = (one.ask(call[0], **call[1]) for one in both)
    assert (ours.is_error, they.is_error) == (True, True), (ours.text, they.text)
    assert "etc/hostname" not in ours.text
