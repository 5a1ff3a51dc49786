"""Landlock: code that opens any path it likes gets nothing from outside, and neither does what it starts."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from mcp_servers_shared.guard import seal as seal_module
from mcp_servers_shared.guard.seal import available, seal

linux = pytest.mark.skipif(not available(), reason="needs a kernel with Landlock (Linux 5.13)")


def sealed(code: str, read: Path, write: Path) -> str:
    """What `code` prints in a process that sealed itself: `tried(f)` says `ok` or the name of the error."""
    script = f"""
        import errno, os, subprocess, sys
        from mcp_servers_shared.guard.seal import seal
        state = seal(read=[{str(read)!r}], write=[{str(write)!r}])
        assert state.active, state
        def tried(act):
            try:
                act()
                return "ok"
            except OSError as error:
                return errno.errorcode[error.errno]
    """
    whole = textwrap.dedent(script) + textwrap.dedent(code)
    done = subprocess.run([sys.executable, "-c", whole], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A folder to read, one to write, one outside with a secret."""
    read, write, outside = tmp_path / "read", tmp_path / "write", tmp_path / "outside"
    for one in (read, write, outside):
        one.mkdir()
        (one / "f").write_text(one.name)
    (write / "link").symlink_to(outside / "f")
    return read, write, outside


@linux
@pytest.mark.requirement("FILE-4")
def test_nothing_outside_can_be_opened(places: tuple[Path, Path, Path]) -> None:
    read, write, outside = places
    code = f"""
        out, inn = {str(outside)!r}, {str(write)!r}
        print(tried(lambda: open(out + "/f")))
        print(tried(lambda: open(inn + "/link")))
        print(tried(lambda: open("/etc/passwd")))
        print(tried(lambda: open("/proc/self/environ")))
        print(tried(lambda: open(out + "/new", "w")))
        print(tried(lambda: os.listdir(out)))
        print(tried(lambda: os.unlink(out + "/f")))
        print(tried(lambda: os.rename(out + "/f", inn + "/stolen")))
        print(tried(lambda: os.link(out + "/f", inn + "/linked")))
        print(tried(lambda: os.rename(inn + "/f", out + "/carried")))
    """
    lines = sealed(code, read, write).split("\n")
    assert set(lines) <= {"EACCES", "EPERM", "EXDEV"}, lines
    assert len(lines) == 10
    assert sorted(os.listdir(outside)) == ["f"]


@linux
@pytest.mark.requirement("FILE-4")
def test_a_child_is_sealed_as_well(places: tuple[Path, Path, Path]) -> None:
    read, write, outside = places
    child = f"open({str(outside / 'f')!r})"
    code = f"""
        done = subprocess.run([sys.executable, "-c", {child!r}], capture_output=True, text=True)
        print(done.returncode, "PermissionError" in done.stderr)
    """
    assert sealed(code, read, write) == "1 True"


@linux
@pytest.mark.requirement("FILE-4")
def test_what_was_allowed_still_works(places: tuple[Path, Path, Path]) -> None:
    read, write, _ = places
    code = f"""
        r, w = {str(read)!r}, {str(write)!r}
        print(open(r + "/f").read(), tried(lambda: open(r + "/f", "w")), tried(lambda: open(r + "/new", "w")))
        os.mkdir(w + "/d"); open(w + "/d/x", "w").write("x"); os.rename(w + "/d/x", w + "/y"); os.unlink(w + "/y")
        import decimal, sqlite3, zoneinfo, xml.dom.minidom, email.message
        place = os.readlink("/proc/self/fd/%d" % os.open(w, os.O_RDONLY))
        print(os.path.basename(place), tried(lambda: open("/dev/null")))
    """
    assert sealed(code, read, write).split("\n") == ["read EACCES EACCES", "write ok"]


def test_a_system_without_landlock_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal_module._landlock, "abi", lambda: 0)
    state = seal(read=[], write=[])
    assert not state.active
    assert "no Landlock" in state.reason


def test_a_kernel_that_refuses_is_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(rules: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(seal_module._landlock, "abi", lambda: 1)
    monkeypatch.setattr(seal_module._landlock, "restrict", refuse)
    assert "not permitted" in seal(read=[], write=[]).reason


def test_a_seal_that_does_not_hold_is_not_called_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal_module._landlock, "abi", lambda: 1)
    monkeypatch.setattr(seal_module._landlock, "restrict", lambda rules: None)
    state = seal(read=[], write=[])
    assert not state.active
    assert "can still be opened" in state.reason
