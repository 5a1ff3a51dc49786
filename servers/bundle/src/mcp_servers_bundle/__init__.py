"""The mcp-servers-bundle command."""
