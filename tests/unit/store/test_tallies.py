"""Jobs are counted as they come, change and go; the counts are those of a look through all of them."""

from __future__ import annotations

from sqlalchemy import func, select

from runner.domain.jobs import NewJob
from runner.engine.embedded import EmbeddedEngine
from runner.store.database import Database
from runner.store.tables import job
from runner.store.tallies import jobs_by_state


async def test_the_tally_is_what_a_count_would_find_through_a_jobs_whole_life(db: Database) -> None:
    engine = EmbeddedEngine(db)

    async def is_right() -> bool:
        async with db.read() as connection:
            counted = select(job.c.state, func.count().label("number")).group_by(job.c.state)
            found = {str(row.state): row.number for row in await connection.execute(counted)}
            kept = await jobs_by_state(connection)
        return {state: number for state, number in kept.items() if number} == found

    jobs = await engine.submit([NewJob(account="amy", flow="read_inbox") for _ in range(4)])
    assert await is_right()
    lease = await engine.claim(owner="w", ttl_s=10)
    assert lease is not None
    assert await is_right()
    await engine.succeed(lease, {})
    await engine.cancel(next(each.id for each in jobs if each.id != lease.job.id))
    assert await is_right()
    await engine.delete([lease.job.id])
    assert await is_right()
