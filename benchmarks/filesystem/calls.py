"""The same call to several servers in turns, and its lines in a table."""

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.common.client import RawClient, Reply
from benchmarks.common.results import Findings, ms, times
from benchmarks.common.timing import Samples
from benchmarks.filesystem.peers import OFFICIAL

Arguments = Mapping[str, Any]


def timer(client: RawClient, tool: str, arguments: Callable[[], Arguments] | Arguments) -> Callable[[], float]:
    """Does the call once and tells its seconds. Raises RuntimeError when it failed."""

    def once() -> float:
        reply = client.call(tool, arguments() if callable(arguments) else arguments)
        return _answered(reply).seconds

    return once


def add_lines(
    findings: Findings, label: str, samples: Mapping[str, Samples], ours: str, bar: float | None, base: str = OFFICIAL
) -> None:
    """A line for each subject: p50 (p95), the ratio to `base`, for ours the most it may be."""
    for name, one in samples.items():
        ratio = one.ratio(samples[base]) if base in samples else None
        held = ("", None)
        if name == ours and bar is not None and ratio is not None:
            held = (f"<= {bar:g}x", ratio <= bar)
        shown = "" if ratio is None else times(ratio)
        findings.add(f"{name}, {label}", f"{ms(one.p50)} ({ms(one.p95)})", shown, *held)


def _answered(reply: Reply) -> Reply:
    reply.text  # noqa: B018
    return reply
