"""Several who write at once: one after the other, or one is told; never a torn file, never a lost one."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from file_sessions import call, settings, text_of
from file_world import edit, left_behind, tree, writing

from mcp_servers_filesystem import replacing
from mcp_servers_filesystem.deadlines import Deadline
from mcp_servers_filesystem.moving import move
from mcp_servers_filesystem.undoing import undo
from mcp_servers_shared.errors import Busy, InvalidInput, ServerError

pytestmark = pytest.mark.requirement("FILE-47")

_APPENDING = """
import sys
from pathlib import Path
from file_world import writing
root, state, name, mode = sys.argv[1:]
for number in range(40):
    with writing(Path(root), Path(state)) as writer:
        line = f"{name} {number} " + "x" * 5_000 + chr(10)
        if mode == "append":
            writer.write(root + "/log.txt", line, "append", None, False)
        else:
            writer.write(root + "/whole.txt", line * 20, "overwrite", None, False)
"""


def processes(root: Path, state: Path, mode: str) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    running = [
        subprocess.Popen([sys.executable, "-c", _APPENDING, str(root), str(state), name, mode], env=environment)
        for name in ("one", "two", "three")
    ]
    assert [one.wait(timeout=120) for one in running] == [0, 0, 0]


def test_three_processes_append(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    processes(root, tmp_path / "state", "append")
    lines = (root / "log.txt").read_text().splitlines()
    assert {tuple(line.split(" ")[:2]) for line in lines} == {
        (name, str(number)) for name in ("one", "two", "three") for number in range(40)
    }
    assert len(lines) == 120
    assert {len(line.split(" ")[2]) for line in lines} == {5_000}
    assert not left_behind(root)


def test_three_processes_overwrite_and_all_is_undone(tmp_path: Path) -> None:
    root, state = tmp_path / "root", tmp_path / "state"
    root.mkdir()
    processes(root, state, "overwrite")
    assert len(set((root / "whole.txt").read_text().splitlines())) == 1
    with writing(root, state) as writer:
        changes = writer.journal.changes()
        assert len(changes) == 120
        for change in changes:
            undo(writer, change.id)
    assert not tree(root)


def test_threads_of_one_server_edit_one_after_the_other(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    path = tmp_path / "root" / "a.txt"
    path.write_text("".join(f"<{number}>\n" for number in range(24)))
    with writing(tmp_path / "root", tmp_path / "state") as writer:

        def work(first: int) -> None:
            for number in range(first, 24, 4):
                writer.edit([edit(str(path), f"<{number}>", f"[{number}]")], False)

        threads = [threading.Thread(target=work, args=(first,)) for first in range(4)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
    assert path.read_text() == "".join(f"[{number}]\n" for number in range(24))


@pytest.mark.parametrize("by", ["replacing", "writing in place", "removing", "a link", "a directory"])
def test_what_another_program_wrote_meanwhile_stays(by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "root"
    root.mkdir()
    path = root / "a.txt"
    path.write_text("one\n")
    (root / "target").write_text("of the link")
    real = replacing.write_temporary

    def meanwhile(*arguments: object) -> None:
        real(*arguments)  # pyright: ignore
        if by == "writing in place":
            path.write_text("theirs, longer\n")
            return
        path.unlink()
        if by == "replacing":
            path.write_text("two\n")
        elif by == "a link":
            path.symlink_to("target")
        elif by == "a directory":
            path.mkdir()

    with writing(root, tmp_path / "state") as writer:
        monkeypatch.setattr(replacing, "write_temporary", meanwhile)
        with pytest.raises(ServerError) as caught:
            writer.edit([edit(str(path), "one", "1")], False)
        assert caught.value.code in ("stale", "not_found"), caught.value
        monkeypatch.undo()
    if by == "replacing":
        assert path.read_text() == "two\n"
    elif by == "writing in place":
        assert path.read_text() == "theirs, longer\n"
    elif by == "a link":
        assert path.is_symlink()
        assert (root / "target").read_text() == "of the link"
    assert not left_behind(root)


def test_a_new_name_taken_meanwhile_is_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "root"
    root.mkdir()
    path = root / "a.txt"
    real = replacing.write_temporary

    def meanwhile(*arguments: object) -> None:
        real(*arguments)  # pyright: ignore
        path.write_text("theirs")

    with writing(root, tmp_path / "state") as writer:
        monkeypatch.setattr(replacing, "write_temporary", meanwhile)
        with pytest.raises(InvalidInput) as caught:
            writer.write(str(path), "ours", "overwrite", None, False)
        assert caught.value.code == "already_exists"
    assert path.read_text() == "theirs"
    assert not left_behind(root)


def test_two_moves_to_one_name(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    for number in range(20):
        (root / f"a{number}").write_text(str(number))
    refused: list[str] = []
    with writing(root, tmp_path / "state") as writer:

        def work(numbers: range) -> None:
            for number in numbers:
                try:
                    move(writer, f"{root}/a{number}", f"{root}/b", False)
                except InvalidInput as error:
                    refused.append(error.code)

        threads = [threading.Thread(target=work, args=(range(start, 20, 4),)) for start in range(4)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
    assert refused == ["already_exists"] * 19
    assert len(list(root.iterdir())) == 20


def test_who_waits_too_long_is_told(tmp_path: Path) -> None:
    import fcntl

    root, state = tmp_path / "root", tmp_path / "state"
    root.mkdir()
    with writing(root, state) as writer:
        writer.write(f"{root}/a.txt", "", "overwrite", None, False)
    with (state / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with writing(root, state) as writer, pytest.raises(Busy), writer.journal.changing(Deadline(0.2)):
            pass


def test_a_planted_trash_is_not_used(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "outside").mkdir()
    (root / ".mcp-trash").symlink_to(tmp_path / "outside")
    (root / "a.txt").write_text("mine")
    result = call(settings(root), "delete_path", path=str(root / "a.txt"))
    assert result.is_error, text_of(result)
    assert (root / "a.txt").read_text() == "mine"
    assert not list((tmp_path / "outside").iterdir())
