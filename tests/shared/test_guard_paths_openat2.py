"""The system call itself: what is tried again, what is left to the walk, and what happens where it is forbidden."""

import ctypes
import errno
import os
from collections.abc import Callable

import pytest
from paths_world import World, read

from mcp_servers_shared.errors import Busy, Unavailable
from mcp_servers_shared.guard import _openat2
from mcp_servers_shared.guard.paths import Root


def failing(times: int, number: int) -> Callable[..., int]:
    """The real call, after `times` failures with errno `number`."""
    real = _openat2._call
    left = [times]

    def call(*args: object) -> int:
        if left[0]:
            left[0] -= 1
            ctypes.set_errno(number)
            return -1
        return real(*args)  # type: ignore[arg-type]

    return call


@pytest.mark.requirement("PATH-1")
@pytest.mark.parametrize("number", [errno.EAGAIN, errno.EINTR])
def test_a_moment_of_uncertainty_is_waited_out(world: World, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    monkeypatch.setattr(_openat2, "_call", failing(20, number))
    directory = os.open(world.inside, os.O_PATH)
    os.close(_openat2.openat2(directory, b"f", os.O_RDONLY, 0, _openat2.RESOLVE_BENEATH))
    os.close(directory)


@pytest.mark.requirement("PATH-1")
@pytest.mark.parametrize("number", [errno.EAGAIN, errno.EXDEV, errno.ENAMETOOLONG])
def test_what_the_kernel_leaves_open_the_walk_decides(
    world: World, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    with Root(world.inside) as root:
        monkeypatch.setattr(_openat2, "_call", failing(10_000, number))
        assert read(root, "sub/f") == b"sub"


@pytest.mark.requirement("PATH-1")
@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EPERM])
def test_where_the_call_is_forbidden_the_walk_takes_over(
    world: World, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(_openat2, "_call", failing(10_000, number))
    with Root(world.inside) as root:
        assert read(root, "sub/f") == b"sub"
    with pytest.raises(Unavailable, match="ENOSYS"):
        Root(world.inside, way="openat2")


def test_a_file_under_a_lease_is_busy(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def leased(*_: object, **__: object) -> int:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(_openat2, "_call", failing(10_000, errno.EAGAIN))
    monkeypatch.setattr(os, "open", leased)
    with pytest.raises(Busy):
        world.root.open("f", os.O_RDONLY)
