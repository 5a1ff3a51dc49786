"""docs/security.md and the tests agree: every promise has a test, every mark names a promise."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| ([A-Z]+-\d+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def promised() -> dict[str, tuple[str, str]]:
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    return {match[1]: (match[2].strip(), match[3].strip()) for match in ROW.finditer(text)}


def marked() -> dict[str, list[str]]:
    """Requirement ids by the tests that declare them."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("mark.requirement"):
                for argument in node.args:
                    assert isinstance(argument, ast.Constant), f"{path}:{node.lineno}: write the id itself"
                    found.setdefault(str(argument.value), []).append(f"{path.name}:{node.lineno}")
    return found


def test_every_promise_has_a_test() -> None:
    missing = sorted(set(promised()) - set(marked()))
    assert not missing, f"docs/security.md promises what no test proves: {missing}"


def test_every_mark_names_a_promise() -> None:
    table = promised()
    unknown = {name: places for name, places in marked().items() if name not in table}
    assert not unknown, f"add these to docs/security.md or correct the mark: {unknown}"


def test_the_table_is_well_formed() -> None:
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    assert len(ROW.findall(text)) == len(promised()) >= 20, "an id is there twice, or rows are missing"
    for name, (sentence, source) in promised().items():
        assert sentence.endswith("."), name
        assert source, name


def test_a_mark_without_ids_is_no_proof(pytestconfig: pytest.Config) -> None:
    assert any(line.startswith("requirement(") for line in pytestconfig.getini("markers"))
