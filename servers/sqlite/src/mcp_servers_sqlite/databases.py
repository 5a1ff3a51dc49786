"""The databases a server was told about: a name for callers, and a file."""

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mcp_servers_shared.errors import InvalidInput, ServerError, Unavailable
from mcp_servers_shared.guard.paths import Root, pin_file

_REASONS = {"not_found": "does not exist", "not_regular": "is not a regular file", "unreadable": "may not be read"}
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
            pinned = pin_file(self.path, must_exist=not self.create)
            start = _first_bytes(self.path) if pinned.regular else b""
        except ServerError as error:
            return error.message
        if start and start != _MAGIC:
            return f"{self.path} is not a SQLite database, or it is encrypted"
        return None

    def ensure(self) -> None:
        """Before each use: it is still a regular file; made empty when that is allowed and it is missing (an empty
        file is an empty database).

        Raises Unavailable, which names the database and never its path.
        """
        try:
            regular = stat.S_ISREG(os.lstat(self.path).st_mode)
        except OSError:
            regular = False
        if not regular:
            self._make_or_explain()

    def _make_or_explain(self) -> None:
        try:
            if not pin_file(self.path, must_exist=not self.create).regular:
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except (ServerError, OSError) as error:
            code = error.code if isinstance(error, ServerError) else "unreadable"
            raise Unavailable(
                f"the file of database '{self.name}' {_REASONS.get(code, 'cannot be opened')}",
                code=code,
                hint="The person who runs this server can see the path with --check.",
            ) from None


def _first_bytes(path: Path) -> bytes:
    with Root(path.parent) as folder:
        descriptor = folder.open(path.name, os.O_RDONLY)
        try:
            return os.read(descriptor, len(_MAGIC))
        finally:
            os.close(descriptor)


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
        # Links are resolved once, here: a link that is moved later does not lead to another file.
        written = os.path.expanduser(path)
        file = Path(os.path.realpath(written))
        name = name or Path(written).stem or file.stem
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
