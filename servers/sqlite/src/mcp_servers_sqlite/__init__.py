"""MCP server for SQLite."""
