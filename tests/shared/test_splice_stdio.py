"""Large parts of a result go past the SDK on our stdio transport: a page of 1,000 rows costs half as much."""

import json
import subprocess
import sys
from typing import Any

SERVER = r"""
import anyio
from mcp.server.mcpserver import MCPServer
from mcp.types import CallToolResult
from mcp_servers_shared.results import Answer, answer
from mcp_servers_shared.splice import Encoded, is_spliced
from mcp_servers_shared.transports.stdio import serve_stdio

server = MCPServer("parts", log_level="WARNING")


@server.tool()
async def part() -> CallToolResult:
    text = Encoded(b'"a\\tb \\"c\\""', 7)
    rows = Encoded(b'[[1,null,"a\\"b"]]', 16)
    return answer(Answer(text, {"rows": rows, "spliced": is_spliced()}, source="a table"), budget=10_000)


anyio.run(serve_stdio, server)
"""
META: dict[str, Any] = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}


def call(tool: str) -> dict[str, Any]:
    """The result of the server's tool, in a process of its own."""
    params: dict[str, Any] = {"name": tool, "arguments": {}, "_meta": META}
    request: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    with subprocess.Popen([sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps(request).encode() + b"\n")
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        process.stdin.close()
        process.wait(20)
    return answer["result"]


def test_encoded_parts_arrive_whole_and_went_past_the_sdk() -> None:
    result = call("part")
    assert 'a\tb "c"' in result["content"][0]["text"]
    assert result["structuredContent"]["rows"] == [[1, None, 'a"b']]
    assert result["structuredContent"]["spliced"] is True, "the transport no longer splices: see shared/splice.py"
