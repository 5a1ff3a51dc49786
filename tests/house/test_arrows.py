"""Imports run one way: servers -> shared -> SDK and libraries. Guards know nothing of MCP."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHARED = ROOT / "shared" / "src" / "mcp_servers_shared"
SERVERS = {path.name: path for path in (ROOT / "servers").glob("*/src/mcp_servers_*")}
MCP = {"mcp", "mcp_types"}
# What speaks MCP in a server of flat rooms; everything else in it is domain.
SPEAKS_MCP = {"app.py", "client_roots.py", "resources.py", "server.py", "watching.py"}


def domain_of(server: str) -> list[Path]:
    """The domain modules of a server whose rooms lie flat."""
    return sorted(path for path in SERVERS[server].glob("*.py") if path.name not in SPEAKS_MCP)


WORKER_MAY_IMPORT = {"mcp_servers_shared.guard", "mcp_servers_shared.errors", "mcp_servers_sqlite.engine"}
STANDARD_LIBRARY_ONLY = [SHARED / "guard", SHARED / "errors.py", SHARED / "__init__.py", SHARED / "audit"]
NO_MCP = [
    *STANDARD_LIBRARY_ONLY,
    SHARED / "state.py",
    SHARED / "cursors.py",
    SHARED / "limits.py",
    SHARED / "call.py",
    *(SERVERS["mcp_servers_sqlite"] / name for name in ("pool.py", "databases.py", "limits.py", "memo.py", "engine")),
    *domain_of("mcp_servers_filesystem"),
]


def files(place: Path) -> list[Path]:
    return sorted(place.rglob("*.py")) if place.is_dir() else [place]


def imports(path: Path) -> list[str]:
    """Every module that `path` imports, at the top or inside a function."""
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide where an arrow points"
            found.append(node.module or "")
    return found


def top(module: str) -> str:
    return module.split(".")[0]


@pytest.mark.parametrize("place", NO_MCP, ids=lambda place: place.relative_to(ROOT).as_posix())
def test_domain_and_guard_modules_import_no_mcp(place: Path) -> None:
    for path in files(place):
        assert not MCP & {top(module) for module in imports(path)}, path


@pytest.mark.parametrize("place", STANDARD_LIBRARY_ONLY, ids=lambda place: place.name)
def test_guards_import_the_standard_library_only(place: Path) -> None:
    for path in files(place):
        outside = {module for module in imports(path) if top(module) not in sys.stdlib_module_names}
        assert all(top(module) == "mcp_servers_shared" for module in outside), (path, outside)


def test_what_runs_in_a_worker_imports_only_the_guard_and_the_engine() -> None:
    for path in files(SERVERS["mcp_servers_sqlite"] / "engine"):
        for module in imports(path):
            if top(module) not in sys.stdlib_module_names:
                assert any(module == one or module.startswith(one + ".") for one in WORKER_MAY_IMPORT), (path, module)


def test_shared_imports_no_server_and_no_server_another() -> None:
    for path in files(SHARED):
        assert not {top(module) for module in imports(path)} & set(SERVERS), path
    for name, place in SERVERS.items():
        for path in files(place):
            others = {top(module) for module in imports(path)} & (set(SERVERS) - {name})
            assert not others, (path, others)


def test_private_sdk_names_live_in_compat_alone() -> None:
    for place in [SHARED, *SERVERS.values()]:
        for path in files(place):
            if path != SHARED / "compat.py":
                private = [one for one in imports(path) if top(one) in MCP and "._" in one]
                assert not private, (path, private)
                assert "_lowlevel_server" not in path.read_text(encoding="utf-8"), path


def test_servers_never_print() -> None:
    for place in [SHARED, *(path for name, path in SERVERS.items() if name != "mcp_servers_bundle")]:
        for path in files(place):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
                assert not named, f"{path}:{node.lineno} prints; stdout is the protocol"


@pytest.mark.requirement("CMD-1")
def test_no_shell_no_eval_no_pickle() -> None:
    forbidden = {"eval", "exec", "__import__"}
    modules = {"pickle", "marshal", "shelve", "dill"}
    for place in [SHARED, *SERVERS.values()]:
        for path in files(place):
            assert not modules & {top(module) for module in imports(path)}, path
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    name = node.func.id if isinstance(node.func, ast.Name) else ""
                    assert name not in forbidden, f"{path}:{node.lineno}"
                    shell = [word for word in node.keywords if word.arg == "shell"]
                    assert not shell, f"{path}:{node.lineno} passes shell="
