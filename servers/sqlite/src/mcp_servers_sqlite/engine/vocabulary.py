"""The words of a schema, where each one stands, and which of them a given word may mean."""

import math
import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from mcp_servers_sqlite.engine.schema import (
    ForeignKey,
    Table,
    read_column_names,
    read_foreign_keys,
    read_tables,
)
from mcp_servers_sqlite.engine.words import split

# What a word is worth by where it stands.
_NAME, _ROLE, _COLUMN, _TARGET, _INDEX = 3.0, 1.5, 1.2, 0.8, 0.5
_LONGEST_PHRASE = 4
_ROLE_ENDINGS = frozenset({"id", "key", "ref", "code", "no"})
_KEPT = 2


class Vocabulary:
    """The schema by words.

    A name of several words is also in there whole, its words joined by `_`: "due date" says more than both words.
    """

    def __init__(self, tables: dict[str, Table], columns: dict[str, list[str]]) -> None:
        self.tables = tables
        self.columns = columns
        self.indexes: dict[str, list[str]] = {}
        self.targets: dict[str, list[str]] = {}
        # Which tables a word stands in and what it is worth there. Spread over the tables only when it is asked for:
        # a question has ten words, a schema thousands.
        self.places: dict[str, list[tuple[Iterable[str], float]]] = {}
        self._spread: dict[str, dict[str, float]] = {}

    def worth(self, word: str) -> dict[str, float]:
        """What a known word is worth for each table it stands in."""
        found = self._spread.get(word)
        if found is None:
            found = self._spread[word] = {}
            for tables, worth in self.places[word]:
                for table in tables:
                    found[table] = max(worth, found.get(table, 0.0))
        return found

    def rarity(self, word: str) -> float:
        """How much a known word tells: one of all tables almost nothing."""
        return math.log(1 + len(self.tables) / len(self.worth(word)))

    def place(self, tables: Iterable[str], name: tuple[str, ...], worth: float) -> None:
        """Notes the words of one name for some tables."""
        place = (tables, worth)
        for word in (*name, "_".join(name)) if 1 < len(name) <= _LONGEST_PHRASE else name:
            self.places.setdefault(word, []).append(place)


_known: dict[tuple[tuple[object, ...], ...], Vocabulary] = {}


def vocabulary(conn: sqlite3.Connection) -> Vocabulary:
    """The words of this schema; read anew only when a CREATE statement in it is another than before."""
    statements = tuple(conn.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema").fetchall())
    found = _known.get(statements)
    if found is None:
        found = _read(
            conn, ((str(name), str(table)) for kind, name, table, sql in statements if kind == "index" and sql)
        )
        while len(_known) >= _KEPT:
            del _known[next(iter(_known))]
        _known[statements] = found
    return found


def meanings(word: str, known: Mapping[str, object]) -> dict[str, float]:
    """Known words that a word may stand for, each with how sure that is (0 to 1)."""
    found = {word: 1.0} if word in known else {}
    if len(word) < 3 or word.isdigit():
        return found
    for other in known:
        # Phrases are found whole or not at all.
        if "_" in other:
            continue
        likeness = _begins_alike(word, other) if other.startswith(word[:3]) else 0.0
        # A typo only where the word itself is not known.
        if not likeness and word not in known:
            likeness = _typo(word, other)
        if likeness:
            found.setdefault(other, likeness)
    return found


def phrases(words: Sequence[str]) -> list[str]:
    """The words that follow each other, two to four together, as names of several words are kept."""
    return [
        "_".join(words[at : at + length])
        for length in range(2, _LONGEST_PHRASE + 1)
        for at in range(len(words) - length + 1)
    ]


def _read(conn: sqlite3.Connection, indexes: Iterable[tuple[str, str]]) -> Vocabulary:
    tables = read_tables(conn)
    columns = read_column_names(conn, tables)
    words = Vocabulary({name: table for name, table in tables.items() if table.listed}, columns)
    owners: dict[str, list[str]] = {}
    for name in words.tables:
        words.place([name], split(name), _NAME)
        for column in columns.get(name, ()):
            owners.setdefault(column, []).append(name)
    for column, names in owners.items():
        words.place(names, split(column), _COLUMN)
    for index, table in indexes:
        if table in words.tables:
            words.indexes.setdefault(table, []).append(index)
            words.place([table], split(index), _INDEX)
    for key in read_foreign_keys(conn, tables):
        if key.table in words.tables and key.target in words.tables:
            _relate(words, key)
    return words


def _relate(words: Vocabulary, key: ForeignKey) -> None:
    """A foreign key brings the target's words to its table, and names the target anew: a `buyer_id` is a customer."""
    words.targets.setdefault(key.table, []).append(key.target)
    words.place([key.table], split(key.target), _TARGET)
    for column in key.columns:
        role = split(column)
        if len(role) > 1 and role[-1] in _ROLE_ENDINGS:
            words.place([key.target], role[:-1], _ROLE)


def _begins_alike(word: str, other: str) -> float:
    pairs = zip(word, other, strict=False)
    shared = next((at for at, (one, two) in enumerate(pairs) if one != two), min(len(word), len(other)))
    if shared == len(word) < len(other):
        return 0.8 if shared * 2 >= len(other) else 0.6
    # Other endings of one stem: calibration and calibrated, surgeon and surgery.
    return 0.6 if shared >= 4 and shared * 3 >= max(len(word), len(other)) * 2 else 0.0


def _typo(word: str, other: str) -> float:
    allowed = 1 if len(word) < 8 else 2
    if len(word) < 4 or len(other) < 4 or abs(len(word) - len(other)) > allowed:
        return 0.0
    # Each slip changes two letter counts at most, which is cheap to see before the table of distances.
    if len(set(word) ^ set(other)) > 2 * allowed:
        return 0.0
    slips = _distance(word, other)
    return 0.0 if slips > allowed else 0.7 if slips == 1 else 0.5


def _distance(word: str, other: str) -> int:
    """Letters added, left out, changed or swapped with the next one."""
    before: list[int] = []
    last: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(word, 1):
        before, last, row = last, row, [i]
        for j, goal in enumerate(other, 1):
            best = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != goal))
            if i > 1 and j > 1 and letter == other[j - 2] and word[i - 2] == goal:
                best = min(best, before[j - 2] + 1)
            row.append(best)
    return row[-1]
