"""`python -m mcp_servers_sqlite`, for hosts without uv."""

from mcp_servers_sqlite import main

if __name__ == "__main__":
    main()
