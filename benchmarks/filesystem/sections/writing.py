"""Writing and editing."""

import itertools
import shutil
from pathlib import Path

from benchmarks.common.results import Findings
from benchmarks.common.running import started
from benchmarks.common.timing import take_turns
from benchmarks.filesystem.bench import OFFICIAL, OURS, WHOLE, Bench
from benchmarks.filesystem.calls import add_lines, timer

CONTENT = "one line of sixty-three characters, as much as it takes, and so.\n" * 16


def run(bench: Bench) -> Findings:
    """New files, overwritten ones, edits."""
    about = (
        "Ours syncs each file to disk, keeps the earlier content for undo and writes a journal; the official one does"
        " none of these. For information: there is no bar."
    )
    findings = Findings("Writing", about, f"to {OFFICIAL}")
    folder = bench.state / "writing"
    folder.mkdir()
    servers = [bench.ours(folder, flags=("--allow-writes", *WHOLE)), *bench.official(folder)]
    with started(servers, findings) as running:
        clients = {name: client for name, (_, client) in running.items()}
        places = {name: folder / name.replace(" ", "-") for name in clients}
        for place in places.values():
            place.mkdir()
            (place / "over.txt").write_text(CONTENT, encoding="ascii")
            (place / "small.txt").write_text(CONTENT + "state is here: 0\n", encoding="ascii")
            shutil.copy(bench.world.sized / "edit.txt", place / "big.txt")
            with (place / "big.txt").open("a", encoding="ascii") as file:
                file.write("\nstate is here: 0\n")
        counters = {name: itertools.count() for name in clients}

        def new(name: str) -> dict[str, object]:
            return {"path": str(places[name] / f"new{next(counters[name])}.txt"), "content": CONTENT}

        def over(name: str) -> dict[str, object]:
            return {"path": str(places[name] / "over.txt"), "content": f"{next(counters[name])} {CONTENT}"}

        def edit(path: Path, name: str) -> dict[str, object]:
            text = path.read_text(encoding="ascii")
            line = text[text.rindex("state is here") :].rstrip("\n")
            return {
                "path": str(path),
                "edits": [{"oldText": line, "newText": f"state is here: {next(counters[name])}x"}],
            }

        for label, tool, make, rounds in (
            ("1 KB, new", "write_file", new, 20),
            ("1 KB, over another", "write_file", over, 20),
            ("edit of 1 KB", "edit_file", lambda name: edit(places[name] / "small.txt", name), 20),
            ("edit of 1 MB", "edit_file", lambda name: edit(places[name] / "big.txt", name), 8),
        ):
            timers = {
                name: timer(client, tool, lambda name=name, make=make: make(name)) for name, client in clients.items()
            }
            add_lines(findings, label, take_turns(timers, rounds, 2, warm=2), OURS, None)
    return findings
