"""Names of tables and columns inside SQL text."""

from mcp_servers_shared.errors import InvalidInput


def quote(name: str) -> str:
    """A double-quoted identifier.

    Only for names read from the database's own schema: the caller looks the name up first.

    Raises:
        InvalidInput: the name holds a NUL, which no SQL text can carry.
    """
    if "\0" in name:
        raise InvalidInput("A name cannot hold a NUL character", hint="Take the name from list_tables.")
    return '"' + name.replace('"', '""') + '"'
