"""Laws over random trees and calls: no answer is over its budget, all of it is JSON in both channels, and the pages of
an answer together are exactly what is there.
"""

import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attack_world import Attacked, bounded, linux_only
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from raw_client import RawClient, Reply

pytestmark = [linux_only, pytest.mark.requirement("FILE-56")]

SMALL = 6_000
LETTERS = ["a", "B", "é", "日", "🎉", " ", '"', "\\", "\n", "\u2028", "\x1b", "'", "{", "x" * 30, "Ü" * 20, ".", "-"]
law = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def small(one_server: Attacked) -> Iterator[RawClient]:
    """A server with a small budget beside that with the usual one, on the same root."""
    with one_server.served(flags=("--max-result-chars", str(SMALL))) as client:
        yield client


def name(chance: random.Random) -> bytes:
    """A name of any bytes that a file may have, sometimes no UTF-8."""
    text = "".join(chance.choice(LETTERS) for _ in range(chance.randint(1, 6))).strip() or "x"
    raw = text.encode()[:200]
    return (raw + b"\xff\xfe" if chance.random() < 0.1 else raw) + str(chance.randint(0, 99_999)).encode()


def planted(root: Path, seed: int, entries: int, width: int) -> tuple[set[bytes], set[bytes]]:
    """A tree of random names: paths below the root of its files and of its directories."""
    chance = random.Random(seed)
    folders, files, made = [b""], set[bytes](), set[bytes]()
    base = os.fsencode(root)
    for _ in range(entries):
        where = chance.choice(folders[-width:])
        path = where + name(chance)
        if os.path.lexists(base + b"/" + path):
            continue
        if chance.random() < 0.25 and path.count(b"/") < 8:
            os.mkdir(base + b"/" + path)
            folders.append(path + b"/")
            made.add(path)
        else:
            with open(base + b"/" + path, "wb") as file:
                file.write(("needle " + "ä\t" * chance.randint(0, 40) + "\n").encode() * chance.randint(0, 3))
            files.add(path)
    return files, made


def pages(client: RawClient, budget: int, tool: str, **arguments: Any) -> list[Reply]:
    """All pages of an answer, each within the budget."""
    found = [bounded(client, tool, budget=budget, **arguments)]
    while cursor := found[-1].data.get("next_cursor"):
        assert found[-1].data["truncated"] is True
        found.append(bounded(client, tool, budget=budget, cursor=cursor, **arguments))
        assert len(found) < 2_000
    for page in found:
        assert not page.is_error, page.text
        assert page.data["content"] == page.result["content"][0]["text"]
    return found


def lines(found: list[Reply]) -> list[str]:
    """The lines of all pages."""
    return [line for page in found for line in page.data["content"].split("\n") if line]


def raw_of(text: str) -> bytes:
    """The bytes that an escaped name means."""
    from mcp_servers_filesystem.names import parsed

    return parsed(text)


@law
@given(st.integers(0, 10**6), st.integers(1, 250), st.integers(1, 8))
def test_names_and_trees(one_server: Attacked, small: RawClient, seed: int, entries: int, width: int) -> None:
    one_server.fresh()
    tree = one_server.a / "tree"
    tree.mkdir()
    files, folders = planted(tree, seed, entries, width)
    everything = files | folders
    top = {path for path in everything if b"/" not in path}
    prefix = f"{tree}/"
    chance = random.Random(seed)
    for client, budget in ((small, SMALL), (one_server.client(), 48_000)):
        for limit in (1_000, chance.randint(1, 40)):
            listed = lines(pages(client, budget, "list_directory", path=str(tree), limit=limit))
            assert {raw_of(line.split("] ", 1)[1]) for line in listed} == top
            assert len(listed) == len(top)
            found = lines(pages(client, budget, "search_files", path=str(tree), pattern="**", limit=limit))
            found = [] if found == ["No matches found"] else found
            assert {raw_of(path.removeprefix(prefix)) for path in found} == everything
            assert len(found) == len(everything)
        pages(client, budget, "list_directory_with_sizes", path=str(tree), limit=chance.randint(1, 40), sortBy="size")
        compact = lines(pages(client, budget, "directory_tree", path=str(tree), format="compact"))
        assert len(compact) >= len(everything)
        pages(client, budget, "directory_tree", path=str(tree))
        pages(client, budget, "directory_tree", path=str(tree), maxDepth=2, maxEntries=chance.randint(1, 50))
        bounded(client, "disk_usage", budget=budget, path=str(tree))


@law
@given(st.integers(0, 10**6), st.integers(1, 150))
def test_text_that_is_searched(one_server: Attacked, small: RawClient, seed: int, entries: int) -> None:
    one_server.fresh()
    files, _ = planted(one_server.a, seed, entries, 4)
    wanted = sum(
        Path(os.fsdecode(os.fsencode(one_server.a) + b"/" + path)).read_bytes().count(b"needle") for path in files
    )
    chance = random.Random(seed)
    for client, budget in ((small, SMALL), (one_server.client(), 48_000)):
        for context in (0, chance.randint(0, 3)):
            matches, cursor = 0, None
            while True:
                more = {"cursor": cursor} if cursor else {}
                limit = 20 if budget == SMALL else 250
                arguments = {"path": ".", "pattern": "needle", "context": context, "limit": limit, **more}
                page = bounded(client, "grep_files", budget=budget, **arguments)
                assert not page.is_error, page.text
                matches += page.data["matches"]
                cursor = page.data.get("next_cursor")
                if not cursor:
                    break
            assert matches == wanted
        counted = bounded(client, "grep_files", budget=budget, path=".", pattern="needle", mode="count")
        assert not counted.is_error, counted.text


texts = st.lists(
    st.sampled_from([*LETTERS, "line\n", "\r\n", "\n", "x" * 3_000, "\t", "\u0000"[:0], "]}"]), max_size=60
)


@law
@given(texts, st.integers(1, 400), st.integers(1, 30))
def test_text_in_pages(one_server: Attacked, small: RawClient, pieces: list[str], times: int, limit: int) -> None:
    one_server.fresh()
    text = "".join(pieces) * times
    (one_server.a / "text").write_bytes(text.encode())
    for client, budget in ((small, SMALL), (one_server.client(), 48_000)):
        if budget == SMALL and len(text) > 300_000:
            continue
        found = pages(client, budget, "read_text_file", path="text")
        assert "".join(page.data["content"] for page in found) == text
        part = pages(client, budget, "read_text_file", path="text", offset=2, limit=limit)
        wanted = text.split("\n")[1 : 1 + limit]
        ends = "\n" if len(text.split("\n")) > 1 + limit else ""
        assert "".join(page.data["content"] for page in part) == "\n".join(wanted) + ends
        for more in ({"head": limit}, {"tail": limit}, {"lineNumbers": True}):
            pages(client, budget, "read_text_file", path="text", **more)
        several = pages(client, budget, "read_multiple_files", paths=["text", "inside.txt", "missing", "text"])
        assert "inside" in "".join(page.data["content"] for page in several)


@law
@given(st.integers(0, 10**6), st.integers(1, 400))
def test_long_edits_show_as_much_as_fits(one_server: Attacked, small: RawClient, seed: int, count: int) -> None:
    one_server.fresh()
    chance = random.Random(seed)
    before = "".join(f"{number} {'ab' * chance.randint(0, 40)}\n" for number in range(count))
    for client, budget in ((small, SMALL), (one_server.client(), 48_000)):
        (one_server.a / "text").write_text(before)
        edits = [{"oldText": "a", "newText": "ü" * chance.randint(0, 3), "replaceAll": True}]
        for dry in (True, False):
            reply = bounded(client, "edit_file", budget=budget, path="text", edits=edits, dryRun=dry)
            assert not reply.is_error or "a" not in before, reply.text
        bounded(client, "list_changes", budget=budget, limit=1_000)
