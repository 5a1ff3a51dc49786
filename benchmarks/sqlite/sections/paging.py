"""A page far down a table, by keyset and by offset, reached by walking there."""

import sqlite3
import time
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from benchmarks.common.client import RawClient
from benchmarks.common.results import Findings, ms, times
from benchmarks.common.timing import take_turns
from benchmarks.sqlite.bench import ROWS_FLAGS, Bench
from benchmarks.sqlite.subjects import Subject

COLUMNS = "id, customer_id, status, total_cents"
FAR, PAGE, STRIDE = 900_000, 50, 1000
MOST_ABOVE = 0.002
KEYED = f"SELECT {COLUMNS} FROM orders ORDER BY id"
BY_TIME = f"SELECT {COLUMNS}, created_at FROM orders ORDER BY created_at, id"
RAW_KEYED = f"SELECT {COLUMNS} FROM orders WHERE id > ? ORDER BY id LIMIT {PAGE + 1}"
RAW_OFFSET = f"SELECT {COLUMNS} FROM orders ORDER BY id LIMIT {PAGE + 1} OFFSET {FAR}"
RAW_BY_TIME = (
    f"SELECT {COLUMNS}, created_at FROM orders WHERE (created_at, id) > (?, ?) ORDER BY created_at, id LIMIT {PAGE + 1}"
)
OURS_KEYED, OURS_BY_TIME = "ours, cursor, ORDER BY id", "ours, cursor, ORDER BY created_at, id"
OURS_OFFSET, OURS_FIRST = "ours, `LIMIT 50 OFFSET 900000` in the SQL", "ours, the first page, ORDER BY id"
RAW, RAW_TIME, RAW_FAR = "sqlite3, WHERE id > ?", "sqlite3, WHERE (created_at, id) > (?, ?)", "sqlite3, OFFSET"


def run(bench: Bench) -> Findings:
    """Walks to row 900,000 with the server's own cursors, then times the next page."""
    about = (
        f"`{KEYED}`: walked from the first row to row {FAR:,} in pages of {STRIDE:,} with the cursors that the server"
        f" gave, then the page of {PAGE} rows from there, p50 (p95) of 200. Ours over stdio, sqlite3 in this process on"
        f" an open connection. `--rate-limit off {' '.join(ROWS_FLAGS)}`."
    )
    findings = Findings(f"A page at row {FAR:,}", about, "above sqlite3")
    subject = bench.ours(*ROWS_FLAGS)
    raw = bench.raw()
    with subject.start() as client:
        timers, walked = _timers(subject, client, raw)
        samples = take_turns(timers, rounds=40, batch=5, warm=3)
    raw.close()
    base = {OURS_KEYED: RAW, OURS_FIRST: RAW, OURS_BY_TIME: RAW_TIME, OURS_OFFSET: RAW_FAR}
    for name, one in samples.items():
        above = one.difference(samples[base[name]]) if name in base else None
        bar = (
            (f"<= {ms(MOST_ABOVE)} above", above <= MOST_ABOVE)
            if name == OURS_KEYED and above is not None
            else ("", None)
        )
        shown = "" if above is None else f"{ms(above)} ({times(one.ratio(samples[base[name]]))})"
        findings.add(name, f"{ms(one.p50)} ({ms(one.p95)})", shown, *bar)
    findings.notes += walked
    return findings


def _timers(
    subject: Subject, client: RawClient, raw: sqlite3.Connection
) -> tuple[dict[str, Callable[[], float]], list[str]]:
    notes: list[str] = []
    ours: dict[str, Callable[[], float]] = {}
    last: dict[str, list[Any]] = {}
    for name, sql in ((OURS_KEYED, KEYED), (OURS_BY_TIME, BY_TIME)):
        started = time.perf_counter()
        cursor, last[name] = _walk(subject, client, sql)
        notes.append(f"{name}: walked {FAR // STRIDE} pages in {time.perf_counter() - started:.1f} s")
        ours[name] = partial(_page, subject, client, sql, cursor)
    row = last[OURS_BY_TIME]
    timers: dict[str, Callable[[], float]] = {
        RAW: partial(_fetch, raw, RAW_KEYED, (last[OURS_KEYED][0],)),
        **ours,
        OURS_FIRST: partial(_page, subject, client, KEYED, None),
        RAW_TIME: partial(_fetch, raw, RAW_BY_TIME, (row[-1], row[0])),
        RAW_FAR: partial(_fetch, raw, RAW_OFFSET, ()),
        OURS_OFFSET: partial(_page, subject, client, f"{KEYED} LIMIT {PAGE} OFFSET {FAR}", None),
    }
    return timers, notes


def _walk(subject: Subject, client: RawClient, sql: str) -> tuple[str, list[Any]]:
    """The cursor behind row 900,000 and that row."""
    cursor: str | None = None
    content: dict[str, Any] = {}
    for _ in range(FAR // STRIDE):
        arguments = subject.arguments(sql, STRIDE) | ({"cursor": cursor} if cursor else {})
        reply = client.call(subject.tool, arguments)
        reply.text  # noqa: B018
        content = cast("dict[str, Any]", reply.message["result"]["structuredContent"])
        cursor = content["next_cursor"]
    assert cursor
    return cursor, content["rows"][-1]


def _page(subject: Subject, client: RawClient, sql: str, cursor: str | None) -> float:
    reply = client.call(subject.tool, subject.arguments(sql, PAGE) | ({"cursor": cursor} if cursor else {}))
    reply.text  # noqa: B018
    return reply.seconds


def _fetch(raw: sqlite3.Connection, sql: str, params: tuple[Any, ...]) -> float:
    started = time.perf_counter()
    raw.execute(sql, params).fetchall()
    return time.perf_counter() - started
