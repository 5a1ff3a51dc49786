"""Ways around the rules: names, moves, links and the server's own files. Each was open once."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from attack_world import mounted, root_only
from file_sessions import call, code_of, data_of, first, settings, text_of

from mcp_servers_filesystem.deny import Deny
from mcp_servers_filesystem.ignore_lines import rules_of
from mcp_servers_filesystem.server import check
from mcp_servers_filesystem.space import Space
from mcp_servers_shared.errors import InvalidInput
from mcp_servers_shared.guard.paths import Root, Roots
from mcp_servers_shared.state import STATE_DIR_VARIABLE

_EDITS: list[dict[str, str]] = [{"oldText": "secret", "newText": "x"}]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    place = tmp_path / "root"
    place.mkdir()
    (place / "a.txt").write_text("open")
    return place


@pytest.fixture
def state(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The server's own state, inside of the root that it serves."""
    place = root / "home" / "my [state]"
    place.parent.mkdir()
    monkeypatch.setenv(STATE_DIR_VARIABLE, str(place))
    return place


@pytest.mark.requirement("FILE-64")
def test_the_servers_own_state_is_closed(root: Path, state: Path) -> None:
    served = settings(root, allow_secrets=True, audit_log="")
    assert not call(served, "write_file", path=str(root / "a.txt"), content="changed").is_error
    journal = state / "filesystem" / "changes.jsonl"
    before = journal.read_bytes()
    for path in (journal, state / "audit" / "filesystem.jsonl", *(state / "keys").iterdir()):
        assert code_of(call(served, "read_text_file", path=str(path))) == "denied"
        assert code_of(call(served, "write_file", path=str(path), content="x", mode="append")) == "denied"
        assert code_of(call(served, "delete_path", path=str(path))) == "denied"
    found = call(served, "grep_files", path=str(root), pattern="a\\.txt|write_file", respectGitignore=False)
    assert data_of(found)["results"] == []
    assert code_of(call(served, "write_file", path=str(state / "new"), content="x")) == "denied"
    first(call(served, "copy_path", source=str(state.parent), destination=str(root / "copied")))
    assert list((root / "copied").rglob("*")) == []
    assert journal.read_bytes()[: len(before)] == before


@pytest.mark.requirement("FILE-64")
@pytest.mark.parametrize("permanent", [False, True])
def test_what_holds_the_state_is_neither_moved_nor_deleted(root: Path, state: Path, permanent: bool) -> None:
    served = settings(root)
    first(call(served, "write_file", path=str(root / "a.txt"), content="changed"))
    for place in (state.parent, root / "link" / "home"):
        (root / "link").unlink(missing_ok=True)
        (root / "link").symlink_to(root)
        gone = call(served, "delete_path", path=str(place), recursive=True, permanent=permanent)
        assert code_of(gone) == "root_itself"
        assert code_of(call(served, "move_file", source=str(place), destination=str(root / "x"))) == "root_itself"
    assert (state / "filesystem" / "changes.jsonl").exists()


@pytest.mark.requirement("FILE-64")
def test_a_custom_audit_log_is_closed_with_its_older_files(root: Path) -> None:
    served = settings(root, audit_log=str(root / "logs" / "audit.jsonl"))
    first(call(served, "list_directory", path=str(root)))
    (root / "logs" / "audit.jsonl.1").write_text("older")
    (root / "logs" / "other").write_text("open")
    for name in ("audit.jsonl", "audit.jsonl.1"):
        assert code_of(call(served, "read_text_file", path=str(root / "logs" / name))) == "denied"
        assert code_of(call(served, "delete_path", path=str(root / "logs" / name))) == "denied"
    assert first(call(served, "read_text_file", path=str(root / "logs" / "other"))) == "open"


@pytest.mark.requirement("FILE-64")
def test_the_state_folder_is_no_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STATE_DIR_VARIABLE, str(tmp_path / "state"))
    (tmp_path / "state" / "keys").mkdir(parents=True)
    for place in ("state", "state/keys"):
        assert not check(settings(tmp_path / place))[0].ok
    assert check(settings(tmp_path))[0].ok


@pytest.mark.requirement("FILE-64")
def test_a_journal_that_somebody_else_wrote_leads_nowhere(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(STATE_DIR_VARIABLE, str(tmp_path / "state"))
    served = settings(root)
    first(call(served, "write_file", path=str(root / "a.txt"), content="changed"))
    outside = tmp_path / "outside"
    outside.write_text("secret")
    journal = tmp_path / "state" / "filesystem" / "changes.jsonl"
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    for line in lines:
        line["id"] = "f" * 15
        for step in line.get("steps", ()):
            step["image"] = "../../../outside"
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert code_of(call(served, "undo")) == "nothing_to_undo"
    assert outside.read_text() == "secret"
    assert (root / "a.txt").read_text() == "changed"


@pytest.mark.requirement("FILE-9")
@pytest.mark.parametrize("name", ["new\nline", "re\rturn", "\x85", "\u2028", "caf\u00e9"])
def test_rules_hold_below_any_name(root: Path, name: str) -> None:
    folder = root / name / "sub"
    (folder / ".git").mkdir(parents=True)
    (folder / ".ssh").mkdir()
    for inner in (".env", "x\ny.pem", ".ssh/con\nfig"):
        (folder / inner).write_text("secret")
    served = settings(root)
    for inner in (".env", "x\ny.pem", ".ssh/con\nfig"):
        path = str(folder / inner)
        assert code_of(call(served, "read_text_file", path=path)) == "denied"
        assert code_of(call(served, "edit_file", path=path, edits=_EDITS, dryRun=True)) == "denied"
    assert code_of(call(served, "write_file", path=str(folder / ".git" / "config"), content="x")) == "denied"
    assert data_of(call(served, "grep_files", path=str(root), pattern="secret"))["results"] == []


@pytest.mark.requirement("FILE-66")
def test_no_repository_is_put_together_elsewhere_and_moved_into_place(root: Path) -> None:
    evil = root / "evil"
    (evil / "hooks").mkdir(parents=True)
    (evil / "config").write_text("[core]\nfsmonitor = ./run")
    (root / "project" / ".git").mkdir(parents=True)
    served = settings(root)
    for source, target in ((evil, "empty/.git"), (root / "project" / ".git", "aside"), (evil, "project/.GIT")):
        (root / "empty").mkdir(exist_ok=True)
        moved = call(served, "move_file", source=str(source), destination=str(root / target))
        assert code_of(moved) == "denied"
    assert code_of(call(served, "copy_path", source=str(evil), destination=str(root / "empty" / ".git"))) == "denied"
    assert code_of(call(served, "delete_path", path=str(root / "project" / ".git"), recursive=True)) == "denied"
    for name in ("empty/.git", "project/.git/commondir", "project/.git/config.worktree", "project/.git/hooks/x"):
        assert code_of(call(served, "write_file", path=str(root / name), content="gitdir: ../evil")) == "denied"
    # What git itself does not run may be written.
    first(call(served, "write_file", path=str(root / "project" / ".git" / "description"), content="x"))


@pytest.mark.requirement("FILE-66")
def test_a_move_carries_nothing_under_a_rule_or_out_from_under_it(root: Path) -> None:
    (root / "in" / "aws").mkdir(parents=True)
    (root / "in" / "aws" / "credentials").write_text("planted")
    (root / "kept" / "deep").mkdir(parents=True)
    (root / "kept" / "deep" / "secret").write_text("secret")
    served = settings(root, deny=["/kept/deep/secret"])
    aws = call(served, "move_file", source=str(root / "in" / "aws"), destination=str(root / "in" / ".aws"))
    assert code_of(aws) == "denied"
    out = call(served, "move_file", source=str(root / "kept"), destination=str(root / "loose"))
    assert code_of(out) == "denied"
    first(call(served, "move_file", source=str(root / "in"), destination=str(root / "kept2")))


@pytest.mark.requirement("FILE-67")
@pytest.mark.parametrize("tool", ["delete_path", "move_file"])
def test_a_folder_that_holds_another_root_stays(root: Path, tool: str) -> None:
    inner = root / "sub" / "ro"
    inner.mkdir(parents=True)
    (root / "alias").symlink_to("sub")
    served = settings(root, f"ro={inner}")
    for path in (root / "sub", inner, root / "alias" / "ro"):
        arguments: dict[str, Any] = {"path": str(path), "recursive": True}
        if tool == "move_file":
            arguments = {"source": str(path), "destination": str(root / "elsewhere")}
        assert code_of(call(served, tool, **arguments)) in ("root_itself", "read_only_root")
    assert inner.is_dir()


@pytest.mark.requirement("FILE-8")
def test_a_file_of_many_names_is_not_read_by_writing_or_copying(root: Path) -> None:
    (root / "sub").mkdir()
    (root / "sub" / "f").write_text("secret\n")
    (root / "sub" / "g").hardlink_to(root / "sub" / "f")
    served = settings(root, max_nlink=1)
    path = str(root / "sub" / "f")
    edited = call(served, "edit_file", path=path, edits=_EDITS, dryRun=True)
    assert code_of(edited) == "too_many_links"
    assert code_of(call(served, "write_file", path=path, content="x", mode="append")) == "too_many_links"
    assert code_of(call(served, "copy_path", source=path, destination=str(root / "h"))) == "too_many_links"
    copied = call(served, "copy_path", source=str(root / "sub"), destination=str(root / "copy"))
    assert "Left out" in text_of(copied)
    assert os.listdir(root / "copy") == []


@root_only
@pytest.mark.requirement("FILE-68")
def test_what_is_mounted_is_neither_copied_nor_deleted_when_it_is_not_served(root: Path) -> None:
    (root / "sub" / "disk").mkdir(parents=True)
    with mounted(root / "sub" / "disk", "size=1m") as disk:
        (disk / "f").write_text("secret")
        served = settings(root, xdev=False)
        first(call(served, "copy_path", source=str(root / "sub"), destination=str(root / "copy")))
        assert not (root / "copy" / "disk" / "f").exists()
        gone = call(settings(root), "delete_path", path=str(root / "sub"), recursive=True, permanent=True)
        assert code_of(gone) == "other_filesystem"
        assert (disk / "f").read_text() == "secret"


@pytest.mark.requirement("FILE-9")
def test_a_closed_file_that_loses_its_name_while_it_is_opened_stays_closed(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "link").symlink_to(".env")
    with Roots([Root(root)]) as roots:
        space = Space(roots, Deny([]))
        real = Space._real  # pyright: ignore[reportPrivateUsage]

        def gone(self: Space, descriptor: int, path: str) -> Any:
            (root / ".env").unlink()
            return real(self, descriptor, path)

        (root / ".env").write_text("secret")
        monkeypatch.setattr(Space, "_real", gone)
        with pytest.raises(Exception, match="Access denied"):
            space.file(str(root / "link"))


@pytest.mark.requirement("FILE-69")
def test_the_trash_is_hidden_in_any_case_and_never_a_link(root: Path) -> None:
    served = settings(root)
    (root / "old" / "00000000001abcd").mkdir(parents=True)
    (root / ".mcp-trash").symlink_to("old")
    assert code_of(call(served, "delete_path", path=str(root / "a.txt"))) == "not_directory"
    assert (root / "a.txt").exists()
    assert (root / "old" / "00000000001abcd").is_dir()
    for name in (".mcp-trash", ".MCP-Trash"):
        assert code_of(call(served, "list_directory", path=str(root / name))) == "denied"
        assert code_of(call(served, "move_file", source=str(root / name), destination=str(root / "t"))) == "denied"


@pytest.mark.requirement("FILE-69")
def test_steps_back_in_what_is_not_there_yet(root: Path) -> None:
    served = settings(root, deny=["/x/closed"])
    first(call(served, "create_directory", path=str(root / "x") + "/y/../z"))
    assert sorted(one.name for one in root.iterdir()) == ["a.txt", "x"]
    assert os.listdir(root / "x") == ["z"]
    shutil.rmtree(root / "x")
    assert code_of(call(served, "create_directory", path=str(root / "x") + "/y/../closed/q")) == "denied"
    assert not (root / "x").exists()


@pytest.mark.requirement("FILE-22")
@pytest.mark.parametrize("line", ["[!a]" * 240, "/".join(["**", "a*"] * 100), "*a*b?" * 40])
def test_an_ignore_file_that_is_a_bomb_costs_little_and_stops_nothing(root: Path, line: str) -> None:
    raw = "\n".join(f"{line}{index}" for index in range(5_000))
    (root / ".gitignore").write_text(raw)
    assert sum(len(rule.source) for rule in rules_of(raw.encode())) <= 1 << 18
    for tool, more in (("disk_usage", {}), ("grep_files", {"pattern": "open"})):
        result = call(settings(root), tool, path=str(root), respectGitignore=True, **more)
        assert not result.is_error, text_of(result)


@pytest.mark.requirement("FILE-9")
@pytest.mark.parametrize("pattern", ["a.txt/ ", "**/ ", "a.txt/** ", "[a-z].tx[t]", "!x", "A.TXT"])
def test_a_search_closes_what_the_door_closes(root: Path, pattern: str) -> None:
    served = settings(root, deny=[pattern])
    read = call(served, "read_text_file", path=str(root / "a.txt"))
    found = call(served, "grep_files", path=str(root), pattern="open")
    assert bool(data_of(found)["results"]) == (not read.is_error)


def test_a_rule_that_means_nothing_is_refused_at_the_start(root: Path) -> None:
    with pytest.raises(InvalidInput, match="--deny"):
        check(settings(root, deny=["!"]))
    assert check(settings(root, deny=["a*"]))[0].ok
