"""What a server's processes hold and do, read from /proc."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Memory:
    """Bytes of a process: resident, and resident with shared pages divided among those who share them."""

    rss: int
    pss: int


def descendants(pid: int) -> list[int]:
    """Process ids of the children of `pid` and of theirs."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*"):
        try:
            children = [int(word) for word in (task / "children").read_text(encoding="ascii").split()]
        except OSError:
            continue
        for child in children:
            found += [child, *descendants(child)]
    return sorted(found)


def memory(pid: int) -> Memory:
    """What a process holds now."""
    fields = {"Rss": 0, "Pss": 0}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]:
        name, _, value = line.partition(":")
        if name in fields:
            fields[name] = int(value.split()[0]) * 1024
    return Memory(fields["Rss"], fields["Pss"])


def peak_rss(pid: int) -> int:
    """The most bytes a process ever held."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def is_running(pid: int) -> bool:
    """Whether a process computes or wants to, rather than waits or is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] == "R"
