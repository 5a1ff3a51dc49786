"""What the attacks share: folders with canaries, a watch on everything that is opened outside, and a server to attack.

with attacked.watched():             nothing in base/out is opened, made or changed, and the server still answers
    attacked.everywhere("../out/secret.txt")
"""

import contextlib
import ctypes
import json
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from case_world import CANARY, World, command
from raw_client import RawClient, Reply, resident_bytes

BUDGET = 48_000
REFUSED_OUTSIDE = {"outside_roots", "link_loop", "not_found", "not_directory", "not_regular", "invalid_path"}
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="Linux system calls")
root_only = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root: devices, mounts, other users"
)
_EVENTS = 0x00000FFF & ~0x10 & ~0x8
_HEAD = struct.Struct("iIII")


class Watch:
    """Names of what was opened, read, made, changed or removed in folders (not beneath), by inotify."""

    def __init__(self, *folders: Path) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        assert self._fd >= 0
        for folder in folders:
            assert self._libc.inotify_add_watch(self._fd, os.fsencode(folder), _EVENTS) >= 0

    def seen(self) -> list[str]:
        """What happened since the last look."""
        found: list[str] = []
        with contextlib.suppress(BlockingIOError):
            while raw := os.read(self._fd, 1 << 16):
                at = 0
                while at < len(raw):
                    _, mask, _, length = _HEAD.unpack_from(raw, at)
                    name = raw[at + _HEAD.size : at + _HEAD.size + length].rstrip(b"\0")
                    found.append(f"{name.decode(errors='replace') or '.'} {mask:#x}")
                    at += _HEAD.size + length
        return found

    def close(self) -> None:
        """Stops watching."""
        os.close(self._fd)


def calls(path: str, inside: str) -> list[tuple[str, dict[str, Any]]]:
    """Every tool with this path at every place; `inside` is a file that may be touched."""
    edit = [{"oldText": "e", "newText": "x"}]
    return [
        ("read_text_file", {"path": path}),
        ("read_text_file", {"path": path, "head": 1}),
        ("read_text_file", {"path": path, "tail": 1}),
        ("read_file", {"path": path}),
        ("read_media_file", {"path": path}),
        ("list_directory", {"path": path}),
        ("list_directory_with_sizes", {"path": path}),
        ("directory_tree", {"path": path}),
        ("search_files", {"path": path, "pattern": "**"}),
        ("grep_files", {"path": path, "pattern": "."}),
        ("get_file_info", {"path": path, "hash": "sha256"}),
        ("disk_usage", {"path": path}),
        *((("write_file", {"path": path, "content": "x", "mode": mode})) for mode in ("overwrite", "append")),
        ("write_file", {"path": path, "content": "x", "createParents": True}),
        ("edit_file", {"path": path, "edits": edit}),
        ("edit_file", {"path": path, "edits": edit, "dryRun": True}),
        ("edit_files", {"files": [{"path": inside, "edits": edit}, {"path": path, "edits": edit}]}),
        ("copy_path", {"source": path, "destination": inside + ".copy"}),
        ("copy_path", {"source": inside, "destination": path}),
        ("move_file", {"source": inside, "destination": path}),
    ]


def ways_on_names(path: str, inside: str) -> list[tuple[str, dict[str, Any]]]:
    """Those that act on a link itself, never on what it points to."""
    return [
        ("move_file", {"source": path, "destination": inside + ".moved"}),
        ("move_file", {"source": inside, "destination": path, "overwrite": True}),
        ("delete_path", {"path": path}),
        ("delete_path", {"path": path, "recursive": True}),
        ("delete_path", {"path": path, "permanent": True, "recursive": True}),
        ("create_directory", {"path": path}),
    ]


class Attacked(World):
    """A world that is attacked. `inside` stays as it is through every refused call."""

    @property
    def inside(self) -> str:
        """A file in the root that holds "inside" whatever is refused."""
        return str(self.a / "inside.txt")

    def fresh(self) -> None:
        """As World, with the file."""
        super().fresh()
        Path(self.inside).write_text("inside")

    def everywhere(self, path: str, codes: set[str] | None = None, names: bool = True) -> None:
        """Every tool refuses this path, with one of these codes, and says nothing about what is outside."""
        wanted = codes or REFUSED_OUTSIDE
        for tool, arguments in calls(path, self.inside) + (ways_on_names(path, self.inside) if names else []):
            reply = self.client().call(tool, arguments)
            assert reply.is_error, f"{tool} {arguments} went through: {reply.text[:300]}"
            assert reply.code in wanted, f"{tool} {arguments}: {reply.text[:300]}"
            self.discreet(reply, path)
        several = self.client().call("read_multiple_files", {"paths": [path, self.inside]})
        assert several.text.count("inside") >= 1
        assert "Error - " in several.text
        self.discreet(several, path)
        assert Path(self.inside).read_text() == "inside"

    def discreet(self, reply: Reply, path: str = "") -> None:
        """Neither content nor resolved paths of outside."""
        said = str(reply.message)
        assert CANARY not in said
        if str(self.out) not in path:
            assert str(self.out) not in said

    def answers(self) -> None:
        """The server still does what it is for."""
        assert self.client().call("read_text_file", {"path": self.inside}).text == "inside"

    @contextlib.contextmanager
    def watched(self, *more: Path) -> Iterator[None]:
        """Nothing outside is touched meanwhile, and the server answers after it."""
        folders = (self.out, *more)
        before = {folder: _facts(folder) for folder in folders}
        watch = Watch(*folders)
        try:
            yield
            self.answers()
            assert watch.seen() == []
        finally:
            watch.close()
        assert {folder: _facts(folder) for folder in folders} == before

    def served(self, *roots: Path | str, flags: Sequence[str] = (), wrap: Sequence[str] = (), **more: Any) -> RawClient:
        """A client of a server of its own; the caller closes it."""
        program = [*wrap, *command("ours", roots or (self.a,), *flags)]
        return RawClient(program, env={**self.state(), **more.pop("env", {})}, **more)


def _facts(folder: Path) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    for name in (".", *sorted(os.listdir(folder))):
        facts = os.stat(folder / name, follow_symlinks=False)
        found[name] = (facts.st_ino, facts.st_mode, facts.st_size, facts.st_mtime_ns, facts.st_nlink)
    return found


@pytest.fixture(scope="module")
def one_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    world = Attacked(tmp_path_factory.mktemp("attack") / "w")
    world.fresh()
    yield world
    world.close()


@pytest.fixture
def attacked(one_server: Attacked) -> Attacked:
    """The world, fresh; one server for all attacks of a module, so that what one breaks the next one sees."""
    one_server.fresh()
    return one_server


@contextlib.contextmanager
def mounted(folder: Path, options: str, source: str = "none", kind: Sequence[str] = ("-t", "tmpfs")) -> Iterator[Path]:
    """A file system at `folder`; skips where nothing can be mounted."""
    folder.mkdir(exist_ok=True)
    made = subprocess.run(
        ["mount", *kind, "-o", options, source, str(folder)], capture_output=True, text=True, check=False
    )
    if made.returncode:
        pytest.skip(f"mounting needs root: {made.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def another_user() -> list[str]:
    """Words before a command that make it run as nobody; skips where that cannot be."""
    words = ["setpriv", "--reuid=65534", "--clear-groups"]
    if not shutil.which("setpriv") or subprocess.run([*words, sys.executable, "-c", ""], check=False).returncode:
        pytest.skip("needs setpriv, root, and a Python that another user may run")
    return words


def size_of(reply: Reply) -> int:
    """Characters of all channels of a result."""
    texts = sum(len(block.get("text", "")) for block in reply.result["content"])
    return texts + len(json.dumps(reply.result.get("structuredContent", {}), ensure_ascii=False, separators=(",", ":")))


def bounded(client: RawClient, tool: str, *, budget: int = BUDGET, **arguments: Any) -> Reply:
    """A call that comes to its end within its budget."""
    reply = client.call(tool, arguments, 30)
    if "result" in reply.message:
        assert size_of(reply) <= budget, (tool, arguments, size_of(reply))
    return reply


def memory_stays(client: RawClient, megabytes: int) -> None:
    """The server does not hold what it was asked about."""
    assert resident_bytes(client.pid) < megabytes * 1_000_000
