"""Long texts travel beside the SDK, already encoded: each channel of an answer must still hold the whole of it."""

import json
import sys
from pathlib import Path

import pytest
from raw_client import RawClient

from mcp_servers_filesystem.app import json_chars

TEXT = 'a line with "quotes", a \\ and tabs\t, ünïcode 漢 😀 \x00\x1f\x7f\u2028\n' * 300


@pytest.mark.requirement("OUT-1")
@pytest.mark.parametrize("channels", ["both", "text", "structured"])
def test_each_channel_holds_the_whole_text(tmp_path: Path, channels: str) -> None:
    (tmp_path / "f").write_text(TEXT, encoding="utf-8", newline="")
    program = [sys.executable, "-m", "mcp_servers_filesystem", str(tmp_path), "--result", channels]
    state = tmp_path.with_name(f"{tmp_path.name}-state")
    with RawClient(program, env={"MCP_SERVERS_STATE_DIR": str(state)}) as client:
        reply = client.call("read_text_file", {"path": "f"})
    assert reply.text == (TEXT if channels != "structured" else "ok")
    assert reply.data.get("content") == (TEXT if channels != "text" else None)


@pytest.mark.parametrize("text", ["", "plain", TEXT])
def test_characters_as_json_are_counted_right(text: str) -> None:
    assert json_chars(text) == len(json.dumps(text, ensure_ascii=False))
