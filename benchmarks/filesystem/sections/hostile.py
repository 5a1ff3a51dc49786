"""Patterns that hang an engine which goes back and tries again."""

from typing import Any

from benchmarks.common.results import Findings, ms
from benchmarks.common.running import started
from benchmarks.filesystem.bench import OURS, Bench

MOST_MS = 200.0
EXPRESSIONS = (
    r"(a+)+$", r"(a|aa)+$", r"^(([a-z])+.)+[A-Z]([a-z])+$", r"(.*a){20}$", r"(a*)*b", r"([a-zA-Z]+)*\d", r"(x+x+)+y",
    r"(?i)(.*)(.*)(.*)(.*)(.*)[^a]$", r"(a?){50}a{50}b", r"^(a+b?)+$",
)  # fmt: skip
GLOBS = ("*a" * 12 + "*b", "**/" * 10 + "*b", "+(a|aa|aaa)b", "*(+(a))b", "{a,aa}" * 6 + "*b", "@(*a*|*aa*)*b")


def run(bench: Bench) -> Findings:
    """The longest answer of each kind."""
    about = (
        f"`grep_files` with {len(EXPRESSIONS)} expressions on a file of one line of 100,000 letters and on 200 lines of"
        f" 500, and `search_files` with {len(GLOBS)} globs over 300 names of up to 200 letters: the longest answer, and"
        " which pattern it was. The official server has no search in files; its globs may hang it and are not tried."
    )
    findings = Findings("Hostile patterns", about, "median")
    folder = bench.scratch / "hostile"
    folder.mkdir()
    (folder / "line.txt").write_text("a" * 100_000 + "!\n", encoding="ascii")
    (folder / "lines.txt").write_text(("a" * 500 + "!\n") * 200, encoding="ascii")
    for number in range(300):
        (folder / ("a" * (number % 190 + 1) + f"{number}")).touch()
    asked: dict[str, list[tuple[str, dict[str, Any]]]] = {
        "grep_files": [(one, {"path": str(folder), "pattern": one}) for one in EXPRESSIONS],
        "search_files": [(one, {"path": str(folder), "pattern": one}) for one in GLOBS],
    }
    with started([bench.ours(folder)], findings) as running:
        if OURS not in running:
            return findings
        client = running[OURS][1]
        client.call("grep_files", {"path": str(folder), "pattern": "warm"}).text  # noqa: B018
        for tool, questions in asked.items():
            seconds: list[tuple[float, str]] = []
            for pattern, arguments in questions:
                reply = client.call(tool, arguments)
                seconds.append((reply.seconds, pattern))
                if reply.message.get("result", {}).get("isError"):
                    findings.notes.append(f"{tool} refused `{pattern}`")
            longest, pattern = max(seconds)
            middle = sorted(seconds)[len(seconds) // 2][0]
            bar = (f"<= {MOST_MS:g} ms", longest * 1000 <= MOST_MS)
            findings.add(f"{OURS}, {tool}", f"{ms(longest)}, `{pattern.replace('|', chr(92) + '|')}`", ms(middle), *bar)
    return findings
