"""The attack corpus, paths: P1-P17. Nothing outside is opened, and the server still answers."""

import os
import subprocess
import unicodedata
from pathlib import Path

import pytest
from attack_world import Attacked, calls, linux_only, ways_on_names
from case_world import CANARY

pytestmark = linux_only


@pytest.mark.requirement("FILE-51")
@pytest.mark.parametrize(
    "path",
    [
        "{base}/A/../out/secret.txt", "../out/secret.txt", "sub/../../out/secret.txt", "{base}/A/sub/../../out",
        "{base}/A/./.././out", "..", "../", "{base}", "/", "//", "{base}/A/..", "./../out/secret.txt",
        "{out}/secret.txt", "{out}", "/etc/passwd", "/proc/self/environ",
        "{base}/A_evil/f", "{base}/A_evil", "../A_evil/f",
        "{base}/Asecret",
    ],
)  # fmt: skip
def test_p1_p2_p3_dots_absolute_paths_and_siblings(attacked: Attacked, path: str) -> None:
    (attacked.a / "sub").mkdir()
    evil = attacked.base / "A_evil"
    evil.mkdir()
    (evil / "f").write_text(CANARY)
    (attacked.base / "Asecret").write_text(CANARY)
    written = path.format(base=attacked.base, out=attacked.out)
    with attacked.watched(evil):
        attacked.everywhere(written, {"outside_roots", "root_itself"})


@pytest.mark.requirement("FILE-51")
def test_p4_only_the_own_home_is_expanded(attacked: Attacked) -> None:
    (attacked.a / "~root").mkdir()
    (attacked.a / "~root" / "x").write_text("a name")
    (attacked.a / "x").write_text("home")
    with attacked.watched():
        for path in ("~", "~/secret.txt", "~/"):
            attacked.everywhere(path, {"outside_roots"})
        assert attacked.read("~root/x") == "a name"
        attacked.refused("read_text_file", path="~nobody/x")
    with attacked.served(env={"HOME": str(attacked.a)}) as client:
        assert client.call("read_text_file", {"path": "~/x"}).text == "home"
        assert client.call("read_text_file", {"path": "~/../out/secret.txt"}).code == "outside_roots"


@pytest.mark.requirement("FILE-51")
@pytest.mark.parametrize("path", ["inside.txt\0", "\0", "in\0side.txt", "inside.txt\0.png", "\0/etc/passwd"])
def test_p5_nul(attacked: Attacked, path: str) -> None:
    with attacked.watched():
        attacked.everywhere(path, {"invalid_path"})


ODD = [
    "new\nline", "cr\rx", "esc\x1b[31mred", "bidi\u202efdp.exe", "tab\tx", "zero\u200bwidth", "bell\x07",
    "\u2028sep", "del\x7f",
]  # fmt: skip


@pytest.mark.requirement("FILE-52")
def test_p6_names_with_line_ends_and_hidden_characters(attacked: Attacked) -> None:
    folder = attacked.a / "odd"
    folder.mkdir()
    for name in ODD:
        (folder / name).write_text(name)
    with attacked.watched():
        lines = attacked.ok("list_directory", path=folder).split("\n")
        assert len(lines) == len(ODD)
        assert all(line.startswith("[FILE] ") and line.isprintable() for line in lines)
        read = {attacked.read(f"{folder}/{line.removeprefix('[FILE] ')}") for line in lines}
        assert read == set(ODD)
        found = attacked.ok("search_files", path=folder, pattern="*").split("\n")
        assert {attacked.read(path) for path in found} == set(ODD)
        assert "\n" not in attacked.refused("read_text_file", path="no\nsuch\x1b[31m")


@pytest.mark.requirement("FILE-51")
def test_p7_long_names_and_deep_trees(attacked: Attacked) -> None:
    with attacked.watched():
        codes = {"name_too_long", "not_found", "not_directory", "invalid_path"}
        attacked.everywhere("n" * 300, codes, names=False)
        attacked.everywhere("d/" * 3_000 + "f", codes, names=False)


@pytest.mark.requirement("FILE-57")
def test_p7_a_tree_of_1200_levels(attacked: Attacked) -> None:
    top = os.open(attacked.a, os.O_RDONLY)
    current = os.dup(top)
    for level in range(1_200):
        os.mkdir("level", dir_fd=current)
        following = os.open("level", os.O_RDONLY, dir_fd=current)
        os.close(current)
        current = following
        if level == 1_199:
            os.close(os.open("needle.txt", os.O_WRONLY | os.O_CREAT, dir_fd=current))
    os.close(current)
    os.close(top)
    try:
        with attacked.watched():
            assert attacked.ok("search_files", path=attacked.a, pattern="**/needle.txt").endswith("/needle.txt")
            for tool in ("directory_tree", "disk_usage"):
                reply = attacked.client().call(tool, {"path": str(attacked.a)})
                assert not reply.is_error or reply.code in ("too_deep", "name_too_long"), reply.text[:300]
            grep = attacked.client().call("grep_files", {"path": str(attacked.a), "pattern": "x"})
            assert not grep.is_error, grep.text
            deleted = attacked.client().call("delete_path", {"path": str(attacked.a / "level"), "recursive": True})
            assert not deleted.is_error, deleted.text
    finally:
        # Deeper than a path may be: rmtree cannot.
        subprocess.run(["rm", "-rf", attacked.a / "level", attacked.a / ".mcp-trash"], check=True)


@pytest.mark.requirement("FILE-51")
def test_p8_empty_dots_and_slashes(attacked: Attacked) -> None:
    with attacked.watched():
        attacked.everywhere("", {"invalid_path", "outside_roots"})
        for path in (".", "./", "./.", f"{attacked.a}/", f"{attacked.a}//", f"{attacked.a}/./", f"/{attacked.a}"):
            assert "inside.txt" in attacked.ok("list_directory", path=path), path
        assert attacked.read(f"{attacked.a}//.//inside.txt") == "inside"
        for tool in ("delete_path", "create_directory"):
            reply = attacked.client().call(tool, {"path": ".", **({"recursive": True} if tool[0] == "d" else {})})
            assert reply.code in ("root_itself", "")
            assert (attacked.a / "inside.txt").exists()


@pytest.mark.requirement("FILE-51")
def test_p9_p10_p11_quotes_percent_uris_and_backslashes_are_literal(attacked: Attacked) -> None:
    names = [
        '"q"',
        "'q'",
        " blank ",
        "`t`",
        "%2e%2e",
        "%2e%2e%2fout",
        "back\\slash",
        "C:\\x",
        "..\\out",
        "\\\\host\\share",
    ]
    with attacked.watched():
        for name in names:
            attacked.ok("write_file", path=attacked.a / name, content=name)
            assert attacked.read(attacked.a / name) == name
        assert {one.name for one in attacked.a.iterdir()} >= set(names)
        quotes = (f'"{attacked.a}/inside.txt"', f" {attacked.a}/inside.txt", f"'{attacked.out}/secret.txt'")
        for path in (
            *quotes,
            f"file://{attacked.out}/secret.txt",
            f"file://{attacked.inside}",
            "%2e%2e/out/secret.txt",
        ):
            attacked.refused("read_text_file", path=path)


@pytest.mark.requirement("FILE-51")
def test_p12_names_of_windows_devices_are_names(attacked: Attacked) -> None:
    with attacked.watched():
        for name in ("CON", "nul.txt", "COM1", "f.", "f ", "a:b", "f::$DATA", "PROGRA~1"):
            attacked.ok("write_file", path=attacked.a / name, content=name)
            assert attacked.read(attacked.a / name) == name


@pytest.mark.requirement("FILE-53")
@pytest.mark.parametrize("name", [".ENV", ".Env.Local", "KEY.PEM", "Id_Rsa", ".SSH/config", ".Git-Credentials"])
def test_p13_deny_rules_ignore_case(attacked: Attacked, name: str) -> None:
    path = attacked.a / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(CANARY)
    with attacked.watched():
        closed(attacked, str(path))
        closed(attacked, name)


def closed(attacked: Attacked, path: str) -> None:
    """No tool gives or takes the content of this file."""
    for tool, arguments in calls_on_content(attacked, path):
        reply = attacked.client().call(tool, arguments)
        assert reply.is_error, (tool, arguments, reply.text)
        assert reply.code == "denied", (tool, arguments, reply.text)
        assert CANARY not in str(reply.message)
    for tool in ("grep_files", "read_multiple_files"):
        wanted = {"paths": [path]} if tool[0] == "r" else {"path": str(attacked.a), "pattern": "CANARY"}
        assert CANARY not in str(attacked.client().call(tool, wanted).message)


def calls_on_content(attacked: Attacked, path: str) -> list[tuple[str, dict[str, object]]]:
    names = {"list_directory", "list_directory_with_sizes", "directory_tree", "search_files", "disk_usage"}
    found = calls(path, attacked.inside) + ways_on_names(path, attacked.inside)
    return [one for one in found if one[0] not in names | {"create_directory", "grep_files"}]


@pytest.mark.requirement("FILE-52")
def test_p14_two_spellings_of_one_name(attacked: Attacked) -> None:
    nfc, nfd = unicodedata.normalize("NFC", "café.txt"), unicodedata.normalize("NFD", "café.txt")
    (attacked.a / nfd).write_text("nfd")
    with attacked.watched():
        assert attacked.read(attacked.a / nfc) == "nfd"
        attacked.ok("write_file", path=attacked.a / nfc, content="again")
        assert [one for one in os.listdir(attacked.a) if "caf" in one] == [nfd]
        (attacked.a / nfc).write_text("nfc")
        assert attacked.read(attacked.a / nfc) == "nfc"
        assert attacked.read(attacked.a / nfd) == "again"


@pytest.mark.requirement("FILE-52")
def test_p15_names_that_are_not_utf8(attacked: Attacked) -> None:
    raw = [b"caf\xe9.txt", b"\xff\xfe", b"a\\xe9.txt", b"mixed \xc3\xa9 \xe9"]
    folder = os.fsencode(attacked.a) + b"/odd"
    os.mkdir(folder)
    for name in raw:
        Path(os.fsdecode(folder + b"/" + name)).write_bytes(b"name:" + name.hex().encode())
    wanted = {f"name:{name.hex()}" for name in raw}
    with attacked.watched():
        shown = [line.removeprefix("[FILE] ") for line in attacked.ok("list_directory", path="odd").split("\n")]
        assert {attacked.read(f"odd/{name}") for name in shown} == wanted
        found = attacked.ok("search_files", path="odd", pattern="**").split("\n")
        assert {attacked.read(path) for path in found} == wanted
        assert attacked.client().call("grep_files", {"path": "odd", "pattern": "name:"}).data["matches"] == 4
        attacked.ok("move_file", source="odd/caf\\xe9.txt", destination="odd/\\xe8.txt")
        assert b"\xe8.txt" in os.listdir(folder)


@pytest.mark.requirement("FILE-51")
def test_p16_lone_surrogates(attacked: Attacked) -> None:
    with attacked.watched():
        # The pipe refuses the whole message, so it has no tool's code.
        assert attacked.client().call("read_text_file", {"path": "a\ud800b"}).is_error
        assert attacked.client().call("write_file", {"path": attacked.inside, "content": "x\udfff"}).is_error


@pytest.mark.requirement("FILE-53")
def test_p17_deny_rules_hold_at_every_end_and_through_links(attacked: Attacked) -> None:
    for name in (".env", "key.pem", ".ssh/id_rsa"):
        (attacked.a / name).parent.mkdir(exist_ok=True)
        (attacked.a / name).write_text(CANARY)
    (attacked.a / "innocent.txt").symlink_to(".env")
    (attacked.a / "folder").symlink_to(".ssh")
    with attacked.watched():
        for path in (".env", "key.pem", ".ssh/id_rsa", "folder/id_rsa", "./.env"):
            closed(attacked, path)
        for tool in ("read_text_file", "read_media_file", "edit_file", "write_file"):
            more = {"edits": [{"oldText": "C", "newText": "x"}]} if tool[0] == "e" else {"content": "x"}
            arguments = {"path": "innocent.txt", **(more if tool[0] in "ew" else {})}
            assert attacked.client().call(tool, arguments).code == "denied", tool
        assert attacked.client().call("move_file", {"source": ".ssh", "destination": "open"}).code == "denied"
        copied = attacked.client().call("copy_path", {"source": ".", "destination": "whole"})
        assert copied.is_error or CANARY not in "".join(
            path.read_text() for path in (attacked.a / "whole").rglob("*") if path.is_file()
        )
        (attacked.a / ".git" / "hooks").mkdir(parents=True)
        for path in (".git/config", ".git/hooks/pre-commit", ".GIT/config", ".git/hooks/new/deep"):
            assert attacked.client().call("write_file", {"path": path, "content": "x"}).is_error, path
        arguments = {"source": attacked.inside, "destination": ".git/hooks/pre-commit"}
        assert attacked.client().call("move_file", arguments).code == "denied"
    assert (attacked.a / ".env").read_text() == CANARY
