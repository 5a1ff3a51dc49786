"""Reading files over the wire."""

from dataclasses import replace

from benchmarks.common.results import Findings, mb, ms
from benchmarks.common.running import started
from benchmarks.common.timing import take_turns
from benchmarks.filesystem.bench import OFFICIAL, OURS, WHOLE, Bench
from benchmarks.filesystem.calls import Arguments, add_lines, timer

MOST_SMALL, MOST_BIG = 1.0, 0.5
FILES = 200

ABOUT = (
    "p50 (p95) of a call from its request's last byte out to its answer's last byte in. Ours with its default"
    f" switches for small answers and with `{' '.join(WHOLE)}` (name in the line) where the official server sends"
    " more than our budget of 48,000 characters. Every answer holds its text twice, as text and as structured"
    " content, in both servers."
)


def run(bench: Bench) -> Findings:
    """A trivial call, 1 KB, 1 MB, the ends of 50 MB, 200 files."""
    findings = Findings("Reading", ABOUT, f"to {OFFICIAL}")
    small, big, huge = (str(bench.world.sized / name) for name in ("1k.txt", "1m.txt", "50m.txt"))
    several = [str(path) for path in sorted((bench.world.tree / "flat").iterdir())[:FILES]]
    raised = f"{OURS}, budget raised"
    modern = f"{OURS}, 2026-07-28 protocol"
    servers = [*bench.both(), bench.ours(flags=WHOLE, name=raised), replace(bench.ours(name=modern), era="modern")]
    with started(servers, findings) as running:
        clients = {name: client for name, (_, client) in running.items()}

        def measure(
            label: str,
            tool: str,
            arguments: Arguments,
            shape: tuple[int, int],
            ours: str = OURS,
            bar: float | None = None,
            beside: tuple[str, ...] = (OFFICIAL,),
        ) -> None:
            timers = {name: timer(clients[name], tool, arguments) for name in (ours, *beside) if name in clients}
            add_lines(findings, label, take_turns(timers, *shape, warm=5), ours, bar)

        measure("list_allowed_directories", "list_allowed_directories", {}, (20, 15))
        measure("1 KB", "read_text_file", {"path": small}, (30, 20), OURS, MOST_SMALL, (OFFICIAL, modern))
        measure("1 MB", "read_text_file", {"path": big}, (12, 3), raised, MOST_BIG)
        measure("first page of 1 MB", "read_text_file", {"path": big}, (10, 3))
        measure("first 10 lines of 50 MB", "read_text_file", {"path": huge, "head": 10}, (10, 5))
        measure("last 10 lines of 50 MB", "read_text_file", {"path": huge, "tail": 10}, (10, 5))
        measure(f"{FILES} files", "read_multiple_files", {"paths": several}, (10, 1), raised)
        for name, client in clients.items():
            if name in (raised, OFFICIAL):
                reply = client.call("read_text_file", {"path": big})
                findings.notes.append(f"{name}: 1 MB is {mb(reply.size)} on the wire, {ms(reply.seconds)}")
    return findings
