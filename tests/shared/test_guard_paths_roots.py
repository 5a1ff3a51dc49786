"""Roots: which root a path belongs to, and links from one into another."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from paths_world import read, refusal

from mcp_servers_shared.errors import NotFound, ServerError, WritesDisabled
from mcp_servers_shared.guard.paths import Root, Roots


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for folder in ("A", "A/sub", "B", "C", "A2"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "f").write_bytes(folder.encode())
    return tmp_path


@pytest.fixture
def roots(place: Path, way: str) -> Iterator[Roots]:
    with Roots(Root(place / name, way=way) for name in ("A", "A/sub", "B")) as opened:  # type: ignore[arg-type]
        yield opened


@pytest.mark.requirement("PATH-1")
@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("{0}/A/f", b"A"),
        ("{0}/A/sub/f", b"A/sub"),
        ("{0}/A/sub/../f", b"A"),
        ("{0}/B/f", b"B"),
        ("{0}//A/./sub/../../B//f", b"B"),
        ("{0}/C/../A/f", b"A"),
        ("f", b"A"),
        ("sub/f", b"A/sub"),
    ],
)
def test_the_longest_root_holds_the_path(roots: Roots, place: Path, path: str, content: bytes) -> None:
    assert read(roots, path.format(place)) == content


@pytest.mark.requirement("PATH-1")
def test_a_nested_root_keeps_its_own_rules(roots: Roots, place: Path) -> None:
    assert roots.root_for(f"{place}/A/sub/f").name == f"{place}/A/sub"
    assert roots.root_for(f"{place}/A/f").name == f"{place}/A"
    assert refusal(lambda: roots.open_parent(f"{place}/A/sub")).code == "root_itself"


@pytest.mark.requirement("PATH-1", "PATH-3")
@pytest.mark.parametrize(
    "path",
    [
        "{0}/C/f",
        "{0}/A2/f",
        "{0}/A/../C/f",
        "{0}/A/sub/../../C/f",
        "{0}",
        "/",
        "/etc/passwd",
        "../C/f",
        "{0}/A/../A2/f",
    ],
)
def test_everything_else_is_refused_as_written(roots: Roots, place: Path, path: str) -> None:
    written = path.format(place)
    for call in (
        lambda: roots.open(written, os.O_RDONLY),
        lambda: roots.open_parent(written),
        lambda: roots.lstat(written),
    ):
        error = refusal(call)
        assert error.code == "outside_roots"
        assert repr(written) in error.message
    assert refusal(lambda: roots.root_for(written)).code == "outside_roots"


@pytest.mark.requirement("PATH-1")
def test_links_between_roots_are_followed_and_out_of_all_refused(roots: Roots, place: Path) -> None:
    (place / "A" / "to_b").symlink_to(place / "B" / "f")
    (place / "A" / "near").symlink_to("../B")
    (place / "A" / "sub" / "up").symlink_to("../f")
    (place / "A" / "c").symlink_to(place / "C" / "f")
    (place / "B" / "back").symlink_to("../A/to_b")
    (place / "B" / "ping").symlink_to("../A/pong")
    (place / "A" / "pong").symlink_to("../B/ping")
    assert read(roots, f"{place}/A/to_b") == b"B"
    assert read(roots, "near/f") == b"B"
    assert read(roots, "sub/up") == b"A"
    assert read(roots, f"{place}/B/back") == b"B"
    assert refusal(lambda: roots.open("c", os.O_RDONLY)).code == "outside_roots"
    assert refusal(lambda: roots.open("pong", os.O_RDONLY)).code == "link_loop"


@pytest.mark.requirement("PATH-1", "SCOPE-1")
def test_a_link_into_a_read_only_root_gives_no_writing(place: Path, way: str) -> None:
    (place / "A" / "b").symlink_to(place / "B")
    both = (Root(place / "A", way=way), Root(place / "B", writable=False, way=way))  # type: ignore[arg-type]
    with Roots(both) as roots:
        assert read(roots, "b/f") == b"B"
        for path in ("b/f", "b/new"):
            with pytest.raises(WritesDisabled):
                roots.open(path, os.O_WRONLY | os.O_CREAT)
        with pytest.raises(WritesDisabled):
            roots.open_parent("b/f")


@pytest.mark.requirement("PATH-1")
def test_a_root_given_by_a_link_has_two_spellings(place: Path, way: str) -> None:
    (place / "alias").symlink_to("A")
    (place / "A" / "l").symlink_to(place / "alias" / "f")
    with Roots([Root(place / "alias", way=way)]) as roots:  # type: ignore[arg-type]
        assert read(roots, f"{place}/alias/f") == read(roots, f"{place}/A/f") == read(roots, "l") == b"A"
        assert next(iter(roots)).name == f"{place}/alias"


@pytest.mark.requirement("PATH-1")
def test_a_renamed_root_stays_the_same_directory(place: Path, way: str) -> None:
    with Root(place / "A", way=way) as root:  # type: ignore[arg-type]
        assert not root.moved
        (place / "A").rename(place / "elsewhere")
        (place / "A").symlink_to("C")
        assert root.moved
        assert read(root, "f") == b"A"


@pytest.mark.requirement("PATH-1")
def test_home_is_expanded_for_this_user_only(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(place / "A"))
    (place / "A" / "~root").write_bytes(b"literal")
    with Roots([Root(place / "A")]) as roots:
        assert read(roots, "~/f") == b"A"
        assert read(roots, "~root") == b"literal"
        assert refusal(lambda: roots.open("~/../C/f", os.O_RDONLY)).message.startswith("Access denied: '~/../C/f'")


@pytest.mark.requirement("PATH-1")
def test_the_whole_system_as_root(way: str, place: Path) -> None:
    (place / "A" / "l").symlink_to("../" * 40 + f"{place}/B/f")
    with Roots([Root("/", way=way)]) as roots:  # type: ignore[arg-type]
        assert read(roots, f"{place}/A/f") == b"A"
        assert read(roots, f"{place}/A/../../../../../../../../../..{place}/A/f") == b"A"
        assert read(roots, f"{place}/A/l") == b"B"


def test_no_roots_hold_nothing(place: Path) -> None:
    with Roots([]) as roots:
        assert len(roots) == 0
        for path in ("f", f"{place}/A/f"):
            assert refusal(lambda path=path: roots.open(path, os.O_RDONLY)).code == "outside_roots"


def test_roots_that_cannot_be_pinned_say_why(place: Path) -> None:
    with pytest.raises(NotFound):
        Root(place / "none")
    assert refusal(lambda: Root(place / "A" / "f")).code == "not_directory"
    assert refusal(lambda: Root("")).code == "invalid_path"


def test_a_closed_root_is_not_used_again(place: Path, way: str) -> None:
    before = len(os.listdir("/dev/fd"))
    root = Root(place / "A", way=way)  # type: ignore[arg-type]
    os.close(root.open("sub/f", os.O_RDONLY))
    for path in ("none", "../x", "sub/none/f", "sub"):
        with pytest.raises(ServerError, match=path):
            root.open(path, os.O_RDONLY)
    root.close()
    root.close()
    with pytest.raises(ValueError, match="closed"):
        root.open("f", os.O_RDONLY)
    assert root.moved
    assert len(os.listdir("/dev/fd")) == before
