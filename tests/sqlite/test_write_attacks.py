"""The attack corpus against the write operations: nothing leaves the one file, and never more than one statement."""

import contextlib
import hashlib
import shutil
import sqlite3
from pathlib import Path

import pytest
from corpus import Case, Target, target
from write_world import writing

from mcp_servers_shared.errors import ServerError
from mcp_servers_sqlite.engine.writing import apply, preview

GROUPS = ("file", "pragma", "ddl", "stack", "txn", "dml", "text", "read", "shape", "parse")
# Cases that a read refuses and a write may do, because they are what execute_sql is for.
WRITES = {
    "stack-nested-comment",  # one DELETE between comments
    "dml-insert",
    "dml-delete",
    "dml-replace",
    "dml-ins-returning",
    "dml-del-returning",
    "dml-with-insert",
    "dml-with-update",
    "dml-with-replace",
    "dml-with-rec-insert",
    "dml-comment-delete",
    "dml-line-delete",
    "dml-trigger-view",
    "dml-fts-optimize",
    "dml-rtree-write",
    "ddl-create",
    "ddl-view",
    "ddl-index",
    "ddl-vtab",
    "ddl-drop-view",
    "ddl-addcol",
    "text-bom-delete",
}
SETTINGS = ("user_version", "application_id", "journal_mode", "encoding", "page_size", "auto_vacuum")


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Target:
    return target(tmp_path_factory.mktemp("attacked"))


def snapshot(folder: Path) -> dict[str, str]:
    """The digest of every file in a folder."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def cases(found: Target) -> list[Case]:
    return [one for one in found.cases() if one.id.split("-")[0] in GROUPS and one.tool == "query"]


def attempt(path: Path, case: Case) -> str:
    """`refused`, `previewed` or `applied`; both operations must agree with each other."""
    call = {"sql": case.sql, "params": case.params}
    try:
        with writing(path, seconds=5) as connection:
            digest = preview(connection, call)["digest"]
    except (ServerError, sqlite3.Error):
        with writing(path, seconds=5) as connection, pytest.raises((ServerError, sqlite3.Error)):
            apply(connection, {**call, "expect_digest": "0" * 64})
        return "refused"
    with writing(path, seconds=5) as connection:
        return "applied" if apply(connection, {**call, "expect_digest": digest})["applied"] else "previewed"


def file_settings(path: Path) -> list[object]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        found = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in SETTINGS]
        connection.execute("BEGIN IMMEDIATE")  # no lock was kept
        return found


@pytest.mark.requirement("WRITE-1", "WRITE-6")
def test_no_attack_leaves_the_database(odd: Target, tmp_path: Path) -> None:
    wrong: list[str] = []
    kept = shutil.copyfile(odd.file, tmp_path / "kept.db")
    usual = file_settings(kept)
    others = {name: digest for name, digest in snapshot(odd.folder).items() if name != "odd.db"}
    found = cases(odd)
    assert len(found) > 100
    for case in found:
        result = attempt(odd.file, case)
        if (result == "refused") == (case.id in WRITES):
            wrong.append(f"{case.id} was {result}: {case.sql[:80]}")
        if file_settings(odd.file) != usual:
            wrong.append(f"{case.id} changed a setting of the file")
        after = {name: digest for name, digest in snapshot(odd.folder).items() if name != "odd.db"}
        if after != others:
            wrong.append(f"{case.id} touched other files: {sorted(set(after) ^ set(others))}")
        if result == "applied":
            shutil.copyfile(kept, odd.file)
    assert not wrong


@pytest.mark.requirement("WRITE-6")
def test_a_second_statement_is_never_run(odd: Target) -> None:
    before = odd.file.read_bytes()
    for first in ("DELETE FROM dup", "UPDATE dup SET a=1", "CREATE TABLE one(a)", "INSERT INTO dup VALUES(1,1)"):
        for between in (";", "; ", ";\n", ";--\n", ";/**/", " ;;", "\r\n;\r\n"):
            for second in ("DROP TABLE users", "SELECT 1", "COMMIT", "END", "x", "'", "/* */ DELETE FROM users"):
                assert attempt(odd.file, Case("own", f"{first}{between}{second}", "rejected")) == "refused"
    assert odd.file.read_bytes() == before
