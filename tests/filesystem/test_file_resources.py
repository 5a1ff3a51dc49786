"""Files as resources: the same door, the same refusals; completion offers only what may be seen."""

from pathlib import Path

import pytest
from file_sessions import Era, both_eras, play, settings
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.types import BlobResourceContents, ResourceTemplateReference, TextResourceContents

TEMPLATE = ResourceTemplateReference(uri="file:///{+path}")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    place = tmp_path / "root"
    (place / "sub").mkdir(parents=True)
    (place / "a.txt").write_text("héllo\n")
    (place / "my café.txt").write_text("spaced")
    (place / "data.bin").write_bytes(b"\x00\xff\x00\xfe")
    (place / ".env").write_text("SECRET=1")
    (place / "out").symlink_to("/etc/passwd")
    (place / "secret").symlink_to(".env")
    (tmp_path / "outside.txt").write_text("outside")
    return place


@both_eras
@pytest.mark.requirement("FILE-60")
def test_text_bytes_and_directories(root: Path, era: Era) -> None:
    async def scene(client: Client) -> None:
        assert [one.uri for one in (await client.list_resources()).resources] == [root.as_uri()]
        assert [one.uri_template for one in (await client.list_resource_templates()).resource_templates] == [
            "file:///{+path}"
        ]
        text = (await client.read_resource((root / "a.txt").as_uri())).contents[0]
        assert isinstance(text, TextResourceContents)
        assert (text.text, text.mime_type) == ("héllo\n", "text/plain")
        spaced = (await client.read_resource((root / "my café.txt").as_uri())).contents[0]
        assert isinstance(spaced, TextResourceContents)
        assert spaced.text == "spaced"
        data = (await client.read_resource((root / "data.bin").as_uri())).contents[0]
        assert isinstance(data, BlobResourceContents)
        assert (data.blob, data.mime_type) == ("AP8A/g==", "application/octet-stream")
        folder = (await client.read_resource(root.as_uri())).contents[0]
        assert isinstance(folder, TextResourceContents)
        assert "[DIR] sub" in folder.text

    play(scene, settings(root), era)


@pytest.mark.requirement("FILE-60", "FILE-9")
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("../outside.txt", "outside_roots"),
        ("out", "outside_roots"),
        (".env", "denied"),
        ("secret", "denied"),
        ("missing", "not_found"),
        ("a%00b", "invalid_path"),
        ("sub/%2e%2e/%2e%2e/outside.txt", "outside_roots"),
    ],
)
def test_refusals(root: Path, name: str, code: str) -> None:
    async def scene(client: Client) -> None:
        with pytest.raises(MCPError) as caught:
            await client.read_resource(f"file://{root}/{name}")
        assert caught.value.error.message.startswith(f"[{code}]")
        assert "passwd" not in caught.value.error.message.replace(name, "")

    play(scene, settings(root))


@pytest.mark.requirement("FILE-60")
@pytest.mark.parametrize("uri", ["file://otherhost/etc/passwd", "file:relative", "file:///x?query", "http://x/y"])
def test_uris_that_are_no_files_of_this_machine(root: Path, uri: str) -> None:
    async def scene(client: Client) -> None:
        with pytest.raises(MCPError):
            await client.read_resource(uri)

    play(scene, settings(root))


@pytest.mark.requirement("OUT-1")
def test_a_resource_that_does_not_fit_says_how_to_go_on(root: Path) -> None:
    (root / "large.txt").write_text("x" * 60_000)

    # Each is six characters in JSON.
    (root / "controls.txt").write_text("\x01" * 40_000)

    async def scene(client: Client) -> None:
        for name in ("large.txt", "controls.txt"):
            with pytest.raises(MCPError, match=r"too_large.*read_text_file"):
                await client.read_resource((root / name).as_uri())

    play(scene, settings(root))


@pytest.mark.requirement("FILE-61")
def test_completion_stays_inside(root: Path) -> None:
    async def scene(client: Client) -> None:
        async def values(typed: str) -> list[str]:
            return list((await client.complete(TEMPLATE, {"name": "path", "value": typed})).completion.values)

        inner = str(root)[1:]
        assert await values(f"{inner}/a") == [f"{inner}/a.txt"]
        assert f"{inner}/sub/" in await values(f"{inner}/")
        assert await values(inner[:-2]) == [f"{inner}/"]
        assert await values("etc/pass") == []
        assert await values(f"{inner}/../o") == []
        assert await values(f"{inner}/.mcp") == []

    (root / ".mcp-trash").mkdir()
    play(scene, settings(root))
