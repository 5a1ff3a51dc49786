"""Writing and editing."""

import shutil
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from pathlib import Path

from benchmarks.common.results import Findings
from benchmarks.common.running import started
from benchmarks.common.timing import take_turns
from benchmarks.filesystem.bench import OFFICIAL, OURS, WHOLE, Bench
from benchmarks.filesystem.calls import Arguments, add_lines, timer

CONTENT = "one line of sixty-three characters, as much as it takes, and so.\n" * 16


def run(bench: Bench) -> Findings:
    """New files, overwritten ones, edits."""
    about = (
        "Ours syncs each file to disk, keeps the earlier content for undo and writes a journal; the official one does"
        " none of these. For information: there is no bar."
    )
    findings = Findings("Writing", about, f"to {OFFICIAL}")
    folder = bench.scratch / "writing"
    folder.mkdir()
    servers = [bench.ours(folder, flags=("--allow-writes", *WHOLE)), *bench.official(folder)]
    with started(servers, findings) as running:
        clients = {name: client for name, (_, client) in running.items()}
        places = {name: _Place(folder / name.replace(" ", "-"), bench.world.sized / "edit.txt") for name in clients}
        for label, tool, work, rounds in CALLS:
            timers = {name: timer(client, tool, partial(work, places[name])) for name, client in clients.items()}
            add_lines(findings, label, take_turns(timers, rounds, 2, warm=2), OURS, None)
    return findings


class _Place:
    """A folder of one server, and the arguments of its next call."""

    def __init__(self, folder: Path, big: Path) -> None:
        self._folder = folder
        self._numbers = count()
        folder.mkdir()
        (folder / "small.txt").write_text(f"{CONTENT}state is here: none\n", encoding="ascii")
        shutil.copy(big, folder / "big.txt")
        with (folder / "big.txt").open("a", encoding="ascii") as file:
            file.write("\nstate is here: none\n")

    def new(self) -> Arguments:
        return {"path": str(self._folder / f"new{next(self._numbers)}.txt"), "content": CONTENT}

    def over(self) -> Arguments:
        return {"path": str(self._folder / "over.txt"), "content": f"{next(self._numbers)} {CONTENT}"}

    def small(self) -> Arguments:
        return self._edit(self._folder / "small.txt")

    def big(self) -> Arguments:
        return self._edit(self._folder / "big.txt")

    def _edit(self, path: Path) -> Arguments:
        text = path.read_text(encoding="ascii")
        line = text[text.rindex("state is here") :].rstrip("\n")
        edit = {"oldText": line, "newText": f"state is here: {next(self._numbers)}x"}
        return {"path": str(path), "edits": [edit]}


CALLS: Sequence[tuple[str, str, Callable[[_Place], Arguments], int]] = (
    ("1 KB, new", "write_file", _Place.new, 20),
    ("1 KB, over another", "write_file", _Place.over, 20),
    ("edit of 1 KB", "edit_file", _Place.small, 20),
    ("edit of 1 MB", "edit_file", _Place.big, 8),
)
