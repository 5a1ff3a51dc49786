"""Operation `search_schema`: the tables and views that a few words are about."""

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from mcp_servers_shared.errors import InvalidInput
from mcp_servers_sqlite.engine.arguments import text, whole
from mcp_servers_sqlite.engine.entries import kind_of
from mcp_servers_sqlite.engine.naming import shortened, shown
from mcp_servers_sqlite.engine.schema import in_snapshot
from mcp_servers_sqlite.engine.sheets import DEFAULT_CHARS, Sheet
from mcp_servers_sqlite.engine.suggesting import nearest
from mcp_servers_sqlite.engine.vocabulary import Vocabulary, meanings, phrases, vocabulary
from mcp_servers_sqlite.engine.words import split

MOST_RESULTS = 50
_MOST_WORDS = 30
_MOST_COLUMNS = 8
# What scores less than this part of the best is noise.
_LEAST_SHARE = 0.05
# Words of the question rather than of the schema: they count only where the schema has exactly them.
_FILLER_WORDS = """
a about all also an and any are as at be by can do does each every find for from get give had has have how i in into is
it its list me my of on or our record row show tell that the their them there these this those to was we were what when
where which who whose why will with without you your table column view
"""
_FILLERS = frozenset(_FILLER_WORDS.split())


@in_snapshot
def search_schema(conn: sqlite3.Connection, args: Mapping[str, Any]) -> dict[str, Any]:
    """Tables and views for a question or some words, the best first, with the columns and indexes that fit.

    Words are compared by their stems: plurals, beginnings, camelCase and small typos do not matter, and a foreign key
    column names its target too (`buyer_id` finds `customers`).

    Args:
        args: `text`, `limit` (1 to 50), `max_chars` for text and data together.
    """
    question = text(args, "text")
    wanted = list(dict.fromkeys(split(question)))[:_MOST_WORDS]
    if not wanted:
        raise InvalidInput(
            "there is no word in the text to search for", hint="Name a thing, such as 'unpaid invoices'."
        )
    limit = whole(args, "limit", 10, least=1, most=MOST_RESULTS)
    sheet = Sheet(whole(args, "max_chars", DEFAULT_CHARS, least=1_000, most=2**31))
    words = vocabulary(conn)
    meant = {word: meanings(word, words.places) for word in wanted if word not in _FILLERS or word in words.places}
    meant |= {phrase: {phrase: 1.0} for phrase in phrases(split(question)[:_MOST_WORDS]) if phrase in words.places}
    scores = _scores(words, meant, question)
    least = _LEAST_SHARE * max(scores.values(), default=0.0)
    fits = sorted((name for name in scores if scores[name] >= least), key=lambda name: (-scores[name], name))
    best = fits[:limit]
    sheet.line(f"{len(best)} of {len(fits)} tables that fit, the best first:" if best else "Nothing fits.")
    sheet.field("found", len(fits))
    sheet.field("fields", ["name", "kind", "columns", "indexes", "refers_to"])
    known = {other for each in meant.values() for other in each}
    sheet.section("", "results", (_result(words, name, known) for name in best))
    unknown = [word for word in wanted if word not in _FILLERS and not meant[word]]
    if unknown and best:
        sheet.notes.append(f"Not in the schema: {', '.join(shortened(word, 40) for word in unknown[:10])}.")
    if not best:
        near = nearest(question, words.tables)
        sheet.notes.append(f"Nearest names: {', '.join(map(shown, near))}." if near else "list_tables shows all names.")
    return sheet.answer()


def _scores(words: Vocabulary, meant: Mapping[str, Mapping[str, float]], question: str) -> dict[str, float]:
    """What each table is worth: rare words, in its own name above all, and as many of the words as possible."""
    scores: dict[str, float] = {}
    hits: dict[str, int] = {}
    for candidates in meant.values():
        best: dict[str, float] = {}
        for word, sure in candidates.items():
            worth = sure * words.rarity(word)
            for table, place in words.worth(word).items():
                if worth * place > best.get(table, 0.0):
                    best[table] = worth * place
        for table, worth in best.items():
            scores[table] = scores.get(table, 0.0) + worth
            hits[table] = hits.get(table, 0) + 1
    asked = sum(bool(candidates) for candidates in meant.values())
    known = {word for candidates in meant.values() for word in candidates}
    return {table: score * (hits[table] / asked) ** 2 * (1 + _named(table, known)) for table, score in scores.items()}


def _named(table: str, known: set[str]) -> float:
    """The part of a table's own name that the question holds."""
    own = split(table)
    return sum(word in known for word in own) / len(own) if own else 0.0


def _result(words: Vocabulary, name: str, known: set[str]) -> tuple[str, list[Any]]:
    columns = _fitting(words.columns.get(name, ()), known)
    indexes = _fitting(words.indexes.get(name, ()), known)
    targets = _fitting(dict.fromkeys(words.targets.get(name, ())), known)
    kind = kind_of(words.tables[name])
    labelled = (("columns", columns), ("indexes", indexes), ("refers to", targets))
    parts = [f"{label} {', '.join(map(shown, some))}" for label, some in labelled if some]
    head = shown(name) + ("" if kind == "table" else f" [{kind}]")
    lists = [list(map(shortened, some)) for _, some in labelled]
    return f"{head}: {'; '.join(parts)}" if parts else head, [shortened(name), kind, *lists]


def _fitting(names: Iterable[str], known: set[str]) -> list[str]:
    """The names that share words with the question, those with the most first."""
    shared = {name: len(known & {*split(name), "_".join(split(name))}) for name in names}
    return sorted((name for name, count in shared.items() if count), key=lambda name: -shared[name])[:_MOST_COLUMNS]
