"""Our stdio as a real process: how it ends. Whatever ends it, calls are told, the lifespan is closed, the code is 0."""

import os
import signal
import threading
from pathlib import Path

import pytest
from raw_server import ENDINGS, HANG_S, RawServer, assert_well, both_eras, call

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and pipes as POSIX has them")
CLEAN = ["opened", "closed", "left"]


@both_eras
@pytest.mark.parametrize("ending", ENDINGS, ids=["EOF", "SIGINT", "SIGTERM", "SIGHUP"])
def test_it_ends_cleanly_in_the_middle_of_a_call(tmp_path: Path, modern: bool, ending: int | None) -> None:
    with RawServer(tmp_path).start(modern=modern) as server:
        server.send(call(1, "wait", modern=modern))
        assert_well(server, modern)
        code, seconds = server.end(ending)
        assert (code, server.marks()) == (0, CLEAN)
        assert seconds < HANG_S / 2
        assert server.log() == ""
        last = server.receive()
        assert (last["id"], "error" in last) == (1, True), "the caller is told, not left waiting"


@pytest.mark.parametrize("ending", [None, signal.SIGTERM], ids=["EOF", "SIGTERM"])
def test_it_ends_cleanly_before_the_first_message(tmp_path: Path, ending: int | None) -> None:
    with RawServer(tmp_path) as server:
        while server.marks() != ["opened"]:  # without a message there is no answer to wait for
            assert server.process.poll() is None
            threading.Event().wait(0.02)
        code, _ = server.end(ending)
        assert (code, server.marks()) == (0, CLEAN)
