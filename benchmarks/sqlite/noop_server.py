"""What the SDK costs by itself: one tool that does nothing, on the SDK's own stdio."""

from mcp.server.mcpserver import MCPServer

server = MCPServer("noop", log_level="WARNING")


@server.tool(structured_output=False)
async def nothing(sql: str) -> str:
    """Does nothing."""
    return sql[:1]


if __name__ == "__main__":
    server.run()
