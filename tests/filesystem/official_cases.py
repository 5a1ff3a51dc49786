"""Cases B1-B26 of the official server's tests: start, structured content, trees, roots of the client."""

import base64
import json
import subprocess
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

from case_world import World, case, command
from raw_client import RawClient, child_environment


def starts(world: World, *roots: Path) -> str:
    """What a server says on stderr that serves these roots."""
    with RawClient(command(world.make, roots), era="legacy", env=world.state()) as client:
        assert "Allowed directories" in client.call("list_allowed_directories").text
    return client.stderr()


@case("B1")
def b1(world: World) -> None:
    (world.base / "B").mkdir()
    assert "Error:" not in starts(world, world.a, world.base / "B")


@case("B2")
def b2(world: World) -> None:
    assert str(world.base / "missing") in starts(world, world.base / "missing", world.a)


@case("B3")
def b3(world: World) -> None:
    roots = (world.base / "missing1", world.base / "missing2")
    done = subprocess.run(
        command(world.make, roots),
        input=b"",
        capture_output=True,
        timeout=60,
        check=False,
        env=dict(child_environment()) | dict(world.state()),
    )
    assert done.returncode != 0
    assert done.stderr.strip()


@case("B4")
def b4(world: World) -> None:
    (world.base / "file").write_text("x")
    said = starts(world, world.base / "file", world.a)
    assert "not a directory" in said.lower()
    assert str(world.base / "file") in said


def structured(world: World) -> None:
    """The folder of the official structured-content tests."""
    (world.a / "test.txt").write_text("test content")
    (world.a / "subdir").mkdir()
    (world.a / "subdir" / "nested.txt").write_text("nested content")


@case("B5")
def b5(world: World) -> None:
    structured(world)
    tree = json.loads(world.ok("directory_tree", path=world.a))
    assert isinstance(tree, list)
    assert tree == [
        {"name": "subdir", "type": "directory", "children": [{"name": "nested.txt", "type": "file"}]},
        {"name": "test.txt", "type": "file"},
    ]


@case("B6")
def b6(world: World) -> None:
    structured(world)
    for order in ("name", "size"):
        assert "[FILE] test.txt" in world.ok("list_directory_with_sizes", path=world.a, sortBy=order)


@case("B7")
def b7(world: World) -> None:
    structured(world)
    said = world.ok("move_file", source=world.a / "test.txt", destination=world.a / "moved.txt")
    assert "Successfully moved" in said
    assert (world.a / "moved.txt").read_text() == "test content"


@case("B8")
def b8(world: World) -> None:
    structured(world)
    assert world.ok("list_directory", path=world.a) == "[DIR] subdir\n[FILE] test.txt"


@case("B9")
def b9(world: World) -> None:
    structured(world)
    assert world.ok("search_files", path=world.a, pattern="*.txt") == str(world.a / "test.txt")
    found = world.ok("search_files", path=world.a, pattern="**/*.txt").split("\n")
    assert found == [str(world.a / "subdir" / "nested.txt"), str(world.a / "test.txt")]
    assert world.ok("search_files", path=world.a, pattern="*.md") == "No matches found"


@case("B10")
def b10(world: World) -> None:
    structured(world)
    (world.a / "many").mkdir()
    for name in ("b", "a", "B", "é", "~", "_", "Z", "0", "aa", "ä", ".x", "日本"):
        (world.a / "many" / name).write_text(name)
    assert world.ok("list_directory", path=world.a / "many").count("[FILE]") == 12
    world.ok("list_directory_with_sizes", path=world.a / "many")
    several = [str(world.a / "test.txt"), str(world.a / "subdir" / "nested.txt")]
    assert "\n---\n" in world.ok("read_multiple_files", paths=several)


@case("B11")
def b11(world: World) -> None:
    raw = bytes.fromhex("89504e470d0a1a0a")
    (world.a / "pixel.png").write_bytes(raw)
    reply = world.call("read_media_file", path=world.a / "pixel.png")
    block = reply.result["content"][0]
    assert (block["type"], block["mimeType"]) == ("image", "image/png")
    assert base64.b64decode(block["data"]) == raw
    assert reply.data["content"] == [block]


@case("B12")
def b12(world: World) -> None:
    (world.a / "clip.mp3").write_bytes(b"ID3\x03\x00")
    block = world.call("read_media_file", path=world.a / "clip.mp3").result["content"][0]
    assert (block["type"], block["mimeType"]) == ("audio", "audio/mpeg")


@case("B13")
def b13(world: World) -> None:
    raw = bytes.fromhex("00010203fffe")
    (world.a / "data.bin").write_bytes(raw)
    block = world.call("read_media_file", path=world.a / "data.bin").result["content"][0]
    assert block["type"] == "resource"
    resource = block["resource"]
    assert unquote(urlsplit(resource["uri"]).path) == str((world.a / "data.bin").resolve())
    assert resource["mimeType"] == "application/octet-stream"
    assert base64.b64decode(resource["blob"]) == raw


@case("B14")
def b14(world: World) -> None:
    (world.a / "my café.bin").write_bytes(b"\x00")
    block = world.call("read_media_file", path=world.a / "my café.bin").result["content"][0]
    uri = block["resource"]["uri"]
    assert "%20" in uri
    assert "%C3%A9" in uri or "%CC%81" in uri
    assert " " not in uri


@case("B15", differs="our tools state no output schema: it would be a third of the list")
def b15(world: World) -> None:
    tools = world.client().request("tools/list").result["tools"]
    (media,) = [tool for tool in tools if tool["name"] == "read_media_file"]
    if not world.ours:
        assert all(word in json.dumps(media["outputSchema"]) for word in ("resource", "image", "audio"))
    else:
        assert "outputSchema" not in media


def excluding(world: World, patterns: list[str]) -> tuple[set[str], str]:
    """The top names of the official tree-exclude folder, and the whole text."""
    for folder in ("src", "node_modules", ".git", "nested/node_modules"):
        (world.a / folder).mkdir(parents=True, exist_ok=True)
    for file in (".env", ".env.local", "src/index.js", "package.json", "node_modules/m.js", ".git/config"):
        (world.a / file).write_text("x")
    (world.a / "nested" / "node_modules" / "deep.js").write_text("x")
    text = world.ok("directory_tree", path=world.a, excludePatterns=patterns)
    return {entry["name"] for entry in json.loads(text)}, text


ALL = {"src", "node_modules", ".git", "nested", ".env", ".env.local", "package.json"}


@case("B16")
def b16(world: World) -> None:
    assert excluding(world, [".env"])[0] == ALL - {".env"}


@case("B17", "B18")
def b17(world: World) -> None:
    names, text = excluding(world, ["node_modules"])
    assert names == ALL - {"node_modules"}
    assert "node_modules" not in text


@case("B19")
def b19(world: World) -> None:
    assert excluding(world, ["*.env"])[0] == ALL - {".env"}


@case("B20")
def b20(world: World) -> None:
    assert excluding(world, [".git"])[0] == ALL - {".git"}


@case("B21")
def b21(world: World) -> None:
    assert excluding(world, ["node_modules", ".git", ".env"])[0] == ALL - {"node_modules", ".git", ".env"}


@case("B22")
def b22(world: World) -> None:
    assert excluding(world, [])[0] == ALL


def allowed(client: RawClient, wanted: set[Path]) -> None:
    """Waits until the server says that exactly these are allowed: it may ask for the roots after the first call."""
    found: set[str] = set()
    for _ in range(100):
        found = set(client.call("list_allowed_directories").text.split("\n")[1:])
        if found == {str(one) for one in wanted}:
            return
        time.sleep(0.05)
    raise AssertionError(found)


@case("B23")
def b23(world: World) -> None:
    folders = [world.base / name for name in ("R1", "R2", "R3")]
    for folder in folders:
        folder.mkdir()
    uris = [f"file://{folders[0]}", f"file://{folders[1]}", f"file://{folders[2]}"]
    with world.asked(lambda: uris) as client:
        allowed(client, set(folders))
        assert client.call("list_directory", {"path": str(world.out)}).is_error


@case("B24")
def b24(world: World) -> None:
    (world.base / "R" / "subdir").mkdir(parents=True)
    with world.asked(lambda: [f"file://{world.base}/R/./subdir/../subdir"]) as client:
        allowed(client, {world.base / "R" / "subdir"})


@case("B25")
def b25(world: World) -> None:
    (world.base / "good").mkdir()
    (world.base / "file").write_text("x")
    names = ("good", "missing", "file", "nul%00byte")
    with world.asked(lambda: [f"file://{world.base}/{name}" for name in names]) as client:
        allowed(client, {world.base / "good"})


@case("B26")
def b26(world: World) -> None:
    for name in ("one", "two"):
        (world.base / name).mkdir()
    now = ["one"]
    with world.asked(lambda: [f"file://{world.base}/{name}" for name in now]) as client:
        allowed(client, {world.base / "one"})
        now[:] = ["two"]
        client.notify("notifications/roots/list_changed")
        allowed(client, {world.base / "two"})
        if world.ours:
            now[:] = ["../../../../../../../.."]
            client.notify("notifications/roots/list_changed")
            # There, a client opens the whole disk to itself. Here it never widens: what it names holds all our roots.
            allowed(client, {world.base})
            assert client.call("list_directory", {"path": "/etc"}).is_error
