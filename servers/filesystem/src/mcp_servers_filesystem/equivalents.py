"""Names that look the same: é as one character or as two. The exact one wins; else the only equivalent one is meant."""

import os
import unicodedata

from mcp_servers_shared.errors import InvalidInput, ServerError
from mcp_servers_shared.guard.path_errors import quoted
from mcp_servers_shared.guard.paths import Located, Roots

_MOST_NAMES = 50_000


def resolved(roots: Roots, place: Located) -> Located:
    """`place` with each name that is not there replaced by its equivalent. Raises InvalidInput (`ambiguous_name`)."""
    parts = list(place.parts)
    for index, part in enumerate(parts):
        if part.isascii():
            continue
        try:
            place.root.anchor.lstat(tuple(parts[: index + 1]), place.path)
        except ServerError:
            found = _equivalents(roots, place._replace(parts=tuple(parts[:index])), part)
            if len(found) > 1:
                raise InvalidInput(
                    f"several names look like {quoted(part)} and none is exactly it",
                    code="ambiguous_name",
                    hint="List the folder and use one of its names exactly.",
                ) from None
            if not found:
                break
            parts[index] = found[0]
    return place._replace(parts=tuple(parts))


def _equivalents(roots: Roots, folder: Located, name: bytes) -> list[bytes]:
    wanted = _composed(name)
    try:
        descriptor = roots.open(folder, os.O_RDONLY | os.O_DIRECTORY, allow=("directory",))
    except ServerError:
        return []
    try:
        with os.scandir(descriptor) as entries:
            names = (os.fsencode(entry.name) for _, entry in zip(range(_MOST_NAMES), entries, strict=False))
            return [one for one in names if not one.isascii() and _composed(one) == wanted]
    finally:
        os.close(descriptor)


def _composed(name: bytes) -> str:
    return unicodedata.normalize("NFC", name.decode(errors="surrogateescape"))
