"""Files that are no databases, broken ones, locked ones, forbidden ones: told clearly, beside one that works."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from raw_client import RawClient, child_environment, sqlite_command

from mcp_servers_shared.errors import InvalidInput
from mcp_servers_shared.settings import load
from mcp_servers_sqlite.databases import configured_databases
from mcp_servers_sqlite.server import check
from mcp_servers_sqlite.settings import SqliteSettings

posix_files = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs POSIX files")
GOOD = "SELECT v FROM t WHERE id = 7"
HINTED = 40


def make(path: Path, journal: str = "delete", rows: int = 2_000) -> Path:
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA journal_mode={journal}")
    connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)")
    connection.executemany("INSERT INTO t(v) VALUES(?)", [(f"value {i}",) for i in range(1, rows + 1)])
    connection.commit()
    connection.close()
    return path


def start(*flags: str) -> "subprocess.CompletedProcess[str]":
    """The server started by a host that leaves at once."""
    command = [*sqlite_command(), *flags]
    return subprocess.run(command, input="", capture_output=True, text=True, timeout=60, env=child_environment())


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def missing(path: Path) -> None:
    """Nothing is there."""


def a_text(path: Path) -> None:
    path.write_text("just text, and long enough for a header " * 100, encoding="utf-8")


def encrypted(path: Path) -> None:
    path.write_bytes(os.urandom(8192))


def a_folder(path: Path) -> None:
    path.mkdir()


def a_fifo(path: Path) -> None:
    os.mkfifo(path)


def a_dangling_link(path: Path) -> None:
    path.symlink_to(path.parent / "nowhere.db")


UNSERVED = {
    "missing": (missing, "does not exist"),
    "text": (a_text, "not a SQLite database"),
    "encrypted": (encrypted, "encrypted"),
    "folder": (a_folder, "directory"),
    "fifo": (a_fifo, "not a regular file"),
    "dangling-link": (a_dangling_link, "does not exist"),
}


@posix_files
def test_what_cannot_be_served_is_told_at_start_and_nothing_is_made(tmp_path: Path) -> None:
    good = make(tmp_path / "good.db")
    specs: list[str] = []
    for name, (prepare, _) in UNSERVED.items():
        prepare(tmp_path / f"{name}.db")
        specs += ["--db", str(tmp_path / f"{name}.db")]
    before = names(tmp_path)
    alone = start(*specs)
    assert (alone.returncode, alone.stdout) == (2, "")
    checked = start("--db", str(good), *specs, "--check")
    assert (checked.returncode, checked.stdout) == (1, "")
    assert "ok  good" in checked.stderr
    for name, (_, says) in UNSERVED.items():
        told = next(line for line in alone.stderr.splitlines() if line.startswith(f"BAD {name}: "))
        assert says in told
        assert told in checked.stderr
    assert "Traceback" not in alone.stderr + checked.stderr
    assert names(tmp_path) == before, "a file was made by mistake"


def test_check_alone(tmp_path: Path) -> None:
    findings = check(load(SqliteSettings, ["--db", str(make(tmp_path / "good.db"))]))
    assert [finding.ok for finding in findings] == [True]
    assert [finding.ok for finding in check(load(SqliteSettings, []))] == [False]


def corrupt_page(path: Path) -> None:
    make(path)
    data = bytearray(path.read_bytes())
    data[4096:] = bytes(0xA5 for _ in data[4096:])
    path.write_bytes(data)


def truncated(path: Path) -> None:
    make(path)
    with path.open("r+b") as file:
        file.truncate(4096 + 100)


def broken_schema(path: Path) -> None:
    make(path)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA writable_schema=ON")
    connection.execute("UPDATE sqlite_schema SET sql = 'CREATE TABLE t(id INTEGER' WHERE name = 't'")
    connection.commit()
    connection.close()


def hot_journal(path: Path) -> None:
    """What a writer leaves that lost power in the middle of a commit: a journal with the old pages, a changed file."""
    make(path)
    code = (
        "import os, sqlite3, sys\n"
        "c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('PRAGMA cache_spill=ON'); c.execute('PRAGMA cache_size=1'); c.execute('BEGIN')\n"
        'c.execute("UPDATE t SET v = v || hex(randomblob(200))")\n'
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=False, timeout=60)
    assert path.with_name(path.name + "-journal").stat().st_size > 512


def a_text_with_the_magic(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0" + b"\0" * 4080)


AT_THE_CALL = {
    "missing": (missing, {"not_found"}),
    "text": (a_text, {"not_a_database"}),
    "encrypted": (encrypted, {"not_a_database"}),
    "folder": (a_folder, {"not_regular"}),
    "fifo": (a_fifo, {"not_regular"}),
    "corrupt": (corrupt_page, {"corrupt"}),
    "truncated": (truncated, {"corrupt"}),
    "schema": (broken_schema, {"corrupt"}),
    "magic": (a_text_with_the_magic, {"not_a_database", "corrupt"}),
    "hot": (hot_journal, {"needs_recovery"}),
}
TOOLS = {
    "query_database": {"sql": GOOD},
    "list_tables": {},
    "describe_table": {"table_name": "t"},
    "profile_table": {"table_name": "t"},
    "search_schema": {"text": "value"},
    "explain_query": {"sql": GOOD},
}
STILL_READABLE = {
    (damage, tool)
    for damage in ("corrupt", "truncated")
    for tool in ("list_tables", "describe_table", "search_schema", "explain_query")
}


@pytest.mark.requirement("ERR-1")
@posix_files
@pytest.mark.parametrize("writes", [False, True], ids=["read-only", "writes"])
def test_each_is_told_at_its_own_call_and_the_others_are_served(tmp_path: Path, writes: bool) -> None:
    good = make(tmp_path / "good.db")
    for name, (prepare, _) in AT_THE_CALL.items():
        prepare(tmp_path / f"{name}.db")
    before = names(tmp_path)
    specs = [str(good), *(str(tmp_path / f"{name}.db") for name in AT_THE_CALL)]
    flags = ["--rate-limit", "off", *(["--allow-writes"] if writes else [])]
    with RawClient(sqlite_command(*flags, db=specs)) as client:
        for name, (_, codes) in AT_THE_CALL.items():
            for tool, arguments in TOOLS.items():
                reply = client.call(tool, {**arguments, "database": name})
                if not reply.is_error:
                    assert (name, tool) in STILL_READABLE or not codes, f"{tool} on {name}: {reply.text}"
                    continue
                assert reply.code in codes, f"{tool} on {name}: {reply.text}"
                assert len(reply.text) > HINTED
                assert str(tmp_path) not in reply.text
            if writes:
                refused = client.call("execute_sql", {"sql": "DELETE FROM t WHERE id = -1", "database": name})
                assert refused.is_error or name == "hot", f"{name}: {refused.text}"
            assert client.query(GOOD, database="good").data["rows"] == [["value 7"]]
        for uri in ("schema://tables", "schema://tables/t", "schema://diagram", "data://version"):
            shown = client.request("resources/read", {"uri": uri}).result["contents"][0]["text"]
            assert "good" in shown
            assert "Traceback" not in shown
    if not writes:
        assert names(tmp_path) == before, "a file was made or lost"


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Path]:
    """A database that another process holds exclusively."""
    path = make(tmp_path / "locked.db")
    code = (
        "import sqlite3, sys\n"
        "c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('BEGIN EXCLUSIVE'); print('locked', flush=True); sys.stdin.read()\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "locked\n"
    try:
        yield path
    finally:
        holder.communicate()


def test_a_locked_one_says_so_and_is_served_when_it_is_free(locked: Path, tmp_path: Path) -> None:
    good = make(tmp_path / "good.db")
    with RawClient(sqlite_command("--allow-writes", db=[str(good), str(locked)])) as client:
        reply = client.query(GOOD, database="locked")
        assert reply.code == "locked"
        assert "try again" in reply.text.lower()
        written = client.call("execute_sql", {"sql": "DELETE FROM t WHERE id = 1", "database": "locked"})
        assert written.code == "locked"
        assert client.query(GOOD, database="good").data["rows"] == [["value 7"]]


def test_an_empty_file_is_an_empty_database(tmp_path: Path) -> None:
    empty = tmp_path / "empty.db"
    empty.touch()
    with RawClient(sqlite_command(db=str(empty))) as client:
        assert client.query("SELECT 1").data["rows"] == [[1]]
        assert "0 tables" in client.call("list_tables").text
        assert client.query("SELECT * FROM t").code == "unknown_table"
    assert empty.stat().st_size == 0
    assert names(tmp_path) == ["empty.db"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_one_that_may_not_be_read_says_so(tmp_path: Path) -> None:
    secret = make(tmp_path / "secret.db")
    secret.chmod(0)
    ended = start("--db", str(secret))
    assert ended.returncode == 2
    assert "Permission denied" in ended.stderr


@pytest.mark.parametrize("specs", [["name="], ["="], ["a=one.db", "a=two.db"], ["one.db", "elsewhere/one.db"]])
def test_a_switch_that_makes_no_sense_is_told(specs: list[str]) -> None:
    with pytest.raises(InvalidInput) as refusal:
        check(load(SqliteSettings, [word for one in specs for word in ("--db", one)]))
    assert refusal.value.code == "bad_database"
    assert "--db NAME=PATH" in refusal.value.hint


def test_a_link_gives_its_own_name_and_is_settled_at_start(tmp_path: Path) -> None:
    make(tmp_path / "version_12.db")
    (tmp_path / "shop.db").symlink_to("version_12.db")
    (database,) = configured_databases([str(tmp_path / "shop.db")])
    assert (database.name, database.path) == ("shop", tmp_path / "version_12.db")


def test_a_file_that_vanishes_and_comes_back(tmp_path: Path) -> None:
    shop = make(tmp_path / "shop.db")
    with RawClient(sqlite_command(db=str(shop))) as client:
        assert client.query(GOOD).data["rows"] == [["value 7"]]
        shop.rename(tmp_path / "moved.db")
        assert client.query(GOOD).code == "not_found"
        assert names(tmp_path) == ["moved.db"]
        shutil.copyfile(tmp_path / "moved.db", shop)
        assert client.query(GOOD).data["rows"] == [["value 7"]]
        os.kill(client.pid, signal.SIGTERM)
        assert client.process.wait(20) == 0
