"""Confirmations: once, for exactly what was shown, for a while."""

import contextlib
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_servers_shared.errors import NotConfirmed
from mcp_servers_shared.guard.confirm import LIFE_SECONDS, Binding, Confirmations

SHOWN = Binding("local:ann", "execute_sql", {"sql": "DELETE FROM t WHERE id = 1", "params": None}, "digest-1")
OTHERS = [
    Binding("local:bob", SHOWN.tool, SHOWN.arguments, SHOWN.preview),
    Binding(SHOWN.principal, "write_query", SHOWN.arguments, SHOWN.preview),
    Binding(SHOWN.principal, SHOWN.tool, {"sql": "DELETE FROM t", "params": None}, SHOWN.preview),
    Binding(SHOWN.principal, SHOWN.tool, {**SHOWN.arguments, "params": [1]}, SHOWN.preview),
    Binding(SHOWN.principal, SHOWN.tool, {**SHOWN.arguments, "backup": False}, SHOWN.preview),
    Binding(SHOWN.principal, SHOWN.tool, {}, SHOWN.preview),
    Binding(SHOWN.principal, SHOWN.tool, SHOWN.arguments, "digest-2"),
    Binding(SHOWN.principal, SHOWN.tool, SHOWN.arguments, ""),
]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def refusal(confirmations: Confirmations, confirm_id: str, binding: Binding) -> str:
    with pytest.raises(NotConfirmed) as caught:
        confirmations.redeem(confirm_id, binding)
    assert caught.value.rule == "CONF-1"
    assert "Call again without confirm_id" in caught.value.hint
    return caught.value.code


@pytest.mark.requirement("CONF-1")
def test_it_works_exactly_once() -> None:
    confirmations = Confirmations()
    confirm_id = confirmations.issue(SHOWN)
    confirmations.redeem(confirm_id, SHOWN)
    for _ in range(3):
        assert refusal(confirmations, confirm_id, SHOWN) == "bad_confirm_id"


@pytest.mark.requirement("CONF-1", "STATE-1")
@pytest.mark.parametrize("other", OTHERS, ids=range(len(OTHERS)))
def test_it_is_bound_to_every_part_and_a_wrong_use_uses_it_up(other: Binding) -> None:
    confirmations = Confirmations()
    confirm_id = confirmations.issue(SHOWN)
    assert refusal(confirmations, confirm_id, other) == "stale_confirm_id"
    assert refusal(confirmations, confirm_id, SHOWN) == "bad_confirm_id"


@pytest.mark.requirement("CONF-1")
def test_the_order_of_arguments_does_not_matter() -> None:
    confirmations = Confirmations()
    swapped = Binding(SHOWN.principal, SHOWN.tool, dict(reversed(list(SHOWN.arguments.items()))), SHOWN.preview)
    confirmations.redeem(confirmations.issue(SHOWN), swapped)


@pytest.mark.requirement("CONF-1")
def test_it_expires() -> None:
    clock = Clock()
    confirmations = Confirmations(clock=clock)
    early, late = confirmations.issue(SHOWN), confirmations.issue(SHOWN)
    clock.now += LIFE_SECONDS - 0.001
    confirmations.redeem(early, SHOWN)
    clock.now += 0.001
    assert refusal(confirmations, late, SHOWN) == "bad_confirm_id"


@pytest.mark.requirement("CONF-1")
def test_a_thousand_other_statements_find_no_way_in() -> None:
    confirmations = Confirmations()
    for number in range(1_000):
        confirm_id = confirmations.issue(SHOWN)
        other = Binding(SHOWN.principal, SHOWN.tool, {"sql": f"DELETE FROM t WHERE id = {number + 2}"}, SHOWN.preview)
        assert refusal(confirmations, confirm_id, other) == "stale_confirm_id"
        assert refusal(confirmations, confirm_id, SHOWN) == "bad_confirm_id"


@pytest.mark.requirement("CONF-1")
@pytest.mark.parametrize("invented", ["", " ", "0", "x" * 22, "\0", "é" * 9, "../../etc/passwd", "A" * 1_000_000])
def test_an_invented_id_opens_nothing(invented: str) -> None:
    confirmations = Confirmations()
    confirmations.issue(SHOWN)
    assert refusal(confirmations, invented, SHOWN) == "bad_confirm_id"


@pytest.mark.requirement("STATE-1")
def test_ids_are_random_and_say_nothing() -> None:
    confirmations = Confirmations()
    ids = {confirmations.issue(SHOWN) for _ in range(500)}
    assert len(ids) == 500
    assert all(len(one) >= 22 and one.replace("-", "").replace("_", "").isalnum() for one in ids)
    assert not any("DELETE" in one for one in ids)


def test_only_so_many_stay_open_and_the_newest_do() -> None:
    confirmations = Confirmations()
    ids = [confirmations.issue(SHOWN) for _ in range(1_001)]
    assert refusal(confirmations, ids[0], SHOWN) == "bad_confirm_id"
    for one in ids[1:]:
        confirmations.redeem(one, SHOWN)


def tries_together(confirmations: Confirmations, confirm_id: str) -> list[bool]:
    """Whether each of eight threads got in."""
    entered: list[bool] = []
    together = threading.Barrier(8)

    def redeem() -> None:
        together.wait()
        with contextlib.suppress(NotConfirmed):
            confirmations.redeem(confirm_id, SHOWN)
            entered.append(True)

    threads = [threading.Thread(target=redeem) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return entered


@pytest.mark.requirement("CONF-1")
def test_of_many_threads_with_one_id_one_gets_in() -> None:
    confirmations = Confirmations()
    for _ in range(20):
        assert sum(tries_together(confirmations, confirmations.issue(SHOWN))) == 1


@pytest.mark.requirement("CONF-1")
@given(st.dictionaries(st.text(max_size=4), json_values, max_size=3), st.text(max_size=4), st.text(max_size=4))
def test_no_part_can_be_shifted_into_another(arguments: dict[str, Any], tool: str, preview: str) -> None:
    one = Binding("ann", tool, arguments, preview)
    for two in (
        Binding("ann" + tool[:1], tool[1:], arguments, preview),
        Binding("ann", tool + preview[:1], arguments, preview[1:]),
        Binding("ann", tool, {**arguments, "new": None}, preview),
        Binding("ann", preview, arguments, tool),
    ):
        same = (one.principal, one.tool, one.preview, repr(sorted(one.arguments.items()))) == (
            two.principal,
            two.tool,
            two.preview,
            repr(sorted(two.arguments.items())),
        )
        assert (one.digest() == two.digest()) == same


@pytest.mark.requirement("CONF-1")
@pytest.mark.parametrize(
    ("one", "two"), [(b"x", "b'x'"), (1, True), (1, "1"), (None, "null"), (1, 1.0), ([], {}), ("a\ud800", "a\ud801")]
)
def test_values_that_look_alike_are_two_things(one: object, two: object) -> None:
    digests = {Binding("ann", "t", {"value": value}, "p").digest() for value in (one, two)}
    assert len(digests) == 2
