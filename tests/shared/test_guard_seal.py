"""Landlock: code that opens any path it likes gets nothing from outside, and neither does what it starts."""

import os
import subprocess
import sys
import textwrap
import threading
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
    code = f"""
        def child(depth):
            if os.fork():
                return os.waitstatus_to_exitcode(os.wait()[1])
            os._exit(child(depth - 1) if depth else tried(lambda: open({str(outside / "f")!r})) == "EACCES")
        print(child(1), tried(lambda: open({str(read / "f")!r})))
    """
    assert sealed(code, read, write) == "1 ok"


@linux
@pytest.mark.requirement("FILE-4")
def test_no_program_can_be_started(places: tuple[Path, Path, Path]) -> None:
    read, write, _ = places
    for folder in (read, write):
        (folder / "run").write_text("#!/bin/sh\necho out\n")
        (folder / "run").chmod(0o755)
    code = f"""
        for path in ({str(read / "run")!r}, {str(write / "run")!r}, sys.executable, "/bin/sh"):
            print(tried(lambda: subprocess.run([path])))
    """
    assert sealed(code, read, write).split("\n") == ["EACCES"] * 4


@linux
@pytest.mark.requirement("FILE-4")
def test_files_move_between_folders_that_overlap_what_python_reads(places: tuple[Path, Path, Path]) -> None:
    # A rename into a folder with more rights is refused by the kernel: none may have more.
    _, write, _ = places
    (write / "venv").mkdir()
    code = f"""
        w = {str(write)!r}
        print(tried(lambda: os.rename(w + "/f", w + "/venv/f")), tried(lambda: os.rename(w + "/venv/f", w + "/f")))
    """
    assert sealed(code, write / "venv", write) == "ok ok"


@linux
@pytest.mark.requirement("FILE-4")
def test_the_working_folder_is_not_open_because_python_looks_there(places: tuple[Path, Path, Path]) -> None:
    read, write, outside = places
    script = f"""
import sys
from mcp_servers_shared.guard.seal import seal
sys.path.insert(0, {str(outside)!r})
assert seal(read=[{str(read)!r}], write=[{str(write)!r}]).active
try:
    open({str(outside / "f")!r})
except PermissionError:
    print("closed")
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=outside, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("closed", "")


@linux
@pytest.mark.requirement("FILE-4")
def test_a_process_with_threads_is_not_called_sealed() -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert "threads" in seal(read=[], write=[]).reason
    finally:
        stop.set()
        thread.join()


def test_the_first_landlock_is_for_readers_only(monkeypatch: pytest.MonkeyPatch) -> None:
    # It would refuse every rename from one folder to another.
    asked: list[object] = []
    monkeypatch.setattr(seal_module._landlock, "abi", lambda: 1)
    monkeypatch.setattr(seal_module._landlock, "restrict", asked.append)
    monkeypatch.setattr(seal_module, "_threads", lambda: 1)
    assert "no moves" in seal(read=[], write=[]).reason
    assert not asked
    seal(read=[], write=[], moves=False)
    assert len(asked) == 1


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

    monkeypatch.setattr(seal_module._landlock, "abi", lambda: 2)
    monkeypatch.setattr(seal_module, "_threads", lambda: 1)
    monkeypatch.setattr(seal_module._landlock, "restrict", refuse)
    assert "not permitted" in seal(read=[], write=[]).reason


def test_a_seal_that_does_not_hold_is_not_called_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal_module._landlock, "abi", lambda: 2)
    monkeypatch.setattr(seal_module, "_threads", lambda: 1)
    monkeypatch.setattr(seal_module._landlock, "restrict", lambda rules: None)
    state = seal(read=[], write=[])
    assert not state.active
    assert "can still be opened" in state.reason
