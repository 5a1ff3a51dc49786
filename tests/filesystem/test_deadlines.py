"""How long work may take: from its own beginning, until its time is up or its caller has gone."""

import errno
import os
import time
from pathlib import Path

import pytest
from file_sessions import call, code_of, settings, text_of

from mcp_servers_filesystem.deadlines import Deadline
from mcp_servers_filesystem.tools import listing
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


@pytest.mark.parametrize(
    ("number", "code"), [(errno.EMFILE, "busy"), (errno.ENFILE, "busy"), (errno.EIO, "io_error"), (0, "io_error")]
)
def test_what_the_system_says_is_told_without_its_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: str
) -> None:
    def failing(*_: object) -> None:
        raise OSError(number, os.strerror(number), "/secret/place")

    monkeypatch.setattr(listing, "list_names", failing)
    result = call(settings(tmp_path), "list_directory", path=str(tmp_path))
    assert code_of(result) == code
    assert "secret" not in text_of(result)
