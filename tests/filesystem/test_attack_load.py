"""The attack corpus, number and time: S7, W20 and W21, wrong arguments to every tool, clients that vanish."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from attack_world import Attacked, bounded, linux_only, memory_stays, mounted, root_only

pytestmark = linux_only


@root_only
@pytest.mark.requirement("FILE-57")
@pytest.mark.timeout(280)
def test_s7_a_directory_of_a_million_entries(attacked: Attacked) -> None:
    with mounted(attacked.a / "million", "size=1g,nr_inodes=1100000") as folder:
        descriptor = os.open(folder, os.O_RDONLY)
        os.close(os.open("f", os.O_WRONLY | os.O_CREAT, dir_fd=descriptor))
        for number in range(1_000_000):
            # A link to one file costs a tenth of a file.
            os.link("f", f"entry-{number:07}", src_dir_fd=descriptor, dst_dir_fd=descriptor)
        os.close(descriptor)
        with attacked.served(flags=("--timeout", "2")) as client:
            first = bounded(client, "list_directory", path="million")
            assert not first.is_error, first.text
            # The page must not have cost what the whole directory costs.
            memory_stays(client, 150)
            seen = set(first.data["content"].split("\n"))
            for _ in range(3):
                first = bounded(client, "list_directory", path="million", cursor=first.data["next_cursor"])
                page = set(first.data["content"].split("\n"))
                assert not seen & page
                seen |= page
            for tool, more in (("list_directory_with_sizes", {}), ("directory_tree", {}), ("disk_usage", {}),
                               ("search_files", {"pattern": "*99999"}), ("grep_files", {"pattern": "x"})):  # fmt: skip
                reply = bounded(client, tool, path="million", **more)
                assert not reply.is_error or reply.code == "timeout", (tool, reply.text)
            assert client.call("read_text_file", {"path": "inside.txt"}).text == "inside"


def tree(attacked: Attacked, folders: int, files: int) -> None:
    """So many folders with so many files each."""
    for number in range(folders):
        folder = attacked.a / "tree" / f"folder{number}"
        folder.mkdir(parents=True)
        for name in range(files):
            (folder / f"file{name}").touch()


@pytest.mark.requirement("FILE-57")
def test_w20_calls_that_nobody_waits_for_stop(attacked: Attacked) -> None:
    tree(attacked, 40, 100)
    client = attacked.client()
    tools = ("directory_tree", "disk_usage", "grep_files", "search_files")
    for _ in range(20):
        begun = [
            client.start(tool, {"path": "tree", **({"pattern": "zz"} if tool in tools[2:] else {})}) for tool in tools
        ]
        for identity, _ in begun:
            client.cancel(identity)
    attacked.answers()
    assert not client.call("directory_tree", {"path": "tree", "maxDepth": 1}).is_error


@pytest.mark.requirement("FILE-57")
@pytest.mark.parametrize("how", ["closes", "is gone"])
def test_w20_a_client_that_vanishes(attacked: Attacked, how: str) -> None:
    tree(attacked, 20, 100)
    with attacked.served() as client:
        for _ in range(8):
            client.start("grep_files", {"path": "tree", "pattern": "zz"})
            client.start("write_file", {"path": "f", "content": "whole" * 10_000})
        if how == "is gone":
            # Nobody reads the answers any more.
            assert client.process.stdout is not None
            client.process.stdout.close()
        assert client.process.stdin is not None
        client.process.stdin.close()
        # It ends by itself: nobody kills it.
        assert client.process.wait(60) >= 0
    path = attacked.a / "f"
    assert not path.exists() or path.read_text() == "whole" * 10_000


@pytest.mark.requirement("FILE-57")
def test_w21_a_thousand_calls_at_once(attacked: Attacked) -> None:
    tree(attacked, 5, 20)
    client = attacked.client()
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("read_text_file", {"path": "inside.txt"}),
        ("list_directory", {"path": "tree"}),
        ("directory_tree", {"path": "tree"}),
        ("grep_files", {"path": "tree", "pattern": "zz"}),
        ("write_file", {"path": "shared", "content": "whole"}),
        ("read_text_file", {"path": "../out/secret.txt"}),
        ("search_files", {"path": "tree", "pattern": "**/file1"}),
        ("list_allowed_directories", {}),
    ]
    begun = [(kinds[number % 8][0], *client.start(*kinds[number % 8])) for number in range(1_000)]
    done = 0
    for tool, identity, sent in begun:
        reply = client.receive(identity, sent)
        assert reply.code in ("", "busy", "outside_roots", "stale", "not_found", "already_exists"), (tool, reply.text)
        done += not reply.is_error
    print(f"{done} of 1,000 done, the others were told to come back or refused")
    assert done >= 100
    attacked.answers()
    assert (attacked.a / "shared").read_text() == "whole"


WRONG = [None, 1, -1, 1.5, True, "", "x" * 10_000, [], [None], {}, {"a": 1}, 10**30, "\x00", [[]], "..", float(10**20)]


def wrongs(tool: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Arguments that are wrong in one place each, and some that are wrong altogether."""
    properties: dict[str, Any] = tool["inputSchema"]["properties"]
    # Where nothing may be: what one wrong value lets through must find nothing to do.
    good: dict[str, Any] = dict.fromkeys(tool["inputSchema"].get("required", ()), "missing/x")
    for name, kind in (("edits", [{"oldText": "a", "newText": "b"}]), ("paths", ["missing/x"]), ("files", [])):
        if name in good:
            good[name] = kind
    for name in properties:
        for value in WRONG:
            yield {**good, name: value}
    yield {}
    yield {**good, "nosuch": 1}
    yield {**good, "__proto__": {}, "constructor": 1}
    yield dict.fromkeys(properties)


@pytest.mark.requirement("FILE-57")
def test_wrong_arguments_to_every_tool(attacked: Attacked) -> None:
    client = attacked.client()
    tools = client.request("tools/list").result["tools"]
    assert len(tools) >= 20
    with attacked.watched():
        for tool in tools:
            if tool["name"] == "undo":
                continue
            for arguments in wrongs(tool):
                reply = client.call(tool["name"], arguments)
                assert reply.code != "internal", (tool["name"], arguments, client.stderr()[-1500:])
                assert len(str(reply.message)) < 60_000
                attacked.discreet(reply)
    for name in ("nosuch", "", "read_text_file ", "READ_FILE", "../x", "x" * 10_000, "undo\x00"):
        assert client.call(name, {"path": "inside.txt"}).is_error
    for params in (
        {},
        {"name": None},
        {"name": 1},
        {"name": "read_text_file"},
        {"name": "read_text_file", "arguments": []},
    ):
        assert client.request("tools/call", params).is_error
    attacked.answers()
    assert attacked.a.exists()
    assert os.path.exists(attacked.inside)
