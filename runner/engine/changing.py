"""Changes of a Job's state: those that a Lease proves, and those that an operator asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.jobs import Job, Lease
from runner.domain.states import ENDED, JobState, may_become
from runner.engine import dependencies, heads
from runner.errors import Conflict
from runner.store import effects, events, fences, rate_usage
from runner.store.database import Database
from runner.store.tables import job

WAITS_IN_VAIN = frozenset({JobState.QUEUED, JobState.PARKED})
"""A Job whose cancellation was asked for is not put there any more: it is cancelled."""

GIVEN_UP = "its job was cancelled after it was fired and before it was read back"
"""What is told of an Effect that nobody reads back any more."""


async def leave(
    db: Database,
    connection: AsyncConnection,
    lease: Lease,
    to: JobState,
    name: str,
    *,
    values: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    costs: int = 1,
) -> None:
    """End a Lease by putting its Job into another state, `costs` attempts spent. Raises StaleLease."""
    account_id = await fences.check(connection, lease)
    asked = (await connection.execute(select(job.c.cancel_requested).where(job.c.id == lease.job.id))).scalar_one()
    assert may_become(JobState.RUNNING, to), f"a running job cannot become {to}"
    if asked and to in WAITS_IN_VAIN:
        to, name = JobState.CANCELLED, "JobCancelled"
    if to is JobState.CANCELLED:
        await effects.give_up(db, connection, lease.job.id, GIVEN_UP)
    given = dict(values or {})
    spent = given | {"attempts": job.c.attempts + costs} if costs else given
    await connection.execute(update(job).where(*fences.holds(lease)).values(_state(db, to) | spent))
    now = db.clock.now()
    await rate_usage.all_over(connection, account_id, now)
    await heads.refresh(connection, [account_id], now)
    told = {key: given[key] for key in ("error", "error_kind", "result") if given.get(key) is not None}
    await _record(db, connection, lease.job, account_id, name, told | dict(data or {}))
    await dependencies.settle(db, connection, lease.job.id, to)


async def move(
    db: Database,
    connection: AsyncConnection,
    found: Job,
    to: JobState,
    name: str,
    *,
    values: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
) -> None:
    """Change the state of a Job that nobody has leased. Raises Conflict when its state forbids it."""
    if found.state is JobState.RUNNING or not may_become(found.state, to):
        raise Conflict(
            f"Job {found.id} of account {found.account} is {found.state} and cannot become {to}.",
            cure=f"`runner jobs show {found.id}` shows what happened to it.",
        )
    if to is JobState.CANCELLED:
        await effects.give_up(db, connection, found.id, GIVEN_UP)
    statement = update(job).where(job.c.id == found.id).values(_state(db, to) | dict(values or {}))
    account_id: int = (await connection.execute(statement.returning(job.c.account_id))).scalar_one()
    await heads.refresh(connection, [account_id], db.clock.now())
    await _record(db, connection, found, account_id, name, dict(data or {}))
    await dependencies.settle(db, connection, found.id, to)


async def retry(db: Database, connection: AsyncConnection, found: Job, *, pinned_to: str | None = None) -> None:
    """Queue a Job afresh, with all its attempts. Raises Conflict when its state or one that it waits for forbids it."""
    values = {"attempts": 0, "due_at": db.clock.now(), "error_kind": None, "error": None}
    values |= {"cancel_requested": False, "pinned_to": pinned_to, "reason": None, "postponed": None}
    values |= {"waits_for": await dependencies.expect_possible(connection, found.id)}
    data = {"reason": "by an operator"}
    await move(db, connection, found, JobState.QUEUED, "JobRequeued", values=values, data=data)


async def cancel(db: Database, connection: AsyncConnection, found: Job) -> None:
    """Cancel a Job, or ask whoever has it to end it. Raises Conflict when it has ended."""
    if found.state is JobState.RUNNING:
        await ask_to_cancel(db, connection, found)
    else:
        await move(db, connection, found, JobState.CANCELLED, "JobCancelled")


async def ask_to_cancel(db: Database, connection: AsyncConnection, found: Job) -> None:
    """Ask whoever has a running Job to end it."""
    statement = update(job).where(job.c.id == found.id).values(cancel_requested=True).returning(job.c.account_id)
    account_id: int = (await connection.execute(statement)).scalar_one()
    await _record(db, connection, found, account_id, "JobCancelRequested", {})


def _state(db: Database, to: JobState) -> dict[str, Any]:
    ended_at = db.clock.now() if to in ENDED or to is JobState.UNKNOWN else None
    return {"state": to, "owner": None, "lease_until": None, "ended_at": ended_at}


async def _record(
    db: Database, connection: AsyncConnection, about: Job, account_id: int, name: str, data: Mapping[str, Any]
) -> None:
    fact = events.Fact(
        name=name,
        account=(account_id, about.account),
        job_id=about.id,
        batch_id=about.batch_id,
        data={"flow": about.flow} | dict(data),
    )
    await events.record(db, connection, [fact])
