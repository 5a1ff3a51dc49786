"""The databases a server was told about: a name for callers, and a file."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mcp_servers_shared.errors import InvalidInput

_MAGIC = b"SQLite format 3\0"


@dataclass(frozen=True, slots=True)
class DatabaseFile:
    """One configured database. Callers say `name`; `path` is absolute and shown to nobody but the one who set it.

    `create`: the file may be made, empty, when it is first used.
    """

    name: str
    path: Path
    create: bool = False

    def problem(self) -> str | None:
        """What keeps this file from being served, or None. Looks at the file without opening it as a database."""
        try:
            if self.path.is_dir():
                return f"{self.path} is a folder, not a database file"
            if not self.path.exists():
                return None if self.create and self.path.parent.is_dir() else f"{self.path} does not exist"
            if not self.path.is_file():
                return f"{self.path} is not a regular file"
            with self.path.open("rb") as file:
                start = file.read(len(_MAGIC))
        except OSError as error:
            return f"{self.path} cannot be read: {error.strerror or type(error).__name__}"
        if start and start != _MAGIC:
            return f"{self.path} is not a SQLite database, or it is encrypted"
        return None

    def ensure(self) -> None:
        """Makes the empty file when `create` allows it and it is missing: an empty file is an empty database."""
        if self.create and not self.path.exists():
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def configured_databases(specs: Sequence[str], *, create: bool = False) -> list[DatabaseFile]:
    """Databases from `[NAME=]PATH` switches; the name defaults to the file's name without its ending.

    Raises:
        InvalidInput: two databases have one name, or a spec has no path.
    """
    found: dict[str, DatabaseFile] = {}
    for spec in specs:
        name, path = _split(spec)
        if not path:
            raise InvalidInput(f"--db {spec!r} has no path", code="bad_database", hint="Use --db NAME=PATH.")
        file = Path(os.path.abspath(os.path.expanduser(path)))
        name = name or file.stem or file.name
        if name in found:
            raise InvalidInput(
                f"Two databases are called '{name}'", code="bad_database", hint="Give each its own: --db NAME=PATH."
            )
        found[name] = DatabaseFile(name, file, create)
    return list(found.values())


def _split(spec: str) -> tuple[str, str]:
    """The name and the path; an existing file or a folder part before `=` means there is no name."""
    before, equals, after = spec.partition("=")
    if not equals or os.path.exists(spec) or any(mark in before for mark in ("/", "\\", ":")):
        return "", spec
    return before.strip(), after
