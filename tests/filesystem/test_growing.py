"""A journal is read once, however it grows, is cut short by a kill, or is written anew."""

import json
from pathlib import Path
from typing import Any

from mcp_servers_filesystem.growing import GrowingLines


def take(known: dict[str, int], record: dict[str, Any]) -> None:
    known[record["id"]] = record["value"]


def line(name: str, value: int) -> str:
    return json.dumps({"id": name, "value": value}) + "\n"


def test_lines_are_taken_as_they_come(tmp_path: Path) -> None:
    path, lines = tmp_path / "lines", GrowingLines[int](take)
    assert lines.values(path) == []
    path.write_text(line("a", 1))
    assert lines.values(path) == [1]
    with path.open("a") as file:
        file.write(line("b", 2) + line("a", 3) + line("c", 4)[:-4])
    assert lines.values(path) == [3, 2]
    with path.open("a") as file:
        file.write("\nnonsense\n[]\n{}\n" + line("d", 5))
    assert lines.values(path) == [3, 2, 5]


def test_a_file_written_anew_is_read_anew(tmp_path: Path) -> None:
    path, lines = tmp_path / "lines", GrowingLines[int](take)
    path.write_text(line("a", 1) + line("b", 2))
    assert lines.values(path) == [1, 2]
    path.write_text(line("b", 2) + line("c", 3) + line("d", 4))
    assert lines.values(path) == [2, 3, 4]
    path.write_text(line("b", 2))
    assert lines.values(path) == [2]
    path.unlink()
    assert lines.values(path) == []
