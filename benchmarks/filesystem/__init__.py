"""Measures `mcp-servers-filesystem` beside the official server and ripgrep, in one run."""
