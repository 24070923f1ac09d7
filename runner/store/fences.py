"""The fence of a Lease: every write after a claim asks here, in its own transaction, whether the claim still holds."""

from __future__ import annotations

from sqlalchemy import ColumnElement, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.jobs import Lease
from runner.domain.states import JobState
from runner.errors import StaleLease
from runner.store.tables import job


def holds(lease: Lease) -> tuple[ColumnElement[bool], ...]:
    """True only for the row that this very Lease still holds."""
    return (
        job.c.id == lease.job.id,
        job.c.fence == lease.fence,
        job.c.owner == lease.owner,
        job.c.state == JobState.RUNNING,
    )


def stale(lease: Lease) -> StaleLease:
    """What a worker is told that lost its claim."""
    return StaleLease(
        f"Job {lease.job.id} of account {lease.job.account} is no longer leased to this worker (fence {lease.fence}).",
        cure="Nothing was written; whoever has the job now settles it.",
    )


async def check(connection: AsyncConnection, lease: Lease) -> int:
    """The id of the leased Job's Account. Raises StaleLease when another owner has the Job, or nobody."""
    values = {"job_id": lease.job.id, "fence": lease.fence, "owner": lease.owner}
    account_id = (await connection.execute(_HELD, values)).scalar()
    if account_id is None:
        raise stale(lease)
    return int(account_id)


_HELD = select(job.c.account_id).where(
    job.c.id == bindparam("job_id"),
    job.c.fence == bindparam("fence"),
    job.c.owner == bindparam("owner"),
    job.c.state == JobState.RUNNING,
)
