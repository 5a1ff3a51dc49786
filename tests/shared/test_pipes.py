"""A pipe is made to hold a whole answer, where the system can."""

import os
import sys
from pathlib import Path

import pytest

from mcp_servers_shared.pipes import BYTES, widen


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a pipe be made larger")
def test_a_whole_answer_fits_into_a_widened_pipe() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    widen(writer)
    assert os.write(writer, b"x" * BYTES) == BYTES
    os.close(reader)
    os.close(writer)


def test_what_is_no_pipe_stays_as_it_is(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        widen(file.fileno())
    widen(1 << 20)
    assert (tmp_path / "file").read_bytes() == b""
