"""What the log keeps of arguments, and the record of one call."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_servers_shared.audit import ArgumentPolicy, AuditRecord, Mode, new_call_id
from mcp_servers_shared.audit.arguments import WITHHELD
from mcp_servers_shared.errors import InvalidInput

CANARY = "hunter2-canary"


class CanaryRedactor:
    """Stands for the real redactor: takes one word out of any value."""

    def value(self, obj: Any) -> Any:
        return json.loads(json.dumps(obj).replace(CANARY, "[redacted]"))


def redacted() -> ArgumentPolicy:
    return ArgumentPolicy(redact=CanaryRedactor())


def hashed(key: bytes = b"k" * 32) -> ArgumentPolicy:
    return ArgumentPolicy("hashed", key=lambda: key)


def test_redacted_keeps_what_is_short_and_no_secret() -> None:
    kept = redacted().apply({"sql": "SELECT 1", "limit": 5, "deep": {"list": [1, None, True, 1.5]}})
    assert kept == {"sql": "SELECT 1", "limit": 5, "deep": {"list": [1, None, True, 1.5]}}


@pytest.mark.requirement("TOK-1")
@pytest.mark.parametrize("policy", [redacted(), hashed(), ArgumentPolicy("none")], ids=lambda policy: policy.mode)
def test_no_secret_is_kept(policy: ArgumentPolicy) -> None:
    kept = policy.apply({"a": CANARY, "b": [f"x {CANARY} y"], "c": {"d": "z" * 490 + CANARY + "z" * 500}})
    assert "hunter2" not in json.dumps(kept)


@pytest.mark.requirement("TOK-1")
def test_a_secret_across_the_cut_is_redacted_before_it_is_cut() -> None:
    kept = redacted().apply({"text": "z" * 495 + CANARY + "z" * 500})
    assert "hunte" not in kept["text"]


@pytest.mark.requirement("TOK-1")
@pytest.mark.parametrize("before", [0, 100, 370, 375, 380, 8_185, 16_000])
def test_of_a_very_long_text_only_the_start_is_kept_and_no_secret_of_it(before: int) -> None:
    text = "z" * before + CANARY + "z" * 100_000
    kept = redacted().apply({"deep": [{"text": text}]})["deep"][0]["text"]
    assert "hunte" not in kept
    assert len(kept) <= 500
    assert kept.endswith(f"… [{len(text)} characters, sha256 {hashlib.sha256(text.encode()).hexdigest()}]")


def test_megabytes_are_not_searched_for_secrets() -> None:
    seen: list[int] = []

    def note(value: Any) -> Any:
        seen.append(len(json.dumps(value)))
        return value

    ArgumentPolicy(redact=note).apply({"content": "x" * 10_000_000, "more": ["y" * 5_000_000]})
    assert max(seen) < 20_000


def test_a_long_text_is_cut_with_length_and_hash() -> None:
    text = "é" * 600
    kept = redacted().apply({"text": text})["text"]
    assert kept.startswith("é" * 500 + "…")
    assert "600 characters" in kept
    assert hashlib.sha256(text.encode()).hexdigest() in kept
    assert redacted().apply("y" * 500) == "y" * 500


@pytest.mark.requirement("TOK-1")
def test_a_redactor_that_fails_keeps_nothing() -> None:
    def broken(_: Any) -> Any:
        raise RuntimeError(CANARY)

    assert ArgumentPolicy(redact=broken).apply({"a": CANARY}) == WITHHELD


def test_a_plain_callable_is_a_redactor_too() -> None:
    assert ArgumentPolicy(redact=lambda _: "gone").apply({"a": 1}) == "gone"


def test_hashed_tells_equal_from_different_and_nothing_else() -> None:
    policy = hashed()
    first = policy.apply({"id": "customer-17", "n": 1, "list": [1, 2]})
    again = policy.apply({"list": [1, 2], "other": "customer-17", "n": "1"})
    assert first["id"] == again["other"]
    assert first["list"] == again["list"]
    assert first["n"]["hmac"] != again["n"]["hmac"]
    assert first["id"]["type"] == "string"
    assert first["id"]["length"] == 11
    assert hashed(b"o" * 32).apply({"id": "customer-17"})["id"]["hmac"] != first["id"]["hmac"]
    assert hashlib.sha256(b"customer-17").hexdigest() not in json.dumps(first)


def test_hashed_without_a_key_keeps_nothing() -> None:
    def no_key() -> bytes:
        raise OSError("no state folder")

    assert ArgumentPolicy("hashed", key=no_key).apply({"a": 1}) == {"a": WITHHELD}


def test_the_key_is_asked_for_at_first_use_only() -> None:
    asked: list[int] = []

    def key() -> bytes:
        asked.append(1)
        return b"k" * 32

    policy = ArgumentPolicy("hashed", key=key)
    assert asked == []
    policy.apply({"a": 1, "b": 2})
    policy.apply("c")
    assert asked == [1]


def test_none_keeps_nothing() -> None:
    assert ArgumentPolicy("none").apply({"a": 1}) is None


def test_a_policy_without_what_it_needs_is_refused() -> None:
    for mode in ("redacted", "hashed"):
        with pytest.raises(InvalidInput):
            ArgumentPolicy(mode)
    unknown: Any = "everything"
    with pytest.raises(InvalidInput):
        ArgumentPolicy(unknown, redact=lambda obj: obj)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.just("long " * 200),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=12,
)


@settings(deadline=None, max_examples=60)
@given(value=values, mode=st.sampled_from(["redacted", "hashed", "none"]))
def test_whatever_comes_is_plain_json_of_limited_size(value: Any, mode: Mode) -> None:
    policy = ArgumentPolicy(mode, redact=lambda obj: obj, key=lambda: b"k")
    json.dumps(policy.apply(value), allow_nan=False)


@pytest.mark.parametrize(
    "value",
    [["x" * 400] * 100_000, {f"k{n}": "y" * 300 for n in range(50_000)}, [[[[[[[[[[[["deep"]]]]]]]]]]]]],
    ids=["list", "object", "deep"],
)
def test_large_arguments_stay_within_a_record(value: Any) -> None:
    assert len(json.dumps(redacted().apply({"value": value}))) < 40_000


def test_the_record_says_what_it_knows_and_nothing_empty() -> None:
    call = new_call_id()
    record = AuditRecord(
        phase="call", call=call, server="sqlite", principal="local", method="tools/call", kind="read",
        target="query", arguments={"sql": "SELECT 1"}, decision="allowed", rows=0, pid=7, notes={"db": "a", "rows": 9},
    )  # fmt: skip
    assert record.to_json() == {
        "phase": "call", "call": call, "server": "sqlite", "principal": "local", "method": "tools/call",
        "kind": "read", "target": "query", "arguments": {"sql": "SELECT 1"}, "decision": "allowed", "rows": 0,
        "pid": 7, "db": "a",
    }  # fmt: skip
    assert new_call_id() != call
