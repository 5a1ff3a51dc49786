"""Root: what is written, and what a refusal says. Each case runs by openat2 and by the walk."""

import errno
import os

import pytest
from paths_world import World, read, refusal

from mcp_servers_shared.errors import NotFound, ServerError, WritesDisabled
from mcp_servers_shared.guard import _openat2
from mcp_servers_shared.guard._lexical import windows_name_problem
from mcp_servers_shared.guard.paths import Root, Roots

ODD_NAMES = [
    "...",
    "..foo",
    "foo..",
    ".hidden",
    "50%.txt",
    "%2e%2e",
    "a b",
    " f ",
    '"f"',
    "'f'",
    "c:d",
    "a\\b",
    "~",
    "~root",
]
ODD_NAMES += [
    "@#$%&()[]{}+=;',",
    "päth",
    "文件",
    "x\ny",
    "x\x1b[31m",
    "a\u202eb",
    "-rf",
    "file:",
    "NUL",
    "f.",
    "PROGRA~1",
]


@pytest.mark.requirement("PATH-1")
@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_are_ordinary_names(world: World, name: str) -> None:
    (world.inside / name).write_bytes(name.encode())
    assert read(world.root, name) == name.encode()
    assert world.root.lstat(name).st_size == len(name.encode())


@pytest.mark.requirement("PATH-1")
@pytest.mark.parametrize(
    "path", ["f", "./f", "sub/../f", "sub//..//f", "/./f".lstrip("/"), "f/", "sub/deep/../../f", b"f"]
)
def test_spellings_of_one_file(world: World, path: str) -> None:
    assert read(world.root, path) == b"inside"


@pytest.mark.requirement("PATH-1")
def test_a_name_that_is_not_utf8_is_reached_by_its_bytes(world: World) -> None:
    (world.inside / os.fsdecode(b"\xff\xfe.txt")).write_bytes(b"odd")
    assert read(world.root, b"\xff\xfe.txt") == b"odd"
    directory, name = world.root.open_parent(b"sub/\xff")
    os.close(directory)
    assert os.fsencode(name) == b"\xff"


CLIMBS = [
    "..",
    "../",
    "../out/f",
    "sub/../../out/f",
    "./../A/f",
    "sub/deep/../../../A2/f",
    "../A_evil/f",
    "/",
    "/etc/hostname",
]


@pytest.mark.requirement("PATH-1", "PATH-3")
@pytest.mark.parametrize("path", CLIMBS)
@pytest.mark.parametrize("method", ["open", "open_parent", "lstat"])
def test_paths_out_of_a_root_are_refused(world: World, path: str, method: str) -> None:
    extra = (os.O_RDONLY,) if method == "open" else ()
    error = refusal(lambda: getattr(world.root, method)(path, *extra))
    assert error.code == "outside_roots"
    assert repr(path) in error.message
    assert str(world.base) not in error.for_model()


MALFORMED = [
    "",
    "\0",
    "f\0",
    "f\0.txt",
    "../out\0/f",
    "\ud800",
    "f\udcff",
    "C:\\x",
    "c:/x",
    "\\\\host\\share",
    "\\\\?\\C:\\x",
]


@pytest.mark.requirement("PATH-1")
@pytest.mark.parametrize("path", MALFORMED)
def test_text_that_is_no_path_is_refused(world: World, path: str) -> None:
    with Roots([world.root]) as roots:
        for call in (world.root.open, roots.open):
            error = refusal(lambda call=call: call(path, os.O_RDONLY))
            assert error.code == "invalid_path"
            error.for_model().encode()  # whatever was given, the answer can be sent


@pytest.mark.parametrize("path", ["x" * 300, "x/" * 5000 + "f", "x" * 10_000, "sub/../" * 3000 + "nothing"])
def test_long_paths_end_in_a_short_clean_error(world: World, path: str) -> None:
    with pytest.raises(ServerError) as caught:
        world.root.open(path, os.O_RDONLY)
    assert caught.value.code in ("name_too_long", "not_found")
    assert len(caught.value.for_model()) < 400


def test_a_tree_deeper_than_a_path_may_be_is_still_reached(world: World) -> None:
    here = os.open(world.inside, os.O_RDONLY)
    name = "d" * 50
    for _ in range(100):
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open("f", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)
    assert read(world.root, f"{name}/" * 100 + "f") == b""


@pytest.mark.requirement("PATH-1")
@pytest.mark.parametrize("path", [".", "./", "sub/.."])
def test_the_root_itself_is_never_an_entry_to_change(world: World, path: str) -> None:
    assert refusal(lambda: world.root.open_parent(path)).code == "root_itself"
    descriptor = world.root.open(path, os.O_RDONLY, allow={"directory"})
    assert "f" in os.listdir(descriptor)
    os.close(descriptor)


@pytest.mark.requirement("PATH-3")
def test_lstat_says_nothing_about_what_a_link_points_to(world: World) -> None:
    (world.outside / "f").write_bytes(b"x" * 1000)
    (world.inside / "l").symlink_to(world.outside / "f")
    assert world.root.lstat("l").st_size == len(str(world.outside / "f"))


def test_missing_and_wrong_kinds_have_codes(world: World) -> None:
    with pytest.raises(NotFound):
        world.root.open("none", os.O_RDONLY)
    with pytest.raises(NotFound):
        world.root.open("none/f", os.O_RDONLY)
    assert refusal(lambda: world.root.open("f/x", os.O_RDONLY)).code == "not_directory"
    assert refusal(lambda: world.root.open("f", os.O_RDONLY, allow={"directory"})).code == "not_directory"


@pytest.mark.requirement("SCOPE-1")
def test_a_read_only_root_opens_nothing_for_change(world: World, way: str) -> None:
    with Root(world.inside, writable=False, way=way) as root:  # type: ignore[arg-type]
        assert read(root, "f") == b"inside"
        for flags in (os.O_WRONLY, os.O_RDWR, os.O_RDONLY | os.O_CREAT, os.O_RDONLY | os.O_TRUNC):
            with pytest.raises(WritesDisabled):
                root.open("f", flags)
        with pytest.raises(WritesDisabled):
            root.open_parent("f")
    assert (world.inside / "f").read_bytes() == b"inside"


def test_windows_names_that_mean_something_else_there() -> None:
    for name in (
        "CON",
        "nul.txt",
        "COM1",
        "lpt9.x",
        "com\u00b9",
        "f.",
        "f ",
        "a:b",
        "f::$DATA",
        "PROGRA~1",
        "longfi~1.txt",
    ):
        assert windows_name_problem(name), name
    for name in ("..", "f", "CONSOLE", "COM", "COM10", "a~b", "backup~", "nul_", "long name.txt"):
        assert windows_name_problem(name) is None, name


def test_errno_names_are_told_not_raised(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(errno.EMFILE, "x", "/outside/path")

    monkeypatch.setattr(_openat2, "openat2", full)
    monkeypatch.setattr(os, "open", full)
    with pytest.raises(ServerError) as caught:
        world.root.open("f", os.O_RDONLY)
    assert caught.value.code == "busy"
    assert "/outside" not in caught.value.for_model()
