"""The way of macOS, played with a flag that Linux has too: what it must never pass, it hands to the walk."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mcp_servers_shared.errors import PathRefused
from mcp_servers_shared.guard import _beneath
from mcp_servers_shared.guard.paths import Root


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The paths that were opened in one call. As on macOS, a link anywhere in one is ELOOP."""
    seen: list[bytes] = []
    real = os.open

    def no_links(path: bytes, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if isinstance(path, bytes) and flags & _beneath._NO_FOLLOW_ANY and dir_fd is not None:
            flags &= ~_beneath._NO_FOLLOW_ANY
            seen.append(path)
            parts = path.split(b"/")
            for index in range(len(parts)):
                try:
                    os.readlink(b"/".join(parts[: index + 1]), dir_fd=dir_fd)
                except OSError:
                    continue
                raise OSError(errno.ELOOP, "a link")
        return real(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(_beneath, "_NO_FOLLOW_ANY", 1 << 40)
    monkeypatch.setattr(_beneath.os, "open", no_links)
    return seen


@pytest.mark.requirement("PATH-1")
@pytest.mark.parametrize(
    ("path", "outcome"),
    [("a/f", b"inner"), ("link/f", b"inner"), ("out/f", "outside_roots"), ("a/../../out/f", "outside_roots")],
)
def test_links_are_left_to_the_walk(tmp_path: Path, calls: list[bytes], path: str, outcome: bytes | str) -> None:
    root = tmp_path / "root"
    (root / "a").mkdir(parents=True)
    (root / "a" / "f").write_bytes(b"inner")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "f").write_bytes(b"outer")
    (root / "link").symlink_to("a")
    (root / "out").symlink_to(tmp_path / "out")

    def read() -> bytes:
        with Root(root, way="walk") as opened:
            descriptor = opened.open(path, os.O_RDONLY)
            try:
                return os.read(descriptor, 10)
            finally:
                os.close(descriptor)

    _compare(read, outcome)
    assert (path.encode() in calls) == (".." not in path)


def _compare(read: Callable[[], bytes], outcome: bytes | str) -> None:
    if isinstance(outcome, bytes):
        assert read() == outcome
        return
    with pytest.raises(PathRefused) as caught:
        read()
    assert caught.value.code == outcome
