"""Cases B27-B59 of the official server's tests: which paths are let in, and links."""

import os
from pathlib import Path

from case_world import CANARY, World, case


def some(world: World) -> Path:
    """A file in the root."""
    (world.a / "sub" / "deep").mkdir(parents=True, exist_ok=True)
    for name in ("f.txt", "sub/f.txt", "sub/deep/f.txt"):
        (world.a / name).write_text(name)
    return world.a / "f.txt"


def denied(world: World, path: Path | str) -> str:
    """Refused for reading, listing and writing."""
    said = world.refused("read_text_file", path=path)
    world.refused("list_directory", path=path)
    world.refused("get_file_info", path=path)
    world.refused("write_file", path=path, content="x")
    return said


@case("B27")
def b27(world: World) -> None:
    assert world.read(some(world)) == "f.txt"


@case("B28")
def b28(world: World) -> None:
    assert "Access denied" in denied(world, "/etc/passwd")


@case("B29")
def b29(world: World) -> None:
    assert world.ok("write_file", path=world.a / "new.txt", content="n") == f"Successfully wrote to {world.a}/new.txt"
    assert (world.a / "new.txt").read_text() == "n"


@case("B30")
def b30(world: World) -> None:
    world.refused("write_file", path=world.a / "nonexistent" / "new.txt", content="n")
    assert not (world.a / "nonexistent").exists()


@case("B31")
def b31(world: World) -> None:
    some(world)
    assert world.read("f.txt") == "f.txt"
    assert world.read("sub/f.txt") == "sub/f.txt"


@case("B32")
def b32(world: World) -> None:
    some(world)
    assert world.ok("list_directory", path=world.a) == "[FILE] f.txt\n[DIR] sub"


@case("B33")
def b33(world: World) -> None:
    some(world)
    assert world.ok("list_directory", path=world.a / "sub" / "deep") == "[FILE] f.txt"


@case("B34")
def b34(world: World) -> None:
    for name in ("A2", "A_suffix", "A backup"):
        (world.base / name).mkdir()
        (world.base / name / "f").write_text(CANARY)
        denied(world, world.base / name / "f")
        world.refused("list_directory", path=world.base / name)
    (world.base / "A.txt").write_text(CANARY)
    denied(world, world.base / "A.txt")


@case("B35")
def b35(world: World) -> None:
    denied(world, world.base)
    denied(world, world.out / "secret.txt")
    world.refused("list_directory", path=world.out)


@case("B36")
def b36(world: World) -> None:
    for name in ("B", "C"):
        (world.base / name).mkdir()
        (world.base / name / "f").write_text(name)
    roots = (world.a, world.base / "B")
    some(world)
    assert world.ok("read_text_file", roots=roots, path=world.a / "f.txt") == "f.txt"
    assert world.ok("read_text_file", roots=roots, path=world.base / "B" / "f") == "B"
    world.refused("read_text_file", roots=roots, path=world.base / "C" / "f")


@case("B37")
def b37(world: World) -> None:
    for mark in (" ", "@", "#", "$", "%", "&", "(", ")", "[", "]", "{", "}", "+", "=", ";", "'", ","):
        path = world.a / f"a{mark}b{mark}c.txt"
        world.ok("write_file", path=path, content=mark)
        assert world.read(path) == mark
    world.ok("list_directory", path=world.a)


@case("B38")
def b38(world: World) -> None:
    world.refused("read_text_file", path="")
    world.refused("write_file", path="", content="x")


@case("B39")
def b39(world: World) -> None:
    some(world)
    assert world.ok("read_text_file", roots=(f"{world.a}/",), path=world.a / "f.txt") == "f.txt"
    world.refused("read_text_file", roots=(f"{world.a}/",), path=world.out / "secret.txt")


@case("B40")
def b40(world: World) -> None:
    some(world)
    roots = (world.a, world.a / "sub")
    assert world.ok("read_text_file", roots=roots, path=world.a / "sub" / "f.txt") == "sub/f.txt"
    assert world.ok("read_text_file", roots=roots, path=world.a / "f.txt") == "f.txt"


@case("B41")
def b41(world: World) -> None:
    assert world.ok("read_text_file", roots=("/",), path=world.out / "secret.txt") == CANARY
    world.ok("read_text_file", roots=("/",), path="/etc/hostname")


@case("B42")
def b42(world: World) -> None:
    some(world)
    for path in (
        "A/../out/secret.txt",
        "A/./../out/secret.txt",
        "A/a/b/../../../out/secret.txt",
        "A//..//out/secret.txt",
    ):
        denied(world, f"{world.base}/{path}")
    assert world.read(f"{world.a}/sub/../f.txt") == "f.txt"


@case("B43")
def b43(world: World) -> None:
    some(world)
    for path in (f"{world.a}/f.txt\0", f"{world.a}/\0f.txt", f"\0{world.a}/f.txt", f"{world.a}/f.txt\0.png"):
        denied(world, path)


@case("B44")
def b44(world: World) -> None:
    for name in ("50%.txt", "%2e%2e", "100%%", "%2e%2e%2fout"):
        world.ok("write_file", path=world.a / name, content=name)
        assert world.read(world.a / name) == name
    world.refused("read_text_file", path=f"{world.a}/%2e%2e/out/secret.txt")


@case("B45")
def b45(world: World) -> None:
    for name in ("café.txt", "日本語.txt", "emoji-🎉.txt", "Привет.txt"):
        world.ok("write_file", path=world.a / name, content=name)
        assert world.read(world.a / name) == name
    world.ok("list_directory", path=world.a)
    world.ok("search_files", path=world.a, pattern="*.txt")


@case("B46")
def b46(world: World) -> None:
    denied(world, f"{world.a}/{'a' * 10_000}")
    denied(world, f"{world.a}/{'a/' * 5_000}")
    world.ok("list_directory", path=world.a)


@case("B47")
def b47(world: World) -> None:
    for name in ("...", "..foo", "foo..", ".hidden"):
        world.ok("write_file", path=world.a / name, content=name)
        assert world.read(world.a / name) == name


@case("B48")
def b48(world: World) -> None:
    for wrong in (1, None, ["a"], {"a": 1}):
        world.refused("read_text_file", path=wrong)


@case("B49")
def b49(world: World) -> None:
    (world.a / "link").symlink_to(world.out / "secret.txt")
    denied(world, world.a / "link")
    world.untouched()


@case("B50")
def b50(world: World) -> None:
    (world.a / "l3").symlink_to(world.out / "secret.txt")
    (world.a / "l2").symlink_to(world.a / "l3")
    (world.a / "l1").symlink_to(world.a / "l2")
    denied(world, world.a / "l1")
    world.untouched()


@case("B51")
def b51(world: World) -> None:
    some(world)
    (world.base / "link").symlink_to(world.a)
    roots = (world.base / "link",)
    for spelling in (world.base / "link", world.a):
        assert world.ok("read_text_file", roots=roots, path=spelling / "f.txt") == "f.txt"
        world.ok("write_file", roots=roots, path=spelling / "new.txt", content=str(spelling))
    world.ok("list_allowed_directories", roots=roots)


@case("B52")
def b52(world: World) -> None:
    target = some(world)
    (world.a / "link").symlink_to(target)
    assert world.read(world.a / "link") == "f.txt"
    world.ok("write_file", path=world.a / "link", content="through")
    assert target.read_text() == "through"
    assert (world.a / "link").is_symlink()


@case("B53")
def b53(world: World) -> None:
    (world.a / "link").symlink_to(world.out)
    world.refused("write_file", path=world.a / "link" / "new.txt", content="x")
    world.refused("create_directory", path=world.a / "link" / "new")
    world.untouched()


@case("B54")
def b54(world: World) -> None:
    (world.out / "sub2").mkdir()
    (world.out / "sub2" / "f").write_text(CANARY)
    (world.a / "sub1").symlink_to(world.out)
    denied(world, world.a / "sub1" / "sub2" / "f")


@case("B55", "B56")
def b55(world: World) -> None:
    path = some(world)
    path.unlink()
    path.symlink_to(world.out / "secret.txt")
    denied(world, path)
    world.refused("edit_file", path=path, edits=[{"oldText": "CANARY", "newText": "x"}])
    (world.a / "dangling").symlink_to(world.out / "made")
    world.refused("write_file", path=world.a / "dangling", content="x")
    world.untouched()


@case("B57")
def b57(world: World) -> None:
    path = some(world)
    world.ok("write_file", path=path, content="again")
    assert path.read_text() == "again"


@case("B58", differs="the official test renames by itself; here the tool is asked, which refuses an existing name")
def b58(world: World) -> None:
    path = some(world)
    (world.a / "link").symlink_to(world.out / "secret.txt")
    world.refused("move_file", source=path, destination=world.a / "link")
    if world.ours:
        world.ok("move_file", source=path, destination=world.a / "link", overwrite=True)
        assert (world.a / "link").read_text() == "f.txt"
        assert not (world.a / "link").is_symlink()
    world.untouched()


@case("B59")
def b59(world: World) -> None:
    """The race itself is in test_attack_races; here the swap stands still after the check could have been made."""
    path = some(world)
    world.read(path)
    path.rename(world.a / "aside")
    path.symlink_to(world.out / "secret.txt")
    world.refused("read_text_file", path=path)
    path.unlink()
    os.rename(world.a / "aside", path)
    assert world.read(path) == "f.txt"
