"""Roots of an older client narrow what was configured, and never widen it."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest
from file_sessions import call, code_of, first, play, settings
from mcp import Client
from mcp.types import ListRootsResult, Root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    place = tmp_path / "root"
    for name in ("a", "b/c"):
        (place / name).mkdir(parents=True)
        (place / name / "f").write_text(name)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "f").write_text("outside")
    return place


def with_roots(root: Path, uris: Sequence[str], *paths: Path, **more: Any) -> list[bool]:
    """Which of the paths a client with these roots may read."""

    async def roots(context: Any) -> ListRootsResult:
        return ListRootsResult(roots=[Root.model_construct(uri=uri) for uri in uris])

    async def scene(client: Client) -> list[bool]:
        return [not (await client.call_tool("read_text_file", {"path": str(path)})).is_error for path in paths]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return play(scene, settings(root, **more), "legacy", list_roots_callback=roots)


@pytest.mark.requirement("FILE-63")
def test_they_narrow(root: Path) -> None:
    inside, beside = root / "a" / "f", root / "b" / "c" / "f"
    assert with_roots(root, [(root / "a").as_uri()], inside, beside) == [True, False]
    assert with_roots(root, [(root / "a").as_uri(), (root / "b").as_uri()], inside, beside) == [True, True]
    assert with_roots(root, [f"{(root / 'a').as_uri()}/./../b"], inside, beside) == [False, True]
    assert with_roots(root, [f"file://{root}/b/c"], inside, beside) == [False, True]


@pytest.mark.requirement("FILE-63")
def test_they_never_widen(root: Path, tmp_path: Path) -> None:
    inside, outside = root / "a" / "f", tmp_path / "outside" / "f"
    for uri in ("file:///", tmp_path.as_uri(), (tmp_path / "outside").as_uri()):
        assert with_roots(root, [uri], inside, outside, Path("/etc/passwd")) == [True, False, False]


@pytest.mark.requirement("FILE-63")
def test_what_is_no_directory_is_passed_over(root: Path) -> None:
    bad = [(root / "missing").as_uri(), (root / "a" / "f").as_uri(), "file:///a%00b", "http://elsewhere/x"]
    inside, beside = root / "a" / "f", root / "b" / "c" / "f"
    assert with_roots(root, [*bad, (root / "b").as_uri()], inside, beside) == [False, True]
    assert with_roots(root, bad, inside, beside) == [True, True]
    assert with_roots(root, [], inside, beside) == [True, True]


@pytest.mark.requirement("FILE-63")
def test_they_can_be_ignored(root: Path) -> None:
    paths = root / "a" / "f", root / "b" / "c" / "f"
    assert with_roots(root, [(root / "a").as_uri()], *paths, client_roots="ignore") == [True, True]


def test_a_client_without_roots_sees_all(root: Path) -> None:
    for era in ("auto", "legacy"):
        assert first(call(settings(root), "read_text_file", era, path=str(root / "a" / "f"))) == "a"  # type: ignore[arg-type]
    assert code_of(call(settings(root), "read_text_file", path="/etc/passwd")) == "outside_roots"


@pytest.mark.requirement("FILE-63")
def test_a_client_is_asked_once(root: Path) -> None:
    asked: list[int] = []

    async def roots(context: Any) -> ListRootsResult:
        asked.append(1)
        await anyio.sleep(0.1)
        return ListRootsResult(roots=[])

    async def scene(client: Client) -> None:
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(client.call_tool, "list_directory", {"path": str(root)})
        await client.call_tool("list_directory", {"path": str(root)})

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        play(scene, settings(root), "legacy", list_roots_callback=roots)
    assert len(asked) == 1


@pytest.mark.requirement("FILE-63")
def test_an_answer_that_comes_after_a_change_does_not_count(root: Path) -> None:
    answers = [(root / "a").as_uri(), (root / "b").as_uri()]
    asked, going_on = anyio.Event(), anyio.Event()
    inside = str(root / "a" / "f")

    async def roots(context: Any) -> ListRootsResult:
        answer = answers.pop(0)
        if answers:
            asked.set()
            await going_on.wait()
        return ListRootsResult(roots=[Root.model_construct(uri=answer)])

    async def scene(client: Client) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(client.call_tool, "read_text_file", {"path": inside})
            await asked.wait()
            await client.send_roots_list_changed()  # pyright: ignore[reportDeprecated]
            await anyio.sleep(0.2)
            going_on.set()
        assert (await client.call_tool("read_text_file", {"path": inside})).is_error

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        play(scene, settings(root), "legacy", list_roots_callback=roots)


@pytest.mark.requirement("FILE-63")
def test_a_change_of_roots_is_taken_up(root: Path) -> None:
    now = [(root / "a").as_uri()]
    inside, beside = str(root / "a" / "f"), str(root / "b" / "c" / "f")

    async def roots(context: Any) -> ListRootsResult:
        return ListRootsResult(roots=[Root.model_construct(uri=uri) for uri in now])

    async def scene(client: Client) -> None:
        async def may(path: str) -> bool:
            return not (await client.call_tool("read_text_file", {"path": path})).is_error

        assert [await may(inside), await may(beside)] == [True, False]
        now[:] = [(root / "b").as_uri()]
        await client.send_roots_list_changed()  # pyright: ignore[reportDeprecated]
        assert [await may(inside), await may(beside)] == [False, True]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        play(scene, settings(root), "legacy", list_roots_callback=roots)
