"""Measures `mcp-servers-sqlite` beside the servers people use now, in one run: `python -m benchmarks.sqlite`."""
