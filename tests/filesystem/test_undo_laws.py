"""Laws of undo: whatever was done, taking it back gives the same tree: names, bytes, modes, links."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from file_world import edit, filled, left_behind, tree, writing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcp_servers_filesystem.moving import copy, delete, move
from mcp_servers_filesystem.undoing import undo
from mcp_servers_filesystem.writing import Writer
from mcp_servers_shared.errors import ServerError

NAMES = ["a.txt", "b.txt", "big.log", "d", "d/e.txt", "d/f", "d/f/g.txt", "link", "l\u00e4nge.txt"]
names = st.sampled_from(NAMES)
texts = st.sampled_from(["", "one\n", "one\ntwo\n", "three\r\n", "x" * 5_000])
Action = Callable[[Writer, str], Any]


def at(root: str, name: str) -> str:
    return f"{root}/{name}"


actions = st.one_of(
    st.builds(lambda n, t: lambda w, r: w.write(at(r, n), t, "overwrite", None, False), names, texts),
    st.builds(lambda n, t: lambda w, r: w.write(at(r, n), t, "append", None, False), names, texts),
    st.builds(lambda n, t: lambda w, r: w.write(at(r, f"new/{n}"), t, "create", None, True), names, texts),
    st.builds(lambda n: lambda w, r: w.edit([edit(at(r, n), "one", "1")], False), names),
    st.builds(
        lambda n, m: lambda w, r: w.edit([edit(at(r, n), "o", "0", every=True), edit(at(r, m), "one", "1")], False),
        names,
        names,
    ),
    st.builds(lambda n: lambda w, r: w.create_directory(at(r, f"{n}/new/deeper")), names),
    st.builds(lambda n, m, o: lambda w, r: move(w, at(r, n), at(r, m), o), names, names, st.booleans()),
    st.builds(lambda n, m: lambda w, r: copy(w, at(r, n), at(r, m)), names, names),
    st.builds(lambda n: lambda w, r: delete(w, at(r, n), True), names),
)


@pytest.mark.requirement("FILE-36")
@pytest.mark.parametrize("elsewhere", [False, True], ids=["same file system", "journal on another"])
def test_undoing_all_gives_the_tree_back(elsewhere: bool) -> None:
    if elsewhere and not os.access("/dev/shm", os.W_OK):
        pytest.skip("no second file system at /dev/shm")

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(actions, min_size=1, max_size=12))
    def law(steps: list[Action]) -> None:
        with (
            tempfile.TemporaryDirectory() as folder,
            tempfile.TemporaryDirectory(dir="/dev/shm" if elsewhere else folder) as state,
        ):
            root = Path(folder, "root")
            root.mkdir()
            filled(root)
            before = [tree(root)]
            with writing(root, Path(state)) as writer:
                for step in steps:
                    was = tree(root)
                    try:
                        step(writer, str(root))
                    except ServerError:
                        assert tree(root) == was
                    if len(writer.journal.changes()) and tree(root) != was:
                        before.append(tree(root))
                assert not left_behind(root)
                standing = [one for one in writer.journal.changes() if one.state == "done" and one.steps]
                for change in standing:
                    undo(writer, change.id)
                    assert tree(root) in before
            assert tree(root) == before[0]
            assert not left_behind(root)

    law()


@pytest.mark.requirement("FILE-36")
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(actions)
def test_an_undo_can_be_undone(action: Action) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "root")
        root.mkdir()
        filled(root)
        with writing(root, Path(folder, "state")) as writer:
            before = tree(root)
            try:
                action(writer, str(root))
            except ServerError:
                return
            if not [one for one in writer.journal.changes() if one.state == "done" and one.steps]:
                return
            after = tree(root)
            _, done = undo(writer, None)
            if "new" not in after:
                assert tree(root) == before
            undo(writer, done.id)
            assert tree(root) == after
