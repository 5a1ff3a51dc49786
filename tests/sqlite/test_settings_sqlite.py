"""The SQLite server's switches: how databases are named, where each may be set, and what --check says."""

import os
from pathlib import Path

import pytest
from mcp import Client
from sessions import call, code_of, data_of, made, play, settings, text_of

from mcp_servers_shared.settings import load
from mcp_servers_sqlite.databases import configured_databases
from mcp_servers_sqlite.server import check
from mcp_servers_sqlite.settings import SqliteSettings

SHOP = "CREATE TABLE t(a); INSERT INTO t VALUES(1),(2),(3);"


def names(*specs: str) -> dict[str, str]:
    return {one.name: str(one.path) for one in configured_databases(specs)}


def test_a_database_is_named_by_its_file_or_by_hand(tmp_path: Path) -> None:
    folder = os.path.realpath(tmp_path)
    assert names(f"{folder}/shop.db") == {"shop": f"{folder}/shop.db"}
    assert names(f"crm={folder}/x.sqlite3", f"{folder}/y") == {"crm": f"{folder}/x.sqlite3", "y": f"{folder}/y"}
    assert names(f"{folder}/.db") == {".db": f"{folder}/.db"}
    assert names(f"{folder}/a=b.db") == {"a=b": f"{folder}/a=b.db"}
    (tmp_path / "x=y.db").touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        assert names("x=y.db") == {"x=y": f"{folder}/x=y.db"}, "a file that exists is a file"
        assert names("z=y.db") == {"z": f"{folder}/y.db"}


@pytest.mark.skipif(os.name == "nt", reason="these characters cannot be in a Windows file name")
@pytest.mark.parametrize(
    "name", ["a?mode=rwc.db", "b#c.db", "100%41.db", "with space.db", "caf\u00e9.db", "new\nline.db"]
)
def test_odd_file_names_open_exactly_that_file(tmp_path: Path, name: str) -> None:
    path = made(tmp_path / name, SHOP)
    result = call(settings(f"odd={path}"), "query_database", sql="SELECT count(*) FROM t")
    assert data_of(result)["rows"] == [[3]], text_of(result)
    assert sorted(os.listdir(tmp_path)) == [name]


def test_flag_then_own_variable_then_shared_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCP_SERVERS_DB", "shared.db")
    assert load(SqliteSettings, []).db == ["shared.db"]
    monkeypatch.setenv("MCP_SERVERS_SQLITE_DB", os.pathsep.join(["one.db", "two=x.db"]))
    assert load(SqliteSettings, []).db == ["one.db", "two=x.db"]
    assert load(SqliteSettings, ["--db", "a.db", "--db", "b.db"]).db == ["a.db", "b.db"]
    assert load(SqliteSettings, ["--db-path", "a.db"]).db == ["a.db"], "the flag of mcp-server-sqlite"
    assert load(SqliteSettings, ["--db-path=a.db"]).db == ["a.db"]


def test_writing_is_off_until_it_is_switched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(SqliteSettings, []).allow_writes is False
    monkeypatch.setenv("MCP_SERVERS_SQLITE_ALLOW_WRITES", "true")
    assert load(SqliteSettings, []).allow_writes is True
    assert load(SqliteSettings, ["--no-allow-writes"]).allow_writes is False


@pytest.mark.parametrize(
    "flags",
    [
        ["--timeout", "0"],
        ["--timeout", "never"],
        ["--max-rows", "0"],
        ["--max-cell-chars", "5"],
        ["--workers", "0"],
        ["--workers", "1000"],
        ["--queue", "-1"],
        ["--max-result-chars", "100"],
        ["--max_rows", "5"],
        ["--max-row", "5"],
        ["shop.db"],
    ],
    ids=" ".join,
)
def test_a_value_that_makes_no_sense_ends_with_2_and_names_the_flag(
    flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ending:
        load(SqliteSettings, flags)
    assert ending.value.code == 2
    said = capsys.readouterr()
    assert flags[0] in said.err
    assert not said.out


def test_check_says_mode_and_path(tmp_path: Path) -> None:
    shop = made(tmp_path / "shop.db", SHOP)
    (reading,) = check(settings(shop))
    assert reading.ok
    assert str(shop) in reading.text
    assert "read-only" in reading.text
    (writing,) = check(settings(shop, allow_writes=True))
    assert "read-write" in writing.text
    (missing,) = check(settings(tmp_path / "new.db", create=True))
    assert not missing.ok, "--create without --allow-writes makes nothing"
    (made_later,) = check(settings(tmp_path / "new.db", create=True, allow_writes=True))
    assert made_later.ok
    assert not (tmp_path / "new.db").exists(), "--check made it"


def test_starting_makes_nothing_anywhere(tmp_path: Path, private_state: Path) -> None:
    async def scene(client: Client) -> None:
        await client.list_tools()

    served = settings(tmp_path / "new.db", create=True, allow_writes=True, audit_log="")
    before = sorted(os.listdir(tmp_path))
    play(scene, served)
    assert sorted(os.listdir(tmp_path)) == before
    assert not (private_state / "keys" / "cursor.key").exists()
    assert not (private_state / "sqlite").exists()


def test_settings_reach_the_work(tmp_path: Path) -> None:
    shop = made(tmp_path / "shop.db", "CREATE TABLE t(a); INSERT INTO t VALUES(printf('%.*c', 500, 'x'));")
    cut = data_of(call(settings(shop, max_cell_chars=50), "query_database", sql="SELECT a FROM t"))
    assert cut["rows"][0][0] == "x" * 50 + "... [500 chars]"
    endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT count(*) FROM c"
    late = call(settings(shop, timeout=0.3), "query_database", sql=endless)
    assert code_of(late) == "deadline"
    assert "0.3 s" in text_of(late)


@pytest.mark.parametrize("asked", [{"timeout": 60}, {"max_rows": 10**6}, {"readonly": False}, {"path": "/etc/passwd"}])
def test_no_argument_can_relax_a_setting(tmp_path: Path, asked: dict[str, object]) -> None:
    shop = made(tmp_path / "shop.db", SHOP)
    assert code_of(call(settings(shop), "query_database", "auto", sql="SELECT 1", **asked)) == "invalid_arguments"


def test_several_databases_are_told_apart(tmp_path: Path) -> None:
    shop, crm = made(tmp_path / "shop.db", SHOP), made(tmp_path / "crm.db", "CREATE TABLE people(name);")
    served = settings(shop, crm)
    for tool, arguments in {
        "query_database": {"sql": "SELECT 1"},
        "list_tables": {},
        "describe_table": {"table_name": "t"},
        "search_schema": {"text": "people"},
        "profile_table": {"table_name": "t"},
        "explain_query": {"sql": "SELECT 1"},
        "read_query": {"query": "SELECT 1"},
    }.items():
        unnamed = call(served, tool, "auto", **arguments)
        assert code_of(unnamed) == "which_database", tool
        assert "shop, crm" in text_of(unnamed)
        if tool != "read_query":
            wrong = call(served, tool, "auto", **arguments, database="shopp")
            assert code_of(wrong) == "unknown_database"
            assert "Did you mean shop?" in text_of(wrong)
    assert "people" in text_of(call(served, "list_tables", database="crm"))
    assert "people" not in text_of(call(served, "list_tables", database="shop"))
    assert 'from="database crm"' in text_of(call(served, "list_tables", database="crm"))
