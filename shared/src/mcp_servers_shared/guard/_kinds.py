"""What an open descriptor is: a regular file, a directory, or something that no tool may touch."""

import ctypes
import os
import stat
import sys
from collections.abc import Collection
from functools import cache
from typing import Literal

from mcp_servers_shared.guard.path_errors import AnyPath, from_oserror, not_directory, not_regular

Kind = Literal["file", "directory"]

# Magic numbers of statfs(2): their files are doors into the kernel, whatever fstat calls them.
_KERNEL_FILESYSTEMS = frozenset(
    (
        0x00009FA0,  # proc
        0x62656572,  # sysfs
        0x64626720,  # debugfs
        0x74726163,  # tracefs
        0x73636673,  # securityfs
        0x62656570,  # configfs
        0x0027E0EB,  # cgroup
        0x63677270,  # cgroup2
        0xCAFE4A11,  # bpf
        0xDE5E81E4,  # efivarfs
        0x6165676C,  # pstore
        0xF97CFF8C,  # selinux
        0x43415D53,  # smack
        0x42494E4D,  # binfmt_misc
        0x65735543,  # fusectl
        0x07655821,  # resctrl
        0x6E736673,  # namespaces
        0x00001CD1,  # devpts
        0x19800202,  # mqueue
    )
)
# File systems of this machine that can say what they hold in memory (RWF_NOWAIT; tmpfs cannot).
_LOCAL_FILESYSTEMS = frozenset(
    (
        0x0000EF53,  # ext2, ext3, ext4
        0x58465342,  # xfs
        0x9123683E,  # btrfs
        0xF2F52010,  # f2fs
        0x2FC12FC1,  # zfs
    )
)
_NAMES = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISLNK, "a symbolic link"),
)
# struct statfs has at most 120 bytes and begins with the type on every architecture that Linux still serves.
_Statfs = ctypes.c_uint32 * 64


def require_kind(descriptor: int, allow: Collection[Kind], path: AnyPath) -> os.stat_result:
    """The fstat of what was opened as `path`. Raises PathRefused where it is not of an allowed kind."""
    try:
        found = os.fstat(descriptor)
        in_kernel = not _on_disk(found) and on_kernel_filesystem(descriptor)
    except OSError as error:
        raise from_oserror(path, error) from None
    if in_kernel:
        raise not_regular(path, "on a kernel file system (such as /proc or /sys)")
    if stat.S_ISREG(found.st_mode):
        if "file" not in allow:
            raise not_directory(path)
    elif not (stat.S_ISDIR(found.st_mode) and "directory" in allow):
        raise not_regular(path, _name(found.st_mode))
    return found


def _name(mode: int) -> str:
    return next((name for test, name in _NAMES if test(mode)), "something special")


def _on_disk(found: os.stat_result) -> bool:
    # Linux numbers every file system without a block device with major 0. Looking there first saves a system call.
    return sys.platform == "linux" and os.major(found.st_dev) != 0


@cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.fstatfs.restype = ctypes.c_int
    libc.fstatfs.argtypes = (ctypes.c_int, ctypes.c_void_p)
    return libc


def on_kernel_filesystem(descriptor: int) -> bool:
    """Whether statfs names a file system such as proc. Always False where statfs is not Linux's."""
    return sys.platform.startswith("linux") and _filesystem(descriptor) in _KERNEL_FILESYSTEMS


def on_local_filesystem(descriptor: int) -> bool:
    """Whether statfs names one of those that never ask another machine. Always False where statfs is not Linux's."""
    return sys.platform.startswith("linux") and _filesystem(descriptor) in _LOCAL_FILESYSTEMS


def _filesystem(descriptor: int) -> int:
    answer = _Statfs()
    if _libc().fstatfs(descriptor, answer) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return answer[0]
