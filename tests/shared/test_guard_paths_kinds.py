"""What may stand at a path: regular files; never FIFOs, sockets, devices or doors into the kernel."""

import ctypes
import os
import socket
import stat
from pathlib import Path

import pytest
from paths_world import World, read, refusal

from mcp_servers_shared.errors import PathRefused
from mcp_servers_shared.guard.paths import Root

MS_BIND = 4096
MNT_DETACH = 2
FLAGS = [os.O_RDONLY, os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, os.O_RDONLY | os.O_CREAT]


@pytest.mark.requirement("PATH-2")
@pytest.mark.timeout(30)
@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize("through", ["", "link"])
def test_fifos_and_sockets_are_refused_without_waiting(world: World, flags: int, through: str) -> None:
    os.mkfifo(world.inside / "fifo")
    here = os.open(world.inside, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"/proc/self/fd/{here}/socket")  # a socket's path is at most 107 bytes long
        for name in ("fifo", "socket"):
            if through:
                (world.inside / f"to_{name}").symlink_to(name)
            path = f"to_{name}" if through else name
            error = refusal(lambda path=path: world.root.open(path, flags))
            assert error.code == "not_regular"
            assert repr(path) in error.message
    os.close(here)


@pytest.mark.requirement("PATH-2")
@pytest.mark.timeout(30)
@pytest.mark.parametrize("flags", FLAGS)
def test_devices_are_refused(world: World, flags: int) -> None:
    try:
        os.mknod(world.inside / "zero", stat.S_IFCHR | 0o666, os.makedev(1, 5))
        os.mknod(world.inside / "block", stat.S_IFBLK | 0o666, os.makedev(250, 250))
    except PermissionError:
        pytest.skip("making a device needs root")
    for name in ("zero", "block"):
        error = refusal(lambda name=name: world.root.open(name, flags))
        assert error.code in ("not_regular", "unreadable")  # a mount with `nodev` says the latter
    (world.inside / "null").symlink_to("/dev/null")
    assert refusal(lambda: world.root.open("null", flags)).code == "outside_roots"


@pytest.mark.requirement("PATH-2")
def test_directories_are_opened_only_when_asked_for(world: World) -> None:
    for flags in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR):
        assert refusal(lambda flags=flags: world.root.open("sub", flags)).code == "not_regular"
    descriptor = world.root.open("sub", os.O_RDONLY | os.O_DIRECTORY, allow={"directory"})
    assert sorted(os.listdir(descriptor)) == ["deep", "f"]
    os.close(descriptor)
    both = world.root.open("f", os.O_RDONLY, allow={"file", "directory"})
    os.close(both)


@pytest.mark.requirement("PATH-2")
@pytest.mark.parametrize("name", ["environ", "mem", "fd/0", "root/etc/passwd", "exe", "cwd"])
def test_the_process_file_system_stays_shut_even_under_the_widest_root(way: str, name: str) -> None:
    if not os.path.exists("/proc/self"):
        pytest.skip("no /proc here")
    with Root("/", way=way) as root:  # type: ignore[arg-type]
        for allow in ({"file"}, {"file", "directory"}):
            error = refusal(lambda allow=allow: root.open(f"proc/self/{name}", os.O_RDONLY, allow=allow))
            assert error.code in ("not_regular", "link_loop")


@pytest.mark.requirement("PATH-2")
@pytest.mark.parametrize("path", ["sys/kernel/uevent_seqnum", "proc/version", "sys", "proc"])
def test_kernel_files_that_look_regular_are_refused(way: str, path: str) -> None:
    if not os.path.exists(f"/{path}"):
        pytest.skip(f"no /{path} here")
    with Root("/", way=way) as root:  # type: ignore[arg-type]
        error = refusal(lambda: root.open(path, os.O_RDONLY, allow={"file", "directory"}))
        assert error.code == "not_regular"
        assert refusal(lambda: root.open_parent("proc/x")).code == "not_regular"


@pytest.mark.requirement("PATH-2")
def test_a_kernel_file_system_is_no_root() -> None:
    for path in ("/proc", "/proc/self", "/sys"):
        if os.path.exists(path):
            assert refusal(lambda path=path: Root(path)).code == "not_regular"


@pytest.mark.requirement("PATH-2")
def test_a_kernel_file_bound_onto_an_ordinary_name(world: World) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    target = os.fsencode(world.inside / "f")
    if libc.mount(b"/proc/version", target, None, MS_BIND, None) != 0:
        pytest.skip(f"a bind mount needs root: {os.strerror(ctypes.get_errno())}")
    try:
        assert refusal(lambda: world.root.open("f", os.O_RDONLY)).code == "not_regular"
    finally:
        libc.umount2(target, MNT_DETACH)


@pytest.mark.requirement("PATH-2")
def test_truncation_happens_after_the_checks(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    (world.inside / "f").write_bytes(b"precious")

    def suspicious(*_: object) -> os.stat_result:
        raise PathRefused("no")

    with monkeypatch.context() as patch:
        patch.setattr("mcp_servers_shared.guard._anchor.require_kind", suspicious)
        with pytest.raises(PathRefused):
            world.root.open("f", os.O_WRONLY | os.O_TRUNC)
    assert (world.inside / "f").read_bytes() == b"precious"
    os.close(world.root.open("f", os.O_WRONLY | os.O_TRUNC))
    assert (world.inside / "f").read_bytes() == b""


@pytest.mark.requirement("PATH-2")
def test_descriptors_are_not_inherited(world: World) -> None:
    descriptor = world.root.open("f", os.O_RDONLY)
    assert not os.get_inheritable(descriptor)
    os.close(descriptor)


def test_access_denied_by_the_system_is_said_so(world: World) -> None:
    if os.geteuid() != 0:
        pytest.skip("giving up root for a moment needs root")
    os.chmod(world.base, 0o755)
    os.chmod(world.inside / "f", 0)
    os.seteuid(65534)
    try:
        error = refusal(lambda: world.root.open("f", os.O_RDONLY))
    finally:
        os.seteuid(0)
    assert error.code == "unreadable"
    assert read(world.root, "sub/f") == b"sub"


@pytest.mark.requirement("PATH-2")
def test_unnamed_files_are_made_inside(world: World, tmp_path: Path) -> None:
    descriptor = world.root.open("sub", os.O_TMPFILE | os.O_RDWR, 0o600)
    os.write(descriptor, b"x")
    os.close(descriptor)
    assert sorted(os.listdir(world.inside / "sub")) == ["deep", "f"]
