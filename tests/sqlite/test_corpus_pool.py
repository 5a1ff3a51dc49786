"""Every attack that is known, straight through the pool: refused, bounded or answered as the corpus says."""

import asyncio
from pathlib import Path

import pytest
from corpus import Outcome, Target, attempt, target

from mcp_servers_sqlite.limits import Limits

LIMITS = Limits(deadline=1.0)


async def attack(aim: Target) -> tuple[list[Outcome], bool]:
    """Every case, two at a time, and whether the pool still answers."""
    pool = aim.pool(LIMITS)
    try:
        cases = iter(aim.cases())
        outcomes: list[Outcome] = []

        async def lane() -> None:
            for case in cases:
                outcomes.append(await attempt(pool, case))
                reply = await pool.run("query", "odd", {"sql": "SELECT count(*) FROM users"}, deadline=10)
                assert reply["rows"] == [[2000]], case.id

        await asyncio.gather(lane(), lane())
        return outcomes, True
    finally:
        await pool.aclose()


@pytest.mark.requirement("SQL-1", "SQL-3")
def test_the_whole_corpus(tmp_path: Path) -> None:
    aim = target(tmp_path)
    outcomes, alive = asyncio.run(attack(aim))
    wrong = {one.case.id: verdict for one in outcomes if (verdict := one.verdict(LIMITS.deadline, slack=10))}
    assert not wrong
    assert len(outcomes) >= 254
    assert alive
    assert aim.changes() == [], "the attack changed files"
    for one in outcomes:
        if one.error is not None:
            assert str(one.error), f"{one.case.id} was refused without a reason"
            assert str(tmp_path) not in one.error.for_model(), f"{one.case.id} shows a path"
