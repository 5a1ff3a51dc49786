"""The sections, in the order of the table. Each is a function from a `Bench` to `Findings`."""

from collections.abc import Callable

from benchmarks.common.results import Findings
from benchmarks.filesystem.bench import Bench
from benchmarks.filesystem.sections import (
    definitions,
    grep,
    guard,
    hostile,
    listing,
    reading,
    startup,
    tree,
    walking,
    writing,
)

SECTIONS: dict[str, Callable[[Bench], Findings]] = {
    "guard": guard.run,
    "reading": reading.run,
    "walk": walking.gitignore,
    "grep": grep.run,
    "search": walking.by_name,
    "million": listing.million,
    "list": listing.ten_thousand,
    "definitions": definitions.run,
    "tree": tree.run,
    "hostile": hostile.run,
    "writing": writing.run,
    "startup": startup.run,
}

__all__ = ["SECTIONS"]
