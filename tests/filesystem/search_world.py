"""Trees and one caller's space, without a server: for laws over many searches."""

import os
import subprocess
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st

from mcp_servers_filesystem.deadlines import Deadline
from mcp_servers_filesystem.deny import Deny
from mcp_servers_filesystem.space import Space
from mcp_servers_shared.guard.paths import Root, Roots

LAW = settings(deadline=None, max_examples=60)
"""The machine may be busy: no law is about time."""
DEPTH = 1_200
MUCH = 10**9
NAMES = [
    "a",
    "b",
    "ab",
    "a.py",
    "b.py",
    ".env",
    "src",
    "node_modules",
    "é",
    "x y",
    "build",
    "log.txt",
    "keep.log",
    "#a",
]
PATHS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map("/".join)
TREES = st.dictionaries(PATHS, st.sampled_from([b"", b"needle\n", b"a\nneedle b\nc\n"]), max_size=14)


def deadline() -> Deadline:
    """Time enough."""
    return Deadline(60)


def grow(root: Path, files: Mapping[str, bytes]) -> None:
    """Writes these files; one whose way is blocked by another is left out."""
    for path, content in files.items():
        place = root / path
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        except (NotADirectoryError, IsADirectoryError, FileExistsError):
            continue


@contextmanager
def grown(files: Mapping[str, bytes]) -> Generator[Path]:
    """A directory of its own with these files, for one example of a law."""
    with TemporaryDirectory() as folder:
        root = Path(os.path.realpath(folder))
        grow(root, files)
        yield root


@contextmanager
def space_of(root: Path, *deny: str, secrets: bool = False, **more: object) -> Generator[Space]:
    """What a caller may touch when `root` is all there is."""
    with Roots([Root(root)]) as roots:
        yield Space(roots, Deny(deny, secrets=secrets), **more)  # type: ignore[arg-type]


def everything(root: Path) -> list[str]:
    """Every path below, as an independent walk finds them, in the order of a walk from above."""
    found: list[str] = []

    def look(folder: bytes, prefix: bytes) -> None:
        for name in sorted(os.listdir(folder)):
            found.append(os.fsdecode(prefix + name))
            path = folder + b"/" + name
            if os.path.isdir(path) and not os.path.islink(path):
                look(path, prefix + name + b"/")

    look(os.fsencode(root), b"")
    return found


@pytest.fixture
def deep(tmp_path: Path) -> Generator[Path]:
    """A tree of 1,200 levels with a file at its bottom, and one beside it."""
    (tmp_path / "z").write_bytes(b"")
    here = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    for _ in range(DEPTH - 1):
        os.mkdir("deep_deep", dir_fd=here)
        below = os.open("deep_deep", os.O_RDONLY | os.O_DIRECTORY, dir_fd=here)
        os.close(here)
        here = below
    bottom = os.open("bottom.txt", os.O_WRONLY | os.O_CREAT, dir_fd=here)
    os.write(bottom, b"needle at the bottom\n")
    os.close(bottom)
    os.close(here)
    yield tmp_path
    # Python's own removal recurses, and pytest's at the end of the session would fail.
    subprocess.run(["rm", "-rf", str(tmp_path / "deep_deep")], check=True)
