"""Cases B60-B80 of the official server's tests: what files hold, edits, first and last lines."""

import os
from pathlib import Path
from typing import Any

from case_world import World, case

LINES = "line1\nline2\nline3\n"


@case("B60", differs="dates differ from run to run")
def b60(world: World) -> None:
    (world.a / "f").write_bytes(b"x" * 1024)
    (world.a / "f").chmod(0o644)
    (world.a / "d").mkdir(mode=0o755)
    for name, wanted in (("f", ("false", "true", "644")), ("d", ("true", "false", "755"))):
        text = world.ok("get_file_info", path=world.a / name)
        pairs = [line.split(": ", 1) for line in text.split("\n")]
        assert [key for key, _ in pairs] == [
            "size", "created", "modified", "accessed", "isDirectory", "isFile", "permissions",
        ]  # fmt: skip
        info = dict(pairs)
        assert (info["isDirectory"], info["isFile"], info["permissions"]) == wanted
        assert info["size"] == ("1024" if name == "f" else str((world.a / "d").stat().st_size))
        world.said[-1] = ("get_file_info", False, info["modified"][:10])


@case("B61")
def b61(world: World) -> None:
    sizes = {
        0: "0 B",
        512: "512 B",
        1023: "1023 B",
        1024: "1.00 KB",
        1536: "1.50 KB",
        1048575: "1024.00 KB",
        1 << 20: "1.00 MB",
    }
    for size, text in sizes.items():
        (world.a / "f").write_bytes(b"\0" * size)
        assert text in world.ok("list_directory_with_sizes", path=world.a)


@case("B62")
def b62(world: World) -> None:
    for content in ("plain", "with\nlines\n", "ümläut € 🎉", 'tab\tquote" back\\slash', "\n", "\r\n", "\u2028\x01"):
        (world.a / "f").write_text(content, newline="")
        assert world.read(world.a / "f") == content
    assert world.ok("read_file", path=world.a / "f") == content
    (world.a / "g").write_text("g")
    text = world.ok("read_multiple_files", paths=[str(world.a / "g"), str(world.a / "f")])
    assert text == f"{world.a}/g:\ng\n\n---\n{world.a}/f:\n\u2028\x01\n"


@case("B63")
def b63(world: World) -> None:
    (world.a / "node_modules").mkdir()
    for name in ("test.txt", "test.log", "node_modules/test.js", "a.backup", "test.backup"):
        (world.a / name).write_text("x")
    excludes = ["*.log", "node_modules", "*.backup"]
    assert world.ok("search_files", path=world.a, pattern="*test*", excludePatterns=excludes) == f"{world.a}/test.txt"
    (world.a / "out.txt").symlink_to(world.out / "secret.txt")
    (world.a / "dir").symlink_to(world.out)
    (world.a / "x.txt").write_text("x")
    for pattern in (
        "*.txt",
        "**/*.txt",
        "**",
        "*",
        "**/test*",
        "{test,x}.txt",
        "[tx]*.txt",
        "!(test).txt",
        "?.txt",
        "node_modules/**",
    ):
        world.ok("search_files", path=world.a, pattern=pattern)
        world.ok("search_files", path=world.a, pattern=pattern, excludePatterns=["**/node_modules/**", "*.log"])
    world.untouched()


def edited(world: World, before: str, *edits: tuple[str, str], **more: Any) -> tuple[str, str]:
    """The diff, and what the file holds then."""
    path = world.a / "f.txt"
    path.write_bytes(before.encode())
    pairs = [{"oldText": old, "newText": new} for old, new in edits]
    text = world.ok("edit_file", path=path, edits=pairs, **more)
    return text, path.read_bytes().decode()


@case("B64")
def b64(world: World) -> None:
    diff, after = edited(world, LINES, ("line2", "changed"))
    assert after == "line1\nchanged\nline3\n"
    assert "-line2\n+changed\n" in diff


@case("B65")
def b65(world: World) -> None:
    for new in ("$$", "$&", "$`", "$'", "$1", "a$$b$&c", "\\1", "\\n"):
        assert edited(world, LINES, ("line2", new))[1] == f"line1\n{new}\nline3\n"


@case("B66")
def b66(world: World) -> None:
    diff, after = edited(world, LINES, ("line2", "changed"), dryRun=True)
    assert after == LINES
    assert diff == edited(world, LINES, ("line2", "changed"))[0]


@case("B67")
def b67(world: World) -> None:
    assert edited(world, LINES, ("line1", "one"), ("line3", "three"))[1] == "one\nline2\nthree\n"
    assert edited(world, LINES, ("line1", "one"), ("one", "uno"))[1] == "uno\nline2\nline3\n"


@case("B68")
def b68(world: World) -> None:
    assert edited(world, "  line1\n    line2\n", ("line2", "changed"))[1] == "  line1\n    changed\n"


@case("B69")
def b69(world: World) -> None:
    (world.a / "f.txt").write_text(LINES)
    for edits in ([("nope", "x")], [("line1", "one"), ("nope", "x")]):
        pairs = [{"oldText": old, "newText": new} for old, new in edits]
        said = world.refused("edit_file", path=world.a / "f.txt", edits=pairs)
        assert "Could not find exact match" in said
        assert (world.a / "f.txt").read_text() == LINES


@case("B70")
def b70(world: World) -> None:
    before = "function test() {\n  if (x) {\n    one();\n    two();\n  }\n}\n"
    old, new = "  if (x) {\n    one();\n    two();\n  }", "  if (y) {\n    three();\n  }"
    assert edited(world, before, (old, new))[1] == "function test() {\n  if (y) {\n    three();\n  }\n}\n"
    loose = "if (x) {\n  one();\n  two();\n}"
    edited(world, before, (loose, "if (y) {\n  three();\n}"))


@case("B71")
def b71(world: World) -> None:
    before = "    indented\n        more\n    back\n"
    edited(world, before, ("indented\n    more", "first\nsecond"))
    edited(world, before, ("indented", "first\nsecond"))
    edited(world, "\tone\n\ttwo\n", ("one\ntwo", "three\n  four"))


@case("B72", differs="the official server turns every CR LF of the file into LF")
def b72(world: World) -> None:
    after = edited(world, LINES.replace("\n", "\r\n"), ("line2", "changed"))[1]
    wanted = "line1\nchanged\nline3\n"
    assert after == (wanted.replace("\n", "\r\n") if world.ours else wanted)


@case("B73")
def b73(world: World) -> None:
    diff = edited(world, LINES, ("line2", "changed"))[0]
    for mark in ("--- ", "+++ ", "\n-line2", "\n+changed"):
        assert mark in diff
    same = edited(world, LINES, ("line2", "line2"))[0]
    assert not [line for line in same.split("\n") if line[:1] in "+-" and line[:3] not in ("---", "+++") and line]
    fenced = edited(world, "```\ncode\n````\n", ("code", "`````"))[0]
    assert fenced.startswith("``````diff\n")
    long = "".join(f"{number}\n" for number in range(100))
    edited(world, long, ("\n50\n", "\nfifty\n"), ("\n2\n", "\ntwo\n"), ("\n98\n", "\n"))
    edited(world, "no end", ("end", "ending"))
    edited(world, "one\ntwo", ("two", "two\n"))


def lines(world: World, content: str, **more: Any) -> str:
    """What is read of this content."""
    path = world.a / "f.txt"
    path.write_bytes(content.encode())
    return world.read(path, **more)


@case("B74")
def b74(world: World) -> None:
    for more in ({}, {"head": 5}, {"tail": 5}):
        assert lines(world, "", **more) == ""


@case("B75", differs="there, the end of the last line counts as an empty line")
def b75(world: World) -> None:
    assert lines(world, "1\n2\n3\n4\n5\n", tail=2) == ("4\n5\n" if world.ours else "5\n")
    assert lines(world, "1\n2\n3\n4\n5\n", tail=1) == ("5\n" if world.ours else "")


@case("B76")
def b76(world: World) -> None:
    assert lines(world, "1\n2\n3\n4\n5\n", head=2) == "1\n2"
    assert lines(world, "1\n2\n3\n", head=0) == "1\n2\n3\n"
    assert lines(world, "1\n2\n3\n", head=-1) == ""
    assert lines(world, "1\n2\n3\n", head=1.5) == "1\n2"


@case("B77")
def b77(world: World) -> None:
    assert lines(world, "1\n2\n3", tail=2) == "2\n3"
    assert lines(world, "1\n2\n3", head=2) == "1\n2"
    assert lines(world, "1\r\n2\r\n3", tail=2) == "2\n3"


@case("B78")
def b78(world: World) -> None:
    assert lines(world, "1\n2\n3", tail=50) == "1\n2\n3"
    assert lines(world, "1\n2\n3", head=50) == "1\n2\n3"
    lines(world, "1\n2\n3\n", head=50)
    lines(world, "1\n2\n3\n", head=3)


@case("B79")
def b79(world: World) -> None:
    for before in (1022, 1023, 1024):
        content = "a" * before + "漢字\n" + "漢" * 700
        assert lines(world, content, tail=1) == "漢" * 700
        assert lines(world, content, head=1) == "a" * before + "漢字"


@case("B80")
def b80(world: World) -> None:
    (world.a / "f.txt").write_text(LINES)
    world.refused("read_text_file", path=world.a / "f.txt", head=1, tail=1)
    assert os.listdir(world.a) == ["f.txt"]
    assert isinstance(world.a, Path)
