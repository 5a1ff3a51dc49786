"""From the start of the process to its first answers."""

import time

from benchmarks.common.results import Findings, ms, times
from benchmarks.common.timing import Samples
from benchmarks.sqlite import queries
from benchmarks.sqlite.bench import Bench
from benchmarks.sqlite.subjects import NOOP, Subject, noop

ROUNDS = 5


def run(bench: Bench) -> Findings:
    """Start to the answer of server/discover or initialize, and to the first query's."""
    about = f"Median of {ROUNDS} starts in turns, byte code already compiled. For information: there is no bar."
    findings = Findings("Start", about, f"first answer, to {NOOP}")
    subjects = [noop(), bench.ours(), *bench.peers.subjects(bench.big)]
    first = {subject.name: Samples() for subject in subjects}
    query = {subject.name: Samples() for subject in subjects}
    for number in range(ROUNDS + 1):
        for subject in subjects:
            ready, answered = _start(subject)
            if number:
                first[subject.name].rounds.append([ready])
                query[subject.name].rounds.append([answered])
    for name in first:
        figure = f"{ms(first[name].p50)} to the first answer, {ms(query[name].p50)} to the first query's"
        findings.add(name, figure, times(first[name].ratio(first[NOOP])))
    return findings


def _start(subject: Subject) -> tuple[float, float]:
    client = subject.start()
    with client:
        ready = time.perf_counter() - client.started
        subject.ask(client, queries.TRIVIAL)
        return ready, time.perf_counter() - client.started
