"""What a file is besides its bytes stays when they are replaced; what lets a program do more does not."""

import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from file_world import edit, left_behind, writing

from mcp_servers_filesystem.moving import delete, move
from mcp_servers_shared.errors import ServerError

ROOT = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root to give files away")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="extended attributes as Linux has them")


def acl(user: int, permissions: int) -> bytes:
    """An access control list in the kernel's form that lets one more user in."""
    nobody = 0xFFFFFFFF
    entries = [(0x01, 6, nobody), (0x02, permissions, user), (0x04, 0, nobody), (0x10, permissions, nobody)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in [*entries, (0x20, 0, nobody)])


def rewritten(tmp_path: Path) -> Path:
    """`a.txt` after a write, an edit and an append."""
    path = tmp_path / "a.txt"
    with writing(tmp_path, tmp_path.parent / f"{tmp_path.name}-state") as writer:
        writer.write(str(path), "one\n", "overwrite", None, False)
        writer.edit([edit(str(path), "one", "two")], False)
        writer.write(str(path), "more\n", "append", None, False)
    assert path.read_text() == "two\nmore\n"
    return path


@pytest.mark.requirement("FILE-31")
@pytest.mark.parametrize("mode", [0o600, 0o755, 0o640, 0o444])
def test_mode_stays(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    path.chmod(mode)
    if mode == 0o444 and os.geteuid() != 0:
        pytest.skip("only root writes a file that is read-only")
    assert rewritten(tmp_path).stat().st_mode & 0o7777 == mode


@ROOT
@pytest.mark.requirement("FILE-31")
def test_owner_and_group_stay(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old")
    os.chown(tmp_path / "a.txt", 1234, 4321)
    found = rewritten(tmp_path).stat()
    assert (found.st_uid, found.st_gid) == (1234, 4321)


@pytest.mark.requirement("FILE-31")
@pytest.mark.parametrize("bit", [0o4000, 0o2000])
def test_setuid_and_setgid_go(tmp_path: Path, bit: int) -> None:
    (tmp_path / "a.txt").write_text("old")
    (tmp_path / "a.txt").chmod(0o755 | bit)
    assert rewritten(tmp_path).stat().st_mode & 0o7777 == 0o755


@LINUX
@pytest.mark.requirement("FILE-31")
def test_attributes_and_acl_stay(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    wanted = acl(1234, 4)
    try:
        os.setxattr(path, "user.note", b"kept")
        os.setxattr(path, "system.posix_acl_access", wanted)
    except OSError:
        pytest.skip("this file system has no extended attributes or no ACLs")
    before = path.stat().st_mode
    rewritten(tmp_path)
    assert os.getxattr(path, "user.note") == b"kept"
    assert os.getxattr(path, "system.posix_acl_access") == wanted
    assert path.stat().st_mode == before


@LINUX
@pytest.mark.requirement("FILE-31")
def test_a_folder_does_not_give_an_old_file_its_default_acl(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    path.chmod(0o600)
    try:
        os.setxattr(tmp_path, "system.posix_acl_default", acl(1234, 7))
    except OSError:
        pytest.skip("this file system has no ACLs")
    rewritten(tmp_path)
    assert "system.posix_acl_access" not in os.listxattr(path)
    assert path.stat().st_mode & 0o7777 == 0o600


_AS_NOBODY = """
import os
import sys
import tempfile
from pathlib import Path
from file_world import writing
from mcp_servers_shared.errors import ServerError

def write(root, state, path):
    with writing(Path(root), Path(state)) as writer:
        try:
            writer.write(path, "new", "overwrite", None, False)
            print("written")
        except ServerError as error:
            print(error.code)

# Once as root, who may read all modules; nothing is imported later.
with tempfile.TemporaryDirectory() as folder:
    write(folder, folder + "/state", folder + "/a.txt")
    write(folder, folder + "/state", folder + "/missing/a.txt")
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
write(*sys.argv[1:])
"""


@ROOT
@pytest.mark.requirement("FILE-31")
@pytest.mark.parametrize(
    ("owner", "mode", "said"), [(0, 0o644, "unwritable"), (0, 0o666, "written"), (65534, 0o444, "unwritable")]
)
def test_a_file_that_says_no_is_not_replaced_by_way_of_its_folder(owner: int, mode: int, said: str) -> None:
    # Not in tmp_path, whose parents only root may enter.
    folder = Path("/tmp", f"mcp-nobody-{os.getpid()}-{owner}-{mode}")
    root, state = folder / "root", folder / "state"
    try:
        for one in (folder, root, state):
            one.mkdir()
            one.chmod(0o777)
        path = root / "a.txt"
        path.write_text("old")
        os.chown(path, owner, owner)
        path.chmod(mode)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
        script = [sys.executable, "-c", _AS_NOBODY, str(root), str(state), str(path)]
        done = subprocess.run(script, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.stdout.split() == ["written", "not_found", said], done.stderr
        assert path.read_text() == ("new" if said == "written" else "old")
        assert not left_behind(root)
    finally:
        subprocess.run(["rm", "-rf", str(folder)], check=True)


@ROOT
@LINUX
@pytest.mark.requirement("FILE-31", "FILE-33")
@pytest.mark.parametrize("flag", ["i", "a"])
def test_a_file_that_is_locked_stays_and_nothing_lies_about(tmp_path: Path, flag: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    if subprocess.run(["chattr", f"+{flag}", str(path)], capture_output=True, check=False).returncode != 0:
        pytest.skip("this file system has no such attributes")
    try:
        with writing(tmp_path, tmp_path.parent / "state") as writer:
            for work in (
                lambda: writer.write(str(path), "new", "overwrite", None, False),
                lambda: writer.edit([edit(str(path), "old", "new")], False),
                lambda: move(writer, str(path), str(tmp_path / "b.txt"), False),
                lambda: delete(writer, str(path), False),
            ):
                with pytest.raises(ServerError) as caught:
                    work()
                assert caught.value.code == "unwritable"
    finally:
        subprocess.run(["chattr", f"-{flag}", str(path)], check=True)
    assert path.read_text() == "old"
    assert not left_behind(tmp_path)
