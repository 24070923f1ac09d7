"""What dead owners left behind goes back to the queue."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.jobs import Job, Lease
from runner.domain.states import JobState, Outcome
from runner.engine import changing, heads, rows
from runner.store.database import Database
from runner.store.tables import attempt, job


async def owners(connection: AsyncConnection) -> list[str]:
    """Everybody who has a running Job, or for whom a queued one is reserved."""
    running = select(job.c.owner).where(job.c.state == JobState.RUNNING, job.c.owner.is_not(None))
    reserved = select(job.c.pinned_to).where(heads.IS_QUEUED, job.c.pinned_to.is_not(None))
    return list((await connection.execute(running.union(reserved))).scalars())


async def release_dead(db: Database, connection: AsyncConnection, dead: Sequence[str]) -> list[Job]:
    """Queue again, at no cost, the running Jobs of `dead` owners; what was reserved for them is everybody's."""
    now = db.clock.now()
    theirs = rows.select_jobs().where(job.c.state == JobState.RUNNING, job.c.owner.in_(dead)).order_by(job.c.id)
    released = [rows.to_job(row) for row in await connection.execute(theirs)]
    for found in released:
        lease = Lease(job=found, owner=found.owner or "", fence=found.fence, reason=found.reason or "")
        data = {"reason": "its worker died", "owner": found.owner}
        await changing.leave(db, connection, lease, JobState.QUEUED, "JobRequeued", data=data, costs=0)
    await _end_attempts(connection, [found.id for found in released], now)
    await _unpin(connection, dead, now)
    return await rows.fetch_many(connection, [found.id for found in released])


async def _end_attempts(connection: AsyncConnection, job_ids: Sequence[int], now: datetime) -> None:
    for job_id in job_ids:
        await connection.execute(
            update(attempt)
            .where(attempt.c.job_id == job_id, attempt.c.ended_at.is_(None))
            .values(ended_at=now, outcome=Outcome.INTERRUPTED, reason="its worker died")
        )


async def _unpin(connection: AsyncConnection, dead: Sequence[str], now: datetime) -> None:
    waiting = select(job.c.id, job.c.account_id).where(heads.IS_QUEUED, job.c.pinned_to.in_(dead))
    found = (await connection.execute(waiting)).all()
    for row in found:
        await connection.execute(update(job).where(job.c.id == row.id).values(pinned_to=None))
    await heads.refresh(connection, sorted({row.account_id for row in found}), now)
