"""The attack corpus, links and special files: L1-L18. Nothing outside is opened, and the server still answers."""

import os
import socket
import stat

import pytest
from attack_world import Attacked, calls, linux_only, mounted, root_only
from case_world import CANARY

pytestmark = linux_only
OUT = {"outside_roots", "link_loop"}


def planted(attacked: Attacked, shape: str) -> str:
    """A link of this shape that leads out; the path to call with."""
    target = attacked.out / "secret.txt"
    link = attacked.a / "link"
    if shape == "dir":
        link.symlink_to(attacked.out)
        return "link/secret.txt"
    if shape == "chain":
        (attacked.a / "two").symlink_to(target)
        (attacked.a / "one").symlink_to("two")
        link.symlink_to(attacked.a / "one")
    elif shape == "relative":
        link.symlink_to("../out/secret.txt")
    elif shape == "dangling":
        link.symlink_to(attacked.out / "made")
    elif shape == "etc":
        link.symlink_to("/etc/passwd")
    elif shape == "deep":
        (attacked.a / "sub").mkdir()
        link.symlink_to("sub/../../out/secret.txt")
    else:
        link.symlink_to(target)
    return str(link)


@pytest.mark.requirement("FILE-51")
@pytest.mark.parametrize("shape", ["file", "dir", "chain", "relative", "dangling", "etc", "deep"])
def test_l1_to_l5_links_that_lead_out(attacked: Attacked, shape: str) -> None:
    path = planted(attacked, shape)
    with attacked.watched():
        # A name for a new file beneath a folder outside has no link of its own to act on.
        attacked.everywhere(path, OUT | {"not_found", "already_exists"}, names=shape == "dir")
        listed = attacked.ok("list_directory", path=attacked.a)
        assert "[FILE] link" in listed
        assert CANARY not in attacked.ok("search_files", path=attacked.a, pattern="**")


@pytest.mark.requirement("FILE-51")
def test_l6_loops(attacked: Attacked) -> None:
    (attacked.a / "a").symlink_to("b")
    (attacked.a / "b").symlink_to("a")
    (attacked.a / "self").symlink_to("self/x")
    with attacked.watched():
        for path in ("a", "self", "a/x"):
            attacked.everywhere(path, {"link_loop", "already_exists"}, names=False)
        attacked.ok("directory_tree", path=attacked.a)


@pytest.mark.requirement("FILE-51")
def test_l7_links_within_and_between_roots(attacked: Attacked) -> None:
    other, closed = attacked.base / "B", attacked.base / "C"
    for folder in (other, closed):
        folder.mkdir()
        (folder / "f").write_text(folder.name)
    (attacked.a / "in").symlink_to(attacked.inside)
    (attacked.a / "to-b").symlink_to(other / "f")
    (attacked.a / "to-c").symlink_to(closed)
    with attacked.watched(closed):
        assert attacked.read("in") == "inside"
        attacked.refused("read_text_file", path="to-b")
        roots = (attacked.a, other)
        assert attacked.ok("read_text_file", roots=roots, path=attacked.a / "to-b") == "B"
        attacked.ok("write_file", roots=roots, path=attacked.a / "to-b", content="through")
        attacked.refused("read_text_file", roots=roots, path=attacked.a / "to-c" / "f")
        with attacked.served(attacked.a, f"ro={other}") as client:
            arguments = {"path": str(attacked.a / "to-b"), "content": "no"}
            assert client.call("write_file", arguments).code in ("read_only_root", "writes_disabled")
            assert client.call("read_text_file", {"path": arguments["path"]}).text == "through"
    assert (other / "f").read_text() == "through"


@pytest.mark.requirement("FILE-51")
def test_l8_moves_copies_and_deletions_act_on_the_link(attacked: Attacked) -> None:
    for name in ("moved", "deleted", "copied"):
        (attacked.a / name).symlink_to(attacked.out / "secret.txt")
    (attacked.a / "folder").symlink_to(attacked.out)
    with attacked.watched():
        attacked.ok("move_file", source="moved", destination="elsewhere")
        assert os.readlink(attacked.a / "elsewhere") == str(attacked.out / "secret.txt")
        attacked.ok("delete_path", path="deleted")
        attacked.ok("delete_path", path="folder", recursive=True)
        assert not os.path.lexists(attacked.a / "folder")
        copied = attacked.client().call("copy_path", {"source": "copied", "destination": "copy"})
        assert copied.is_error or (attacked.a / "copy").is_symlink()
        gone = attacked.client().call("delete_path", {"path": "copied", "permanent": True})
        assert CANARY not in str(gone.message)


@pytest.mark.requirement("FILE-51")
def test_l9_l10_walks_neither_follow_links_nor_tell_of_their_targets(attacked: Attacked) -> None:
    (attacked.out / "big").write_bytes(b"x" * 12_345)
    (attacked.out / "deep").mkdir()
    (attacked.a / "big").symlink_to(attacked.out / "big")
    (attacked.a / "folder").symlink_to(attacked.out)
    with attacked.watched():
        for order in ("name", "size"):
            text = attacked.ok("list_directory_with_sizes", path=attacked.a, sortBy=order)
            assert "12" not in text.replace("[FILE]", ""), text
        for tool in ("directory_tree", "disk_usage"):
            text = attacked.client().call(tool, {"path": str(attacked.a)}).text
            assert "secret.txt" not in text
            assert "12,345" not in text
        assert "folder/" not in attacked.ok("search_files", path=attacked.a, pattern="**")
        grep = attacked.client().call("grep_files", {"path": str(attacked.a), "pattern": "CANARY|x"})
        assert grep.data["matches"] == 0, grep.text


@pytest.mark.requirement("FILE-54")
def test_l11_hard_links_are_replaced_never_written_through(attacked: Attacked) -> None:
    os.link(attacked.out / "secret.txt", attacked.a / "hard")
    with attacked.served(flags=("--max-nlink", "1")) as client:
        hashed = ("get_file_info", {"path": "hard", "hash": "md5"})
        for tool, arguments in [*calls("hard", attacked.inside)[:5], hashed]:
            assert client.call(tool, arguments).code in ("too_many_links", "not_directory"), tool
        assert client.call("grep_files", {"path": ".", "pattern": "CANARY"}).data["matches"] == 0
        assert client.call("copy_path", {"source": "hard", "destination": "copy"}).is_error
    for arguments in ({"content": "mine"}, {"content": "+", "mode": "append"}):
        attacked.ok("write_file", path="hard", **arguments)
    assert (attacked.a / "hard").read_text() == "mine+"
    attacked.untouched()


@pytest.mark.requirement("FILE-51")
def test_l13_the_root_is_moved_and_another_takes_its_name(attacked: Attacked) -> None:
    root = attacked.base / "R"
    root.mkdir()
    (root / "f").write_text("pinned")
    with attacked.served(root) as client:
        assert client.call("read_text_file", {"path": "f"}).text == "pinned"
        root.rename(attacked.base / "R-moved")
        root.symlink_to(attacked.out)
        with attacked.watched():
            assert client.call("read_text_file", {"path": "f"}).text == "pinned"
            assert client.call("read_text_file", {"path": f"{root}/secret.txt"}).code == "not_found"
            assert not client.call("write_file", {"path": "new", "content": "n"}).is_error
            said = client.call("list_allowed_directories")
            assert "moved" in said.text
            for tool in ("delete_path", "move_file"):
                more = {"destination": str(root / "x")} if tool == "move_file" else {"recursive": True}
                key = "source" if tool == "move_file" else "path"
                assert client.call(tool, {key: str(root), **more}).code == "root_itself"
    assert (attacked.base / "R-moved" / "new").read_text() == "n"


@pytest.mark.requirement("FILE-55")
def test_l14_kernel_files_are_closed_even_in_a_root_of_everything(attacked: Attacked) -> None:
    (attacked.a / "env").symlink_to("/proc/self/environ")
    # Without the seal, which would close them first.
    with attacked.served("/", flags=("--seal", "off")) as client:
        for path in (
            "/proc/self/environ", "/proc/self/root/etc/passwd", "/proc/self/fd/0", "/proc/self/mem", "/dev/fd/0",
            "/proc/1/environ", "/proc/self/cwd", "/sys/kernel/mm", "/proc", "/dev/stdin", str(attacked.a / "env"),
            "/proc/thread-self/status", "/proc/self/exe",
        ):  # fmt: skip
            for tool, arguments in calls(path, attacked.inside)[:11]:
                reply = client.call(tool, arguments)
                assert reply.is_error, (tool, path, reply.text[:200])
        assert client.call("read_text_file", {"path": attacked.inside}).text == "inside"
        for path in ("/proc/self/oom_score_adj", "/proc/self/comm"):
            assert client.call("write_file", {"path": path, "content": "1"}).is_error


@pytest.mark.requirement("FILE-55")
def test_l15_fifos_and_sockets_never_hang(attacked: Attacked) -> None:
    for number in range(8):
        os.mkfifo(attacked.a / f"fifo{number}")
    with socket.socket(socket.AF_UNIX) as listening:
        here = os.open(attacked.a, os.O_RDONLY)
        listening.bind(f"/proc/self/fd/{here}/socket")
        os.close(here)
        for name in ("fifo0", "socket"):
            for tool, arguments in special(attacked, name):
                reply = attacked.client().call(tool, arguments, 20)
                assert reply.code in ("not_regular", "not_directory", "already_exists", "not_found"), (tool, reply.text)
        waiting = [attacked.client().start("read_text_file", {"path": f"fifo{number % 8}"}) for number in range(40)]
        for identity, sent in waiting:
            assert attacked.client().receive(identity, sent, 20).code == "not_regular"
        walks(attacked)
        assert (
            attacked.client()
            .call("copy_path", {"source": str(attacked.a), "destination": f"{attacked.a}/x/y"})
            .is_error
        )
    attacked.answers()


def special(attacked: Attacked, name: str) -> list[tuple[str, dict[str, object]]]:
    """Every tool that would open what stands at this name."""
    moves = {"move_file", "get_file_info"}
    return [one for one in calls(name, attacked.inside) if one[0] not in moves]


def walks(attacked: Attacked) -> None:
    """Trees with special files in them are walked."""
    for tool, more in (("directory_tree", {}), ("disk_usage", {}), ("grep_files", {"pattern": "zzz"}),
                       ("search_files", {"pattern": "**"}), ("list_directory_with_sizes", {})):  # fmt: skip
        reply = attacked.client().call(tool, {"path": str(attacked.a), **more}, 20)
        assert not reply.is_error, reply.text


@root_only
@pytest.mark.requirement("FILE-55")
def test_l16_devices_are_never_read(attacked: Attacked) -> None:
    devices = {
        "zero": (stat.S_IFCHR, 1, 5),
        "null": (stat.S_IFCHR, 1, 3),
        "tty": (stat.S_IFCHR, 5, 0),
        "loop": (stat.S_IFBLK, 7, 0),
    }
    for name, (kind, major, minor) in devices.items():
        try:
            os.mknod(attacked.a / name, kind | 0o666, os.makedev(major, minor))
        except PermissionError:
            pytest.skip("mknod is not permitted here")
    for name in devices:
        for tool, arguments in special(attacked, name):
            reply = attacked.client().call(tool, arguments, 20)
            codes = ("not_regular", "not_directory", "already_exists", "not_found", "unreadable")
            assert reply.code in codes, (tool, name, reply.text[:200])
    walks(attacked)
    attacked.answers()


@root_only
@pytest.mark.requirement("FILE-55")
def test_l17_what_is_mounted_inside_a_root(attacked: Attacked) -> None:
    with mounted(attacked.a / "disk", "size=1m") as disk, mounted(attacked.a / "bound", "bind", str(attacked.out), ()):
        (disk / "f").write_text("on the disk")
        # A bind mount is the operator's own will: it is served, unless told not to.
        assert attacked.read("disk/f") == "on the disk"
        with attacked.served(flags=("--no-xdev",)) as client:
            for path in ("disk/f", "disk"):
                for tool, arguments in calls(path, attacked.inside)[:11]:
                    reply = client.call(tool, arguments)
                    assert reply.is_error, (tool, path, reply.text)
                    assert reply.code in ("other_filesystem", "not_directory", "not_regular"), reply.text
            assert client.call("write_file", {"path": "disk/new", "content": "x"}).code == "other_filesystem"
            assert "on the disk" not in client.call("grep_files", {"path": ".", "pattern": "disk"}).text
            assert not client.call("directory_tree", {"path": "."}).is_error
        assert os.listdir(disk) == ["f"]
        moved = attacked.client().call("move_file", {"source": attacked.inside, "destination": "disk/inside.txt"})
        assert not moved.is_error, moved.text
        assert (disk / "inside.txt").read_text() == "inside"
        attacked.ok("undo")
    attacked.answers()


@pytest.mark.requirement("FILE-57")
def test_l18_a_walk_that_takes_too_long_is_stopped(attacked: Attacked) -> None:
    folder = attacked.a / "many"
    for top in range(30):
        (folder / str(top)).mkdir(parents=True)
        for name in range(100):
            (folder / str(top) / str(name)).touch()
    with attacked.served(flags=("--timeout", "0.001")) as client:
        for tool, more in (
            ("directory_tree", {}),
            ("disk_usage", {}),
            ("grep_files", {"pattern": "zzz"}),
            ("search_files", {"pattern": "**/q"}),
        ):
            reply = client.call(tool, {"path": str(folder), **more}, 20)
            assert reply.code == "timeout" or reply.data, reply.text
        assert "Allowed directories" in client.call("list_allowed_directories").text
