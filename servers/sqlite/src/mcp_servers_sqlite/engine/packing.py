"""Many names in few tokens: beginnings that several names share are written once."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from mcp_servers_sqlite.engine.naming import shortened, shown

_SMALLEST_GROUP = 3


class Names(NamedTuple):
    """Names as lines of text and as JSON fields (`table_names`, and `table_names_by_prefix` when packed)."""

    lines: list[str]
    data: dict[str, Any]


def plain(names: Iterable[str], label: str) -> Names:
    """All names as they are, in order of the alphabet."""
    ordered = sorted(names)
    if not ordered:
        return Names([], {})
    return Names([f"{label} by name: {' '.join(map(shown, ordered))}"], {_key(label): [shortened(n) for n in ordered]})


def packed(names: Iterable[str], label: str) -> Names:
    """The same with `beginning_: rest rest` lines for what at least three names share."""
    groups: dict[str, list[str]] = {}
    for name in sorted(names):
        head, underscore, tail = name.partition("_")
        simple = head and tail and shown(name) == name and not tail.startswith("_")
        groups.setdefault(head + underscore if simple else "", []).append(name)
    loose = groups.pop("", [])
    for head in [head for head, members in groups.items() if len(members) < _SMALLEST_GROUP]:
        loose += groups.pop(head)
    found = plain(loose, label)
    if not groups:
        return found
    rests = {head: " ".join(name[len(head) :] for name in members) for head, members in groups.items()}
    first, rest = next(iter(rests.items()))
    example = rest.split(" ", 1)[0]
    title = f'{label} by shared beginning ("{first}: {example}" is {first}{example}):'
    lines = [*found.lines, title, *(f"{head}: {rest}" for head, rest in rests.items())]
    return Names(lines, {**found.data, f"{_key(label)}_by_prefix": rests})


def _key(label: str) -> str:
    return f"{label.lower().removesuffix('s')}_names"
