"""Root and links: followed inside, refused outside, by openat2 and by the walk."""

import os
from typing import NamedTuple

import pytest
from paths_world import World, read, refusal

from mcp_servers_shared.errors import InvalidInput
from mcp_servers_shared.guard.paths import Root


class Link(NamedTuple):
    """A link `l` in the root (or `sub/l`), what it points to, and what opening `path` must give."""

    target: str
    path: str
    content: bytes | None
    at: str = "l"


LINKS = {
    "to a file inside": Link("f", "l", b"inside"),
    "to a directory inside": Link("sub", "l/f", b"sub"),
    "absolute but inside": Link("{A}/sub/f", "l", b"sub"),
    "absolute directory inside": Link("{A}/sub", "l/f", b"sub"),
    "absolute to the root": Link("{A}", "l/sub/f", b"sub"),
    "up and down inside": Link("../f", "sub/l", b"inside", "sub/l"),
    "up from a linked directory": Link("deep/../../f", "sub/l", b"inside", "sub/l"),
    "absolute with dots inside": Link("{A}/sub/../f", "l", b"inside"),
    "outside file": Link("{out}/f", "l", None),
    "outside directory": Link("{out}", "l/f", None),
    "outside relative": Link("../out/f", "l", None),
    "outside from below": Link("../../out", "sub/l/f", None, "sub/l"),
    "absolute with dots outside": Link("{A}/../out/f", "l", None),
    "prefix sibling": Link("{A}2/f", "l", None),
    "dangling outside": Link("{out}/new", "l", None),
    "system file": Link("/etc/passwd", "l", None),
    "process root": Link("/proc/self/root/etc/passwd", "l", None),
}


def place(world: World, link: Link) -> None:
    target = link.target.format(A=world.inside, out=world.outside)
    (world.inside / link.at).symlink_to(target)


@pytest.mark.requirement("PATH-1", "PATH-3")
@pytest.mark.parametrize("link", LINKS.values(), ids=LINKS.keys())
def test_links_are_followed_inside_and_refused_outside(world: World, link: Link) -> None:
    place(world, link)
    if link.content is not None:
        assert read(world.root, link.path) == link.content
        return
    for flags in (os.O_RDONLY, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, os.O_WRONLY | os.O_CREAT | os.O_APPEND):
        error = refusal(lambda flags=flags: world.root.open(link.path, flags))
        assert error.code == "outside_roots"
        assert repr(link.path) in error.message
        assert "out/" not in error.for_model()
        assert "etc" not in error.for_model()
    assert (world.outside / "f").read_bytes() == b"secret"
    assert not (world.outside / "new").exists()


@pytest.mark.requirement("PATH-1")
def test_chains_and_loops(world: World) -> None:
    for number in range(60):
        (world.inside / f"c{number}").symlink_to(f"c{number + 1}")
    (world.inside / "c60").symlink_to("f")
    (world.inside / "loop").symlink_to("loop")
    (world.inside / "absolute").symlink_to(world.inside / "absolute")
    assert read(world.root, "c25") == b"inside"
    for path in ("c0", "loop", "loop/f", "absolute"):
        assert refusal(lambda path=path: world.root.open(path, os.O_RDONLY)).code == "link_loop"


@pytest.mark.requirement("PATH-1")
def test_a_link_full_of_climbs_cannot_keep_the_walk_busy(world: World) -> None:
    deep = "/".join(["d"] * 100)
    (world.inside / deep / "x").mkdir(parents=True)
    (world.inside / deep / "f").write_bytes(b"deep")
    (world.inside / deep / "few").symlink_to("x/../" * 10 + "f")
    (world.inside / deep / "many").symlink_to("x/../" * 500 + "f")
    assert read(world.root, f"{deep}/few") == b"deep"
    with Root(world.inside, way="walk") as walk, pytest.raises(InvalidInput) as caught:
        walk.open(f"{deep}/many", os.O_RDONLY)
    assert caught.value.code == "name_too_long"


@pytest.mark.requirement("PATH-1")
def test_creating_through_links(world: World) -> None:
    (world.inside / "new").symlink_to("sub/made")
    os.close(world.root.open("new", os.O_WRONLY | os.O_CREAT, 0o640))
    assert (world.inside / "sub" / "made").stat().st_mode & 0o777 == 0o640
    with pytest.raises(InvalidInput, match="exists already"):
        world.root.open("new", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    assert refusal(lambda: world.root.open("new", os.O_RDONLY | os.O_NOFOLLOW)).code == "link_loop"


@pytest.mark.requirement("PATH-1")
def test_open_parent_acts_on_the_link_itself_or_where_it_points(world: World) -> None:
    (world.inside / "l").symlink_to("sub/f")
    (world.inside / "x").symlink_to(world.outside / "f")
    directory, name = world.root.open_parent("x")
    os.unlink(name, dir_fd=directory)
    os.close(directory)
    assert (world.outside / "f").exists()
    assert not os.path.lexists(world.inside / "x")
    directory, name = world.root.open_parent("l", follow=True)
    assert (name, os.path.samestat(os.fstat(directory), os.stat(world.inside / "sub"))) == ("f", True)
    os.close(directory)
    (world.inside / "x").symlink_to(world.outside / "f")
    assert refusal(lambda: world.root.open_parent("x", follow=True)).code == "outside_roots"
