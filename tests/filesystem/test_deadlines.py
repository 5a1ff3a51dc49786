"""How long work may take: from its own beginning, until its time is up or its caller has gone."""

import time

import pytest

from mcp_servers_filesystem.deadlines import Deadline
from mcp_servers_shared.errors import LimitExceeded


def test_waiting_in_a_queue_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    deadline = Deadline(10)
    now[0] += 60
    deadline.begin().check()
    now[0] += 11
    with pytest.raises(LimitExceeded) as caught:
        deadline.check()
    assert caught.value.code == "timeout"


def test_a_caller_that_has_gone_stops_it_also_before_it_begins() -> None:
    deadline = Deadline(10)
    deadline.stop()
    with pytest.raises(LimitExceeded):
        deadline.begin().check()
