"""Redactor: what goes, what stays, twice is once, and hostile text costs no more than its length."""

import base64
import json
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from mcp_servers_shared.guard.redact import Redactor

A40 = "Aa1Bb2Cc3Dd4Ee5Ff6Gg7Hh8Ii9Jj0Kk1Ll2Mm3N"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
KEY_LINES = "\n".join(["MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"] * 3)


def pem(kind: str = "RSA ", end: bool = True, newline: str = "\n") -> str:
    body = f"-----BEGIN {kind}PRIVATE KEY-----\n{KEY_LINES}\n" + (f"-----END {kind}PRIVATE KEY-----" if end else "")
    return body.replace("\n", newline)


SHAPES = {
    "github_token": [f"ghp_{A40}", f"gho_{A40}", f"ghs_{A40}", f"github_pat_11AAAA_{A40}", f"ghs_123_{JWT}"],
    "slack_token": [
        "xoxb-123456789012-abcdefABCDEF",
        "xoxe.xoxp-1-Mi0yLTEyMzQ1Njc4",
        "xapp-1-A0123-456-abcdef0123456789",
    ],
    "atlassian_token": [f"ATATT3xFfGF0{A40}=1A2B3C4D", f"ATCTT3xFfGN0{A40}"],
    "api_key": [f"sk-{A40}", f"sk-ant-api03-{A40}", f"sk-proj-{A40}", f"lin_api_{A40}", f"SG.{A40[:22]}.{A40}"],
    "aws_key": ["AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE"],
    "google_key": [f"AIzaSy{A40[:33]}", f"ya29.{A40}", f"GOCSPX-{A40[:28]}"],
    "npm_token": [f"npm_{A40[:36]}"],
    "pypi_token": [f"pypi-AgEIcHlwaS5vcmc{A40}"],
    "gitlab_token": [f"glpat-{A40[:20]}", f"glptt-{A40}"],
    "jwt": [JWT],
    "stripe_key": [f"sk_live_{A40[:24]}", f"rk_test_{A40[:24]}", f"whsec_{A40}"],
    "telegram_token": [f"123456789:AA{A40[:33]}"],
    "private_key": [pem(), pem("OPENSSH "), pem(""), pem("EC ", newline="\\n")],
}
AROUND = ["{}", "see {} there", '"{}"', "<{}>", "({}),", "x:{}", "k={}&b=1", "line\n{}\nline", "`{}`"]


@pytest.mark.requirement("TOK-1")
@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("kind", SHAPES)
def test_known_shapes_go(kind: str, around: str) -> None:
    for secret in SHAPES[kind]:
        clean = Redactor().text(around.format(secret))
        assert clean == around.format(f"[redacted:{kind}]"), secret


@pytest.mark.requirement("TOK-1")
@pytest.mark.parametrize("newline", ["\n", "\\n", "\r\n"])
def test_a_key_that_was_cut_off_goes_as_well(newline: str) -> None:
    cut = pem(end=False, newline=newline)
    assert Redactor().text(f"before {cut}") == "before [redacted:private_key]"
    header = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0123\n\n"
    assert Redactor().text(pem(end=False).replace("-----\n", f"-----\n{header}")) == "[redacted:private_key]"


PAIRS = [
    ("password=hunter2", "password=[redacted:password]"),
    ("DB_PASSWORD = hunter2 # x", "DB_PASSWORD = [redacted:password] # x"),
    ("PGPASSWORD=a,b!c psql", "PGPASSWORD=[redacted:password] psql"),
    ("MYSQL_PWD='it''s; x'", "MYSQL_PWD='[redacted:password]'"),
    ("Server=x;Uid=sa;Pwd=p@ss;Db=y", "Server=x;Uid=sa;Pwd=[redacted:password];Db=y"),
    ("password: hunter2, user: x", "password: [redacted:password], user: x"),
    ("smtp_pass: x1", "smtp_pass: [redacted:password]"),
    ('{"password": "a\\"b", "n": 1}', '{"password": "[redacted:password]", "n": 1}'),
    ('{"password":"a\\\\","n":"x"}', '{"password":"[redacted:password]","n":"x"}'),
    ('{"clientSecret":"x","n":1}', '{"clientSecret":"[redacted:secret]","n":1}'),
    ('{\\"token\\": \\"a\\\\\\"b\\", \\"n\\": 1}', '{\\"token\\": \\"[redacted:token]\\", \\"n\\": 1}'),
    ("{'api_key': 'x', 'n': 1}", "{'api_key': '[redacted:api_key]', 'n': 1}"),
    ('config["secret"] = "x"', 'config["secret"] = "[redacted:secret]"'),
    ('if password == "x":', 'if password == "[redacted:password]":'),
    ("'apiKey' => 'x'", "'apiKey' => '[redacted:api_key]'"),
    ('"token": 123456, "n": 1', '"token": [redacted:token], "n": 1'),
    ('password="unclosed\nnext', 'password="[redacted:password]\nnext'),
    ("token: a1b2c3", "token: [redacted:token]"),
    ("https://x/?access_token=abc&n=1", "https://x/?access_token=[redacted:token]&n=1"),
    ("?sv=1&sig=abcdefghijklmnop%3D", "?sv=1&sig=[redacted:signature]"),
    ("X-Amz-Signature=0123456789abcdef0", "X-Amz-Signature=[redacted:signature]"),
    ("AWS_SECRET_ACCESS_KEY=a/b+c", "AWS_SECRET_ACCESS_KEY=[redacted:secret]"),
    ("x-api-key: abc", "x-api-key: [redacted:api_key]"),
    ("//registry/:_authToken=abc", "//registry/:_authToken=[redacted:token]"),
    ("_auth=dXNlcjpwYXNz", "_auth=[redacted:authorization]"),
    ("tool --password hunter2 --n 1", "tool --password [redacted:password] --n 1"),
    ("tool --token=abc x", "tool --token=[redacted:token] x"),
    ('["--api-key", "abc", "x"]', '["--api-key", "[redacted:api_key]", "x"]'),
    ("UPDATE u SET password = 'x' WHERE id = 1", "UPDATE u SET password = '[redacted:password]' WHERE id = 1"),
    ("Authorization: Bearer abc.def", "Authorization: Bearer [redacted:authorization]"),
    ("authorization: basic dXNlcjpwYXNz next", "authorization: basic [redacted:authorization] next"),
    ("Authorization: lin_1a2b3c4d", "Authorization: [redacted:authorization]"),
    ('-H "Authorization: token abc" https://x', '-H "Authorization: token [redacted:authorization]" https://x'),
    ('{"Authorization": "Bearer abc"}', '{"Authorization": "Bearer [redacted:authorization]"}'),
    ('Proxy-Authorization: Digest username="a", response="b"', "Proxy-Authorization: Digest [redacted:authorization]"),
    ("Cookie: a=b; c=d\nnext", "Cookie: [redacted:cookie]\nnext"),
    ("Set-Cookie: sid=1; Path=/", "Set-Cookie: [redacted:cookie]"),
    ("got Bearer abcdefgh12345678 back", "got Bearer [redacted:bearer] back"),
    ("postgres://app:hunter2@db:5432/x", "postgres://app:[redacted:password]@db:5432/x"),
    ("postgresql+psycopg://app:a/b?c#d@e@db/x", "postgresql+psycopg://app:[redacted:password]@db/x"),
    ("redis://:pw@h:6379", "redis://:[redacted:password]@h:6379"),
    ("git clone https://u:p%40x@h/r.git#a", "git clone https://u:[redacted:password]@h/r.git#a"),
    (
        f"https://{'ghp_' + A40}:x-oauth-basic@github.com",
        "https://[redacted:github_token]:[redacted:password]@github.com",
    ),
    ("https://hooks.slack.com/services/T0/B0/abc123", "https://hooks.slack.com/services/[redacted:webhook]"),
    (f"password={'ghp_' + A40}!more", "password=[redacted:password]"),
]


@pytest.mark.requirement("TOK-1")
@pytest.mark.parametrize(("text", "clean"), PAIRS)
def test_values_beside_a_telling_name_go(text: str, clean: str) -> None:
    assert Redactor().text(text) == clean
    assert Redactor().text(clean) == clean


HARMLESS = """
token count: 5
tokens: 5, max_tokens=4096, "total_tokens": 120, prompt_tokens: 3
The token bucket holds 10; tokenizer=bert, tokenize: true
unrecognized token: "@"
SQLite: unrecognized token: "123abc"
SyntaxError: Unexpected token: identifier1
primary_key: id, foreign key: user_id, sort_key=name, cache_key: 1a2b3c4d5e, keyboard: de, "key": "a1b2c3d4"
token_type=bearer, "token_type": "Bearer", token_uri: https://oauth2.example/token, password_required: true
has_password=yes, is_secret: false, secret_name: db-main, "secretVersion": 12, TOKEN_FILE=/run/secrets/t
commit 4f32a04c0ffee4f32a04c0ffee4f32a04c0ffee12 and 2bbc8de
sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
id 123e4567-e89b-12d3-a456-426614174000, urn:uuid:123e4567-e89b-12d3-a456-426614174000
SELECT token, password FROM users WHERE password = ? AND token = :token AND secret = $1 AND api_key IS NULL
CREATE TABLE t(token TEXT NOT NULL, password VARCHAR(20), secret BLOB)
SELECT * FROM t WHERE a.id = b.id AND price > 5 -- pass = 3, fail: 2
def login(user: str, password: str, token: str | None = None) -> str:
token = get_token(user); password = form["password"]
password=${DB_PASSWORD} token: {{ secrets.token }} key: <your-token> PASSWORD=$PASSWORD Authorization: Bearer <token>
password: null, "token": null, "secret": "", token=, password: ****
PWD=/root/work OLDPWD=/tmp
Authorization: required for this call. The secret: be kind. Cookie: chocolate
the bearer of this letter is a bearer authentication scheme
class="sk-folding-cube-container-wide sk-cube" task-management-system-overview
npm_config_registry=https://registry.example/ npm_lifecycle_event
http://example.com:8080/a@b?mail=x@y.z mailto:a@b.c ssh://git@host/r git@github.com:a/b.git
docker://alpine:3.19@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
schema://tables/users memo://insights file:///srv/a:b postgres://db/x postgres://app@db/x
ghp_short gho_ xoxb- AKIA123 AIza eyJ eyJhbGci sk-1234 ASIAN AT&T glpat- whsec_
-----BEGIN PRIVATE KEY----- is how such a file begins; -----BEGIN CERTIFICATE-----
author: x, authority=y, authors: z, signal: 9, sig: 11, design=1, cookies: 3, passed: 10, passenger=1, keys: 3
https://hooks.slack.com/ is the host; Bearer token; C++ Token::kind; a ? b : token
path C:\\Users\\x\\token.txt, {token}, [token], "token", 'secret', token.
2026-11-22T08:00:00Z 10:20:30 1:2 a::b => -> <- == != ===
"""


@pytest.mark.parametrize("line", HARMLESS.strip().splitlines())
def test_ordinary_text_stays(line: str) -> None:
    assert Redactor().text(line) == line
    assert Redactor().value({"text": line, "rows": [[line]]}) == {"text": line, "rows": [[line]]}


SECRET = "tr0ub/4dor &3+é"


@pytest.mark.requirement("TOK-1")
def test_literal_secrets_go_in_every_form() -> None:
    redactor = Redactor(secrets=[SECRET, "abc", ""])
    raw = SECRET.encode()
    forms = [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        quote(SECRET).lower(),
        json.dumps(SECRET),
    ]
    for form in forms:
        clean = redactor.text(f"before {form} after")
        assert clean in ("before [redacted:secret] after", 'before "[redacted:secret]" after')
    for before in (b"", b"u:", b"me:", b"you:", b"x" * 20):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            clean = redactor.text(encode(before + raw + b":tail").decode())
            assert "[redacted:secret]" in clean
            assert SECRET.encode() not in base64.b64decode(
                clean.replace("[redacted:secret]", "") + "==", altchars=b"-_"
            )
    assert redactor.text("abc") == "abc"


@pytest.mark.requirement("TOK-1")
def test_configured_names() -> None:
    redactor = Redactor(extra_names=["ssn", "cardNumber"])
    assert redactor.text("ssn=1 user_ssn: 2 card-number=3 card=4 number=5 sessn=6") == (
        "ssn=[redacted:ssn] user_ssn: [redacted:ssn] card-number=[redacted:card_number] card=4 number=5 sessn=6"
    )
    assert redactor.value({"CARD_NUMBER": 4, "x": None}) == {"CARD_NUMBER": "[redacted:card_number]", "x": None}
    with pytest.raises(ValueError, match="name"):
        Redactor(extra_names=["--"])


@pytest.mark.requirement("TOK-1")
def test_json_values() -> None:
    given_value = {
        "password": "x",
        "db": {"api_key": ["a", {"b": 1}], "token": None, "secret": False, "tokens": 5, "pin": 12},
        "argv": ["tool", "--token", "abc", "--n", "1", "--pwd=x", "y", "--secret", "--z"],
        f"ghp_{A40}": 1,
        f"ghp_{A40}1": 2,
        "note": f"AKIAIOSFODNN7EXAMPLE and {JWT}",
        "number": 1.5,
        "raw": b"password=x",
        "pair": ("a", "token=b"),
    }
    assert Redactor().value(given_value) == {
        "password": "[redacted:password]",
        "db": {"api_key": "[redacted:api_key]", "token": None, "secret": False, "tokens": 5, "pin": 12},
        "argv": [
            "tool",
            "--token",
            "[redacted:token]",
            "--n",
            "1",
            "--pwd=[redacted:password]",
            "y",
            "--secret",
            "--z",
        ],
        "[redacted:github_token]": 1,
        "[redacted:github_token]+": 2,
        "note": "[redacted:aws_key] and [redacted:jwt]",
        "number": 1.5,
        "raw": "b'password=[redacted:password]'",
        "pair": ["a", "token=[redacted:token]"],
    }


@pytest.mark.requirement("TOK-1")
def test_depth_is_bounded() -> None:
    deep: Any = "password=x"
    for _ in range(100_000):
        deep = [deep]
    clean = json.dumps(Redactor().value(deep))
    assert clean == "[" * 64 + '"[redacted:depth]"' + "]" * 64
