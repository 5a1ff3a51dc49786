"""The branches for macOS, Windows and systems without renameat2, on fakes of what those systems do."""

import errno
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mcp_servers_shared.errors import PathRefused
from mcp_servers_shared.guard import _beneath, _lexical, _real_path, _windows, renaming
from mcp_servers_shared.guard._walk import Base, Leaves
from mcp_servers_shared.guard.paths import Root

_ANY = 1 << 29
linux = pytest.mark.skipif(sys.platform != "linux", reason="fakes macOS by openat2")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    place = tmp_path / "root"
    (place / "sub").mkdir(parents=True)
    (place / "sub" / "f").write_text("inside")
    (tmp_path / "secret").write_text("secret")
    (place / "inner").symlink_to("sub")
    (place / "out").symlink_to(tmp_path)
    (place / "sub" / "up").symlink_to("../sub/f")
    return place


class Mac:
    """`os` where O_NOFOLLOW_ANY refuses every link on the way, as macOS does; by openat2."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def open(self, path: bytes, flags: int, mode: int = 0, *, dir_fd: int | None = None) -> int:
        if not flags & _ANY:
            return os.open(path, flags, mode, dir_fd=dir_fd)
        assert dir_fd is not None
        assert not flags & os.O_NOFOLLOW
        self.asked.append(path)
        from mcp_servers_shared.guard._openat2 import RESOLVE_NO_SYMLINKS, openat2

        return openat2(dir_fd, path, flags & ~_ANY, mode, RESOLVE_NO_SYMLINKS)


@pytest.fixture
def mac(monkeypatch: pytest.MonkeyPatch) -> Mac:
    fake = Mac()
    monkeypatch.setattr(_beneath, "_NO_FOLLOW_ANY", _ANY)
    monkeypatch.setattr(_beneath, "os", fake)
    return fake


@linux
@pytest.mark.requirement("PATH-1")
def test_macos_opens_a_plain_path_in_one_call(tree: Path, mac: Mac) -> None:
    with Root(tree, way="walk") as root:
        mac.asked.clear()
        os.close(root.open("sub/f", os.O_RDONLY))
        assert mac.asked == [b"sub/f"]


@linux
@pytest.mark.requirement("PATH-1")
def test_macos_leaves_links_to_the_walk(tree: Path, mac: Mac) -> None:
    with Root(tree, way="walk") as root:
        for path in ("inner/f", "sub/up", "inner/up"):
            descriptor = root.open(path, os.O_RDONLY)
            assert os.read(descriptor, 10) == b"inside"
            os.close(descriptor)
        for path in ("out/secret", "inner/../out/secret"):
            with pytest.raises(PathRefused):
                root.open(path, os.O_RDONLY)
        with pytest.raises(PathRefused):
            root.open("sub/up", os.O_RDONLY | os.O_NOFOLLOW)
        assert not any(b".." in path.split(b"/") for path in mac.asked)


@pytest.mark.requirement("PATH-1")
def test_macos_says_where_a_descriptor_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def fcntl(descriptor: int, command: int, room: bytes) -> bytes:
        assert (command, len(room)) == (50, 1024)
        return b"/private/tmp/x".ljust(1024, b"\0")

    monkeypatch.setattr(_real_path.sys, "platform", "darwin")
    monkeypatch.setitem(sys.modules, "fcntl", SimpleNamespace(fcntl=fcntl))
    assert _real_path.real_path(3) == b"/private/tmp/x"


@pytest.mark.parametrize(
    ("platform", "name", "new", "both"), [("linux", "renameat2", 1, 2), ("darwin", "renameatx_np", 4, 2)]
)
def test_renames_ask_each_system_in_its_words(
    monkeypatch: pytest.MonkeyPatch, platform: str, name: str, new: int, both: int
) -> None:
    asked: list[tuple[Any, ...]] = []

    def call(*arguments: Any) -> int:
        asked.append(arguments)
        return 0

    monkeypatch.setattr(renaming.sys, "platform", platform)
    monkeypatch.setattr(renaming.ctypes, "CDLL", lambda *_, **__: SimpleNamespace(**{name: call}))
    renaming._system.cache_clear()
    try:
        renaming.rename_new(3, b"a", 4, b"b")
        assert renaming.exchange(3, b"a", 4, b"b")
    finally:
        renaming._system.cache_clear()
    assert asked == [(3, b"a", 4, b"b", new), (3, b"a", 4, b"b", both)]


@pytest.mark.parametrize("number", [None, errno.ENOSYS, errno.EINVAL])
def test_without_the_call_a_new_name_still_clobbers_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: int | None
) -> None:
    monkeypatch.setattr(renaming, "_system", lambda: None if number is None else (lambda *_: -1, 1, 2))
    monkeypatch.setattr(renaming.ctypes, "get_errno", lambda: number)
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    (tmp_path / "d").mkdir()
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        for taken in (b"a", b"d"):
            with pytest.raises(FileExistsError):
                renaming.rename_new(folder, taken, folder, b"b")
        assert not renaming.exchange(folder, b"a", folder, b"b")
        renaming.rename_new(folder, b"a", folder, b"c")
        renaming.rename_new(folder, b"d", folder, b"e")
    finally:
        os.close(folder)
    assert sorted(os.listdir(tmp_path)) == ["b", "c", "e"]
    assert ((tmp_path / "b").read_text(), (tmp_path / "c").read_text()) == ("b", "a")


@pytest.mark.requirement("PATH-1")
@pytest.mark.parametrize(
    ("really", "refused"),
    [("C:\\root\\f", False), ("\\\\?\\C:\\ROOT\\f", False), ("C:\\root2\\f", True), ("C:\\out\\f", True)],
)
def test_windows_judges_by_where_the_handle_really_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, really: str, refused: bool
) -> None:
    (tmp_path / "f").write_text("f")
    opened: list[int] = []

    def opening(path: str, flags: int, mode: int = 0) -> int:
        assert path == "C:\\root\\f"
        opened.append(os.open(tmp_path / "f", os.O_RDONLY))
        return opened[-1]

    fake = SimpleNamespace(**{name: getattr(os, name) for name in ("O_CREAT", "O_RDONLY", "path", "close", "strerror")})
    fake.open = opening
    monkeypatch.setattr(_windows, "os", fake)
    monkeypatch.setattr(_windows, "_real_path", lambda descriptor: really)
    monkeypatch.setattr(_lexical, "WINDOWS", True)
    base = Base(-1, (b"C:", b"root"), (b"C:", b"root"))
    if refused:
        with pytest.raises(Leaves):
            _windows.open_beneath(base, (b"f",), os.O_RDONLY, kernel=False)
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(opened[0])
    else:
        os.close(_windows.open_beneath(base, (b"f",), os.O_RDONLY, kernel=False))


def test_windows_has_no_open_folders() -> None:
    with pytest.raises(OSError, match="do not exist on Windows"):
        _windows.parent_beneath(Base(-1, (), ()), (b"f",), kernel=False, follow=False)
