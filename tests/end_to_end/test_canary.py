"""Secrets that a caller sends along come back in no error, log, audit record or file of the server."""

import json
import os
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from raw_client import Era, RawClient, Reply, sqlite_command

BODY = "Zq7Xw2Lk9Vb4Nm1Pc8Rt5Yh3Jd6Fg0Sa2Qe4"
CANARIES = {
    "github": f"ghp_{BODY}",
    "aws": "AKIAZQ7XW2LK9VB4NM1P",
    "slack": "xoxb-481516234200-481516234211-Zq7Xw2Lk9Vb4Nm1Pc8Rt5Yh3",
    "url": "postgres://app:Zq7Xw2Lk9Vb4@db.example/shop",
    "pair": "password=Zq7Xw2Lk9Vb4Nm1P",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJaUTdYdzJMazlWYjQifQ.Zq7Xw2Lk9Vb4Nm1Pc8Rt5Yh3Jd6Fg0Sa2Qe4AbCdEf",
}
TELLTALES = ["Zq7Xw2Lk9Vb4", "ZQ7XW2LK9VB4NM1P"]


def calls(secret: str) -> list[tuple[str, dict[str, Any]]]:
    """Tool calls that fail with a secret in each of their places."""
    return [
        ("query_database", {"sql": f"SELECT '{secret}' FROM nothing"}),
        ("query_database", {"sql": f"SELEC '{secret}'"}),
        ("query_database", {"sql": f'SELECT "{secret}".x FROM t'}),
        ("query_database", {"sql": f"SELECT * FROM [{secret}]"}),
        ("query_database", {"sql": f"DELETE FROM t WHERE v = '{secret}'"}),
        ("query_database", {"sql": "SELECT ? FROM nothing", "params": [secret]}),
        ("query_database", {"sql": "SELECT :password FROM nothing", "params": {"password": secret}}),
        ("query_database", {"sql": "SELECT 1", "passwrd": secret}),
        ("query_database", {"sql": "SELECT 1", "limit": secret}),
        ("query_database", {"sql": "SELECT 1", "cursor": secret}),
        ("query_database", {"sql": "SELECT 1", "database": secret}),
        ("describe_table", {"table_name": secret}),
        ("profile_table", {"table_name": "t", "columns": [secret]}),
        ("execute_sql", {"sql": f"UPDATE nothing SET v = '{secret}'"}),
        ("execute_sql", {"sql": "DELETE FROM t", "confirm_id": secret}),
        ("execute_sql", {"sql": f"CREATE TABLE t(a DEFAULT '{secret}')"}),
        ("write_query", {"query": f"INSERT INTO t VALUES('{secret}', 1, 2)"}),
    ]


def requests(secret: str) -> list[tuple[str, dict[str, Any]]]:
    """Other requests with a secret in their places."""
    argument = {"name": "table_name", "value": secret}
    template = {"type": "ref/resource", "uri": "schema://tables/{table_name}"}
    return [
        ("tools/call", {"name": secret, "arguments": {}}),
        ("prompts/get", {"name": secret}),
        ("prompts/get", {"name": "optimize_query", "arguments": {"sql": f"SELECT {secret}"}}),
        ("resources/read", {"uri": f"schema://tables/{secret}"}),
        ("resources/read", {"uri": f"nowhere://{secret}"}),
        ("completion/complete", {"ref": template, "argument": argument}),
        (f"no/{secret}", {}),
    ]


def shows(text: str) -> list[str]:
    return [one for one in TELLTALES if one in text]


@pytest.mark.requirement("TOK-1", "ERR-1")
@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_no_sink_keeps_a_secret_of_the_caller(tmp_path: Path, era: Era) -> None:
    database = tmp_path / "shop.db"
    sqlite3.connect(database).executescript("CREATE TABLE t(v)").connection.close()
    state, log = tmp_path / "state", tmp_path / "audit.jsonl"
    flags = ["--allow-writes", "--rate-limit", "off", "--log-level", "DEBUG", "--audit-log", str(log)]
    leaks: list[str] = []
    with RawClient(sqlite_command(*flags, db=str(database)), era, {"MCP_SERVERS_STATE_DIR": str(state)}) as client:
        for kind, secret in CANARIES.items():
            replies: list[tuple[str, Reply]] = []
            for tool, arguments in calls(secret):
                reply = client.call(tool, arguments)
                assert reply.is_error, f"{tool} {arguments} did not fail"
                replies.append((f"{tool} {sorted(arguments)}", reply))
            replies += [
                (method.partition("/")[0], client.request(method, params)) for method, params in requests(secret)
            ]
            leaks += [f"{kind}: answer to {what}: {r.text}" for what, r in replies if shows(json.dumps(r.message))]
            assert "Traceback" not in json.dumps([reply.message for _, reply in replies])
        os.write(client.process.stdin.fileno(), f'{{"broken": "{CANARIES["github"]}\n'.encode())  # pyright: ignore[reportOptionalMemberAccess]
        assert not client.query("SELECT 1").is_error
    leaks += [f"stderr: {line}" for line in client.stderr().splitlines() if shows(line)]
    written = [log, *(path for path in state.rglob("*") if path.is_file())]
    for path in written:
        leaks += [f"{path.name}: {line}" for line in path.read_text(errors="replace").splitlines() if shows(line)]
    assert log.stat().st_size > 10_000, "nothing was recorded"
    assert not leaks, "\n".join(leaks)


@pytest.mark.requirement("TOK-1")
def test_a_password_in_an_encoded_address_is_not_recorded(tmp_path: Path) -> None:
    database = tmp_path / "shop.db"
    sqlite3.connect(database).executescript("CREATE TABLE t(v)").connection.close()
    log = tmp_path / "audit.jsonl"
    with RawClient(sqlite_command("--audit-log", str(log), db=str(database))) as client:
        client.request("resources/read", {"uri": f"schema://tables/{quote(CANARIES['url'], safe='')}"})
    assert not shows(log.read_text(encoding="utf-8"))
