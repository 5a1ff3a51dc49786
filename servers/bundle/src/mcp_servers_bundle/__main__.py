"""`python -m mcp_servers_bundle`."""

from mcp_servers_bundle import main

if __name__ == "__main__":
    main()
