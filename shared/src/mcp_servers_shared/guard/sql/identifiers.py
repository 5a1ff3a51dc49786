"""Names of tables and columns inside SQL text."""

from mcp_servers_shared.errors import InvalidInput

_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


def quote(name: str) -> str:
    """A double-quoted identifier.

    Only for names read from the database's own schema: the caller looks the name up first.

    Raises:
        InvalidInput: the name holds a NUL, which no SQL text can carry.
    """
    if "\0" in name:
        raise InvalidInput("A name cannot hold a NUL character", hint="Take the name from list_tables.")
    return '"' + name.replace('"', '""') + '"'


def fold(name: str) -> str:
    """The form in which SQLite compares names: only the letters A to Z lose their case."""
    return name.translate(_LOWER)
