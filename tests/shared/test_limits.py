"""Rate limits: exactly as many as allowed, and a wait that is neither too short nor needlessly long."""

import asyncio
import threading
import time
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_servers_shared.limits import MemoryRateStore, Rate, parse_rates

rates = st.builds(
    Rate,
    per_second=st.floats(min_value=1 / 3600, max_value=10_000),
    burst=st.integers(min_value=1, max_value=50),
)


@dataclass
class Clock:
    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def take(store: MemoryRateStore, rate: Rate, key: str = "k") -> float:
    return asyncio.run(store.take(key, rate))


@pytest.mark.requirement("RATE-1")
@pytest.mark.parametrize("burst", [1, 7, 100, 999])
def test_of_1000_concurrent_tasks_exactly_the_burst_gets_in(burst: int) -> None:
    async def scenario() -> int:
        store = MemoryRateStore(Clock())

        async def call() -> bool:
            await asyncio.sleep(0)
            return await store.take("k", Rate(1.0, burst)) == 0.0

        return sum(await asyncio.gather(*(call() for _ in range(1_000))))

    assert asyncio.run(scenario()) == burst


class Gap(Rate):
    """A rate that lets other threads in between reading a bucket and writing it back."""

    def __getattribute__(self, name: str) -> float:
        if name == "per_second":
            time.sleep(0)
        return object.__getattribute__(self, name)


@pytest.mark.requirement("RATE-1")
def test_threads_with_their_own_loops_share_one_exact_bucket() -> None:
    store = MemoryRateStore(Clock())
    admitted: list[int] = []
    together = threading.Barrier(8)

    def call() -> None:
        async def some() -> int:
            return sum([await store.take("k", Gap(1.0, 123)) == 0.0 for _ in range(125)])

        together.wait()
        admitted.append(asyncio.run(some()))

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(admitted) == 123


@pytest.mark.requirement("RATE-1")
@given(rates, st.lists(st.floats(min_value=0, max_value=10), max_size=60))
@settings(max_examples=300)
def test_never_more_than_the_burst_plus_what_regrew(rate: Rate, pauses: list[float]) -> None:
    clock = Clock()
    store = MemoryRateStore(clock)
    start, admitted = clock.now, 0

    async def scenario() -> None:
        nonlocal admitted
        for pause in pauses:
            clock.now += pause
            admitted += await store.take("k", rate) == 0.0
            assert admitted <= rate.burst + (clock.now - start) * rate.per_second + 1e-3

    asyncio.run(scenario())


@pytest.mark.requirement("RATE-1")
@given(rates, st.lists(st.floats(min_value=0, max_value=5), min_size=1, max_size=20))
@settings(max_examples=300)
def test_the_wait_is_right(rate: Rate, pauses: list[float]) -> None:
    """Whoever waits as told gets in; whoever comes clearly earlier does not, and is told the rest."""

    async def scenario() -> None:
        clock = Clock()
        store = MemoryRateStore(clock)
        for pause in pauses:
            clock.now += pause
            wait = await store.take("k", rate)
            while wait == 0.0:
                wait = await store.take("k", rate)
            assert wait <= 1 / rate.per_second + 1e-6
            if wait * rate.per_second > 0.01:
                clock.now += wait * 0.9
                rest = await store.take("k", rate)
                assert rest == pytest.approx(wait * 0.1, rel=1e-3, abs=1e-6)
                wait = rest
            clock.now += wait
            assert await store.take("k", rate) == 0.0

    asyncio.run(scenario())


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    clock = Clock()
    store, rate = MemoryRateStore(clock), Rate(1.0, 2)
    assert [take(store, rate), take(store, rate)] == [0.0, 0.0]
    for _ in range(5):
        clock.now -= 100
        assert take(store, rate) == pytest.approx(1.0)
        clock.now += 100
        assert take(store, rate) == pytest.approx(1.0)


def test_buckets_do_not_share_tokens() -> None:
    store, rate = MemoryRateStore(Clock()), Rate(1.0, 1)
    assert take(store, rate, "ann\0read") == 0.0
    assert take(store, rate, "ann\0write") == 0.0
    assert take(store, rate, "bob\0read") == 0.0
    assert take(store, rate, "ann\0read") > 0


def test_full_buckets_are_forgotten_and_empty_ones_are_not() -> None:
    async def scenario() -> None:
        clock = Clock()
        store, rate = MemoryRateStore(clock), Rate(1.0, 1)
        await store.take("spent", Rate(1e-9, 1))
        for number in range(30_000):
            clock.now += 2  # the bucket before is full again
            await store.take(f"visitor {number}", rate)
        assert len(store._buckets) <= 10_001, "one principal after another must not fill the memory"
        assert await store.take("spent", Rate(1e-9, 1)) > 0

    asyncio.run(scenario())


@pytest.mark.requirement("RATE-1")
@pytest.mark.parametrize(
    ("text", "rates"),
    [
        ("off", {}),
        (" OFF ", {}),
        ("60/minute", {"read": Rate(1.0, 60), "write": Rate(1.0, 60)}),
        ("read=10/second:3", {"read": Rate(10.0, 3)}),
        ("read=10/second, write=36/hour:1", {"read": Rate(10.0, 10), "write": Rate(0.01, 1)}),
        ("execute_sql=2/hour,5/second", {"execute_sql": Rate(2 / 3600, 2), "read": Rate(5, 5), "write": Rate(5, 5)}),
    ],
)
def test_the_forms_of_a_limit(text: str, rates: dict[str, Rate]) -> None:
    assert parse_rates(text) == rates


NO_LIMITS = (
    [
        "",
        ",",
        "0/minute",
        "-1/minute",
        "1/day",
        "1 / minute",
        "1.5/second",
        "9999999999/second",
        "10/second,,",
        "read=",
    ],
    [
        "read:1/minute",
        "1/minute:0",
        "1/minute:-1",
        "read=1/minute,off",
        "a b=1/hour",
        "1/minute\n2/minute",
        "1٣/minute",
    ],
)


@pytest.mark.parametrize("text", [one for line in NO_LIMITS for one in line])
def test_anything_else_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(ValueError, match=r"N/second\|minute\|hour\[:BURST\]"):
        parse_rates(text)
