"""Attacks that take several steps, or come another way than by a path in a tool."""

import os
from pathlib import Path
from urllib.parse import quote

import pytest
from attack_world import Attacked, linux_only
from case_world import CANARY

pytestmark = linux_only


@pytest.mark.requirement("FILE-53")
@pytest.mark.parametrize("tool", ["move_file", "copy_path"])
def test_a_tree_does_not_bring_into_place_what_is_never_written(attacked: Attacked, tool: str) -> None:
    attacked.ok("create_directory", path="fake/hooks")
    attacked.ok("write_file", path="fake/hooks/pre-commit", content="evil")
    attacked.ok("write_file", path="fake/config", content="evil")
    attacked.ok("write_file", path="fake/HEAD", content="ref")
    (attacked.a / "repository").mkdir()
    for destination in (".git", "repository/.git", ".GIT"):
        attacked.client().call(tool, {"source": "fake", "destination": destination})
        for name in ("hooks/pre-commit", "config"):
            assert not (attacked.a / destination / name).exists(), (destination, name)
    attacked.client().call("move_file", {"source": "fake/hooks", "destination": ".git/hooks"})
    attacked.client().call("move_file", {"source": "fake/hooks", "destination": "repository/.git/hooks"})
    assert not list(attacked.a.rglob(".git/hooks/pre-commit"))


@pytest.mark.requirement("FILE-53")
def test_a_tree_does_not_carry_out_what_is_denied(attacked: Attacked) -> None:
    project = attacked.a / "project"
    (project / ".aws").mkdir(parents=True)
    (project / ".ssh").mkdir()
    for name in (".env", ".aws/credentials", ".ssh/config", "key.pem"):
        (project / name).write_text(CANARY)
    (project / "open.txt").write_text("open")
    (project / "link.txt").symlink_to(".env")
    with attacked.watched():
        attacked.client().call("copy_path", {"source": "project", "destination": "copy"})
        for source, destination in (("project/.aws", "aws"), ("project/.ssh", "ssh"), ("project/.env", "env.txt")):
            for tool in ("move_file", "copy_path"):
                attacked.client().call(tool, {"source": source, "destination": destination})
        for tool in ("move_file", "copy_path"):
            attacked.client().call(tool, {"source": "project/link.txt", "destination": f"{tool}.txt"})
    for path in attacked.a.rglob("*"):
        if path.is_file() and not path.is_symlink() and CANARY in path.read_text():
            assert path.is_relative_to(project), path
    grep = attacked.client().call("grep_files", {"path": ".", "pattern": "CANARY", "respectGitignore": False})
    assert grep.data["matches"] == 0, grep.text


@pytest.mark.requirement("FILE-51")
@pytest.mark.parametrize("target", ["../out", "{out}", "elsewhere"])
def test_a_planted_trash_takes_nothing_out(attacked: Attacked, target: str) -> None:
    (attacked.a / "elsewhere").mkdir()
    (attacked.a / ".mcp-trash").symlink_to(target.format(out=attacked.out))
    (attacked.a / "victim").write_text("victim")
    with attacked.watched():
        for tool, more in (
            ("delete_path", {"path": "victim"}),
            ("move_file", {"source": "inside.txt", "destination": "victim", "overwrite": True}),
        ):
            attacked.client().call(tool, more)
            attacked.client().call("undo", {})
    held = [path for path in attacked.a.rglob("*") if path.is_file() and path.read_text() == "victim"]
    assert held, "what was deleted is nowhere"


@pytest.mark.requirement("FILE-51")
def test_undo_does_not_follow_what_was_planted_since(attacked: Attacked) -> None:
    for folder in ("sub", "made"):
        (attacked.a / folder).mkdir()
    (attacked.a / "sub" / "secret.txt").write_text("first")
    steps = [
        ("write_file", {"path": "sub/secret.txt", "content": "second"}),
        ("write_file", {"path": "sub/new", "content": "new"}),
        ("create_directory", {"path": "sub/folder"}),
        ("move_file", {"source": "sub/new", "destination": "made/new"}),
        ("delete_path", {"path": "sub/secret.txt"}),
    ]
    ids = [attacked.client().call(tool, arguments).data["change_id"] for tool, arguments in steps]
    os.rename(attacked.a / "sub", attacked.a / "aside")
    (attacked.a / "sub").symlink_to(attacked.out)
    with attacked.watched():
        for change in reversed(ids):
            reply = attacked.client().call("undo", {"change_id": change})
            assert reply.code != "internal", reply.text
        for change in ("../../x", "x" * 5_000, "", "\x00", ids[0] + "0"):
            assert attacked.client().call("undo", {"change_id": change}).is_error


@pytest.mark.requirement("FILE-51")
def test_resources_and_completion_lead_nowhere_else(attacked: Attacked) -> None:
    (attacked.a / "link").symlink_to(attacked.out / "secret.txt")
    (attacked.a / "folder").symlink_to(attacked.out)
    (attacked.a / ".env").write_text(CANARY)
    a, out = quote(str(attacked.a)), quote(str(attacked.out))
    client = attacked.client()
    with attacked.watched():
        for uri in (
            f"file://{out}/secret.txt", f"file://{a}/../out/secret.txt", f"file://{a}/%2e%2e/out/secret.txt",
            f"file://{a}/..%2fout%2fsecret.txt", f"file://{a}/link", f"file://{a}/folder/secret.txt", f"file://{a}/.env",
            "file:///etc/passwd", "file:///proc/self/environ", f"file://localhost{out}/secret.txt", "file:///", "file://",
            f"file://evil{out}/secret.txt", f"file://{a}/inside.txt%00", f"http://{a}/inside.txt", "x",
            f"file:{out}/secret.txt",
        ):  # fmt: skip
            reply = client.request("resources/read", {"uri": uri})
            assert reply.is_error, uri
            assert CANARY not in str(reply.message)
        template = {"type": "ref/resource", "uri": "file:///{+path}"}
        for value in (f"{out}/", "etc/pass", f"{a}/../out/", f"{a}/folder/", "../", "proc/self/"):
            argument = {"name": "path", "value": value.removeprefix("/")}
            reply = client.request("completion/complete", {"ref": template, "argument": argument})
            assert "secret.txt" not in str(reply.message), value
            assert "passwd" not in str(reply.message), value
    assert Path(attacked.inside).exists()
