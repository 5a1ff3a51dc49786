"""`mcp-servers-bundle audit`: read and check audit logs."""

from pathlib import Path
from typing import Any

from mcp_servers_bundle.console import Console
from mcp_servers_shared.audit import tail, verify
from mcp_servers_shared.guard.untrusted import visible

_MOST_PROBLEMS = 20


def verify_command(path: Path) -> int:
    """Exit code 0 when the log is whole, 1 when it is not, 2 when there is none."""
    console = Console()
    if not path.is_file():
        console.line(f"{path}: there is no such log", "red")
        return 2
    return 0 if show_verification(console, path) else 1


def tail_command(path: Path, lines: int) -> int:
    """Show the newest records."""
    console = Console()
    if not path.is_file():
        console.line(f"{path}: there is no such log", "red")
        return 2
    show_tail(console, path, lines)
    return 0


def show_verification(console: Console, path: Path) -> bool:
    """Print what `verify` found; whether the log is whole."""
    found = verify(path)
    if found.ok:
        console.line(f"    whole: {found.records} records, no change found", "green")
    for problem in found.problems[:_MOST_PROBLEMS]:
        console.line(f"    {problem.kind} at line {problem.line}: {visible(problem.sentence)}", "red")
    if len(found.problems) > _MOST_PROBLEMS:
        console.line(f"    and {len(found.problems) - _MOST_PROBLEMS} more", "red")
    return found.ok


def show_tail(console: Console, path: Path, lines: int) -> None:
    """Print the newest records, one a line."""
    for record in tail(path, lines):
        console.line("    " + visible(_one_line(record)), *_style(record))


def _one_line(record: dict[str, Any]) -> str:
    decision = record.get("decision", record.get("phase", ""))
    what = f"{record.get('method', '')} {record.get('target', '')}".strip()
    facts = [f"{name}={record[name]}" for name in ("code", "rule", "database", "rows", "duration_ms") if name in record]
    return f"{str(record.get('time', ''))[:19]} {decision:<9} {what:<32} {' '.join(facts)}"


def _style(record: dict[str, Any]) -> tuple[str, ...]:
    return {"refused": ("red",), "error": ("red",), "confirmed": ("green",), "asked": ("yellow",)}.get(
        str(record.get("decision")), ()
    )
