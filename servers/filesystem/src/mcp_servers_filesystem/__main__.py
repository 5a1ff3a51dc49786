"""`python -m mcp_servers_filesystem`, for hosts without uv."""

from mcp_servers_filesystem import main

if __name__ == "__main__":
    main()
