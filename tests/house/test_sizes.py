"""Files stay small enough to read at once."""

import ast
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
MOST_FILE_LINES = 300
MOST_FUNCTION_LINES = 40


def python_files() -> list[Path]:
    folders = [ROOT / "shared" / "src", *sorted((ROOT / "servers").glob("*/src")), ROOT / "tests", ROOT / "benchmarks"]
    return [path for folder in folders for path in sorted(folder.rglob("*.py"))]


def too_large() -> dict[str, int]:
    found: dict[str, int] = {}
    for path in python_files():
        text = path.read_text(encoding="utf-8")
        name = path.relative_to(ROOT).as_posix()
        lines = text.count("\n")
        if lines > MOST_FILE_LINES:
            found[name] = lines
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > MOST_FUNCTION_LINES:
                    found[f"{name}::{node.name}"] = length
    return found


def test_nothing_is_too_large_without_a_reason() -> None:
    text = (Path(__file__).parent / "size_exceptions.toml").read_text(encoding="utf-8")
    exceptions = tomllib.loads(text)["exceptions"]
    found = too_large()
    unexplained = {name: lines for name, lines in found.items() if not exceptions.get(name)}
    assert not unexplained, f"split these, or say why not in size_exceptions.toml: {unexplained}"
    stale = set(exceptions) - set(found)
    assert not stale, f"these are small enough now, remove their exceptions: {stale}"
