"""Laws of the redactor: twice is once, planted secrets never come through, and time is linear in hostile text."""

import json
import time
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mcp_servers_shared.guard.redact import Redactor

LITERAL = "c0rrect/horse"
REDACTOR = Redactor(extra_names=["ssn"], secrets=[LITERAL])
TOKEN = "Aa1Bb2Cc3Dd4Ee5Ff6Gg7Hh8Ii9Jj0Kk1Ll2Mm3N"

# What the patterns are made of: any order of them is a hostile text.
PIECES = [
    *("password", "token", "api_key", "Authorization", "Cookie", "sig", "ssn", "pwd", "secret", "_auth", "é", "\u202e"),
    *("=", ":", "==", "=>", ":=", " ", "\t", "\n", "\\n", "\\", '\\"', '\\\\"', '"', "'", "`", '""', ",", ";", "&"),
    *(
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        "<",
        ">",
        "@",
        "/",
        "?",
        "#",
        "%",
        "$",
        ".",
        "-",
        "--",
        "_",
        "*",
        "|",
        "é",
        "\u202e",
    ),
    *("Bearer ", "Basic ", "digest ", "bearer aaaaaaaaaaaaaaaa1", "--token ", '--token", ', "unrecognized token: "),
    *("://", "http://", "https://u:p@h", "postgres://", "redis://:x@y", "a:b@", "sha256:", "hooks.slack.com/services/"),
    *("ghp_", f"ghp_{TOKEN}", "xoxb-", "sk-", f"sk-{TOKEN}", "eyJ", "eyJaaaaaaaa", "AKIA", "AKIAIOSFODNN7EXAMPLE"),
    *("SG.", "glpat-", "npm_", "12345678:AA", "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", "-----"),
    *("[redacted:", "[redacted:x]", "[redacted:password]", "redacted", LITERAL, LITERAL[:5], "c0rrect%2Fhorse"),
    *("a", "A", "0", "hunter2", "null", "?", "${X}", "<x>", ":password", "f(", "x" * 20, "MII" + "A" * 60),
]
HOSTILE = st.lists(st.sampled_from(PIECES), max_size=14).map("".join) | st.text(max_size=40)


@pytest.mark.requirement("TOK-1")
@settings(max_examples=400, deadline=None)
@given(text=HOSTILE)
@example("https://a[redacted:x]b:pw@host")
@example("password=unrecognized token: passwordpassword")
@example("Cookiepostgres://api_key:#`a:b@")
@example("bearer aaaaaaaaaaaaaaaa1https://u:p@hhttp://12345678:AA@")
@example("password=[redacted:x]@token=[redacted:x]),")
def test_twice_is_once(text: str) -> None:
    once = REDACTOR.text(text)
    assert REDACTOR.text(once) == once


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | HOSTILE,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(HOSTILE, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.requirement("TOK-1")
@settings(max_examples=150, deadline=None)
@given(value=JSON)
def test_values_keep_being_json_and_twice_is_once(value: Any) -> None:
    once = REDACTOR.value(value)
    assert REDACTOR.value(once) == once
    assert json.loads(json.dumps(once)) == once


PLAIN = st.text(st.sampled_from("abcdefgh XYZ 0123 .,!\n"), max_size=30)


@pytest.mark.requirement("TOK-1")
@settings(max_examples=150, deadline=None)
@given(before=PLAIN, after=PLAIN, secret=st.sampled_from([f"ghp_{TOKEN}", f"xoxb-{TOKEN}", LITERAL, f"glpat-{TOKEN}"]))
def test_a_planted_secret_never_comes_through(before: str, after: str, secret: str) -> None:
    text = f"{before} {secret} {after}"
    for clean in (REDACTOR.text(text), json.dumps(REDACTOR.value({"a": [{"b": text}, json.dumps({"c": text})]}))):
        assert secret not in clean
        assert secret[-10:] not in clean


@pytest.mark.requirement("TOK-1")
@settings(max_examples=150, deadline=None)
@given(password=st.text(min_size=1, max_size=20).filter(lambda text: "[redacted" not in text), style=st.integers(0, 2))
def test_a_json_password_never_comes_through(password: str, style: int) -> None:
    text = json.dumps({"user": "u", "password": f"<<{password}>>", "n": 1}, ensure_ascii=style == 0)
    if style == 2:
        text = json.dumps({"inner": text})
    clean = json.loads(REDACTOR.text(text))
    inner = json.loads(clean["inner"]) if style == 2 else clean
    assert inner == {"user": "u", "password": "[redacted:password]", "n": 1}


MEGABYTE = 1_000_000
HANG = 20.0
LONGEST = ["a", "sk-", "eyJaaaaaaaa-", "Cookie: ", 'password="', "a://", "x=[redacted:x]@", "a: password=[redacted:x]@"]
ADVERSARIAL = [
    *("a", "a ", "\\", '"', "password=", 'password="', "token: ", 'cookie: "', "Cookie: ", "pwd=/", "--token ", "a="),
    *("a://", "a:b@", "https://", "redis://a@", "redis://a:", "sk-", "sk-sk_", "eyJaaaaaaaa-", "eyJaaaaaaaa.", "ghp_"),
    *("SG.", "SG.aaaaaaaaaaaaaaaaaaaa", "bearer ", "bearer a", "-----BEGIN PRIVATE KEY-----", "-----BEGIN A ", "-"),
    *("[redacted:", "[redacted:x]", "a: password=[redacted:x]@", "token: \"'", "secret: [", "12345678:AA", "AaA"),
]


@pytest.mark.requirement("RED-1")
@pytest.mark.parametrize("piece", LONGEST)
def test_a_megabyte_of_hostile_text_is_done_soon(piece: str) -> None:
    require_soon(piece * (MEGABYTE // len(piece) + 1))


@pytest.mark.requirement("RED-1")
@pytest.mark.parametrize("piece", ADVERSARIAL)
def test_no_piece_of_a_pattern_repeated_takes_long(piece: str) -> None:
    require_soon(piece * (MEGABYTE // 4 // len(piece)))


@pytest.mark.requirement("RED-1")
@pytest.mark.parametrize("name", ["cookie", "token", '"token"', "unrecognized token", "pwd", "sig"])
def test_quotes_of_growing_depth_are_not_looked_at_again_and_again(name: str) -> None:
    require_soon("".join(f"{name}: {chr(92) * depth}" + '"' for depth in range(1400)))


def require_soon(text: str) -> None:
    start = time.process_time()
    REDACTOR.text(text)
    # CPU time of this process. Linear text takes below 2 s, a quadratic pattern minutes: the limit tells those apart.
    assert time.process_time() - start < HANG
