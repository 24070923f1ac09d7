"""Claims: Rotation chooses among the heads of the queues, and the chosen Job is leased, all in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, bindparam, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain import priorities, rotation
from runner.domain.jobs import ASKED_FOR, Lease
from runner.domain.rotation import Candidate
from runner.domain.states import JobState
from runner.engine import heads, postponing, rows
from runner.store import events
from runner.store.database import Database
from runner.store.rate_usage import RateUsage
from runner.store.tables import account, job

_LEASE = (
    update(job)
    .where(job.c.id == bindparam("job_id"), heads.IS_QUEUED)
    .values(
        state=JobState.RUNNING,
        owner=bindparam("owner"),
        lease_until=bindparam("lease_until"),
        reason=bindparam("reason"),
        postponed=None,
        fence=job.c.fence + 1,
    )
    .returning(*job.c)
)

PUT_OFF_AT_ONCE = 16
"""For so many Accounts one transaction puts off what they may not do now; the next goes on."""


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The Job to lease, and why this one."""

    job_id: int
    account_id: int
    account: str
    reason: str


class PutOff:
    """So much was put off that the writer is let go first; there may be more that is due."""


async def choose(
    db: Database, connection: AsyncConnection, usage: RateUsage, *, owner: str, account_id: int | None
) -> Chosen | PutOff | None:
    """The Job that Rotation chooses for `owner`; None when nothing is due, PutOff when the next claim may find one.

    What a limit or the hours of its Account forbid now is put off until they allow it, and the next one has its turn.
    """
    now = db.clock.now()
    await heads.wake(connection, now)
    found = await _due(connection, now, owner, account_id)
    if not found:
        await heads.mistrust(connection, now, account_id)
        found = await _due(connection, now, owner, account_id)
    for _ in range(PUT_OFF_AT_ONCE):
        choice = rotation.choose([candidate for candidate, _ in found.values()], now)
        if choice is None:
            return None
        best = choice.candidate
        row = found[best.account][1]
        wait = await usage.wait(connection, postponing.asking(row), now)
        if wait is None:
            return Chosen(job_id=best.job_id, account_id=row.account_id, account=best.account, reason=choice.reason)
        await postponing.put_off(db, connection, row, wait)
        found = await _due(connection, now, owner, account_id)
    return PutOff()


async def this_one(
    db: Database, connection: AsyncConnection, usage: RateUsage, job_id: int, *, owner: str
) -> Chosen | None:
    """This very Job, if it is queued, waits for no other, its Account is free, and it is not another owner's.

    It is put off when a limit has no room for it; hours do not bind a person.
    """
    statement: Select[Any] = (
        select(*heads.BOUND_BY, job.c.id, job.c.account_id, account.c.name.label("account"))
        .select_from(job.join(account, account.c.id == job.c.account_id))
        .where(job.c.id == job_id, heads.IS_QUEUED, heads.IS_READY, heads.IS_FREE)
        .where(or_(job.c.pinned_to.is_(None), job.c.pinned_to == owner))
    )
    row: Row[Any] | None = (await connection.execute(statement)).first()
    if row is None:
        return None
    wait = await usage.wait(connection, postponing.asking(row, by_person=True), db.clock.now())
    if wait is not None:
        await postponing.put_off(db, connection, row, wait, alone=True)
        return None
    return Chosen(job_id=job_id, account_id=row.account_id, account=row.account, reason=ASKED_FOR)


async def lease(
    db: Database, connection: AsyncConnection, chosen: Chosen, now: datetime, *, owner: str, ttl_s: float
) -> Lease:
    """Lease the chosen Job: its fence rises, its Account's turn is over."""
    values = {"owner": owner, "lease_until": now + timedelta(seconds=ttl_s), "reason": chosen.reason}
    claimed = await connection.execute(_LEASE, values | {"job_id": chosen.job_id})
    leased = rows.to_job(claimed.one(), account=chosen.account)
    await heads.refresh_served(connection, chosen.account_id, now)
    fact = events.Fact(
        name="JobClaimed",
        account=(chosen.account_id, leased.account),
        job_id=leased.id,
        batch_id=leased.batch_id,
        data={"flow": leased.flow, "owner": owner, "fence": leased.fence, "reason": chosen.reason},
    )
    await events.record(db, connection, [fact])
    return Lease(job=leased, owner=owner, fence=leased.fence, reason=chosen.reason)


async def _due(
    connection: AsyncConnection, now: datetime, owner: str, account_id: int | None
) -> dict[str, tuple[Candidate, Row[Any]]]:
    """The most pressing due Job of each Account whose turn may come, with its row."""
    found: dict[str, tuple[Candidate, Row[Any]]] = {}
    for row in await heads.due(connection, now, owner=owner, account_id=account_id):
        candidate = _candidate(row, now)
        rival = found.get(candidate.account)
        if rival is None or _pressing(candidate) < _pressing(rival[0]):
            found[candidate.account] = (candidate, row)
    return found


def _pressing(candidate: Candidate) -> tuple[int, datetime, int]:
    return (candidate.priority.rank, candidate.due_at, candidate.job_id)


def _candidate(row: Row[Any], now: datetime) -> Candidate:
    given = rows.PRIORITIES[row.rank]
    return Candidate(
        account=row.account,
        job_id=row.id,
        priority=priorities.raised(given, due_at=row.due_at, now=now),
        given=given,
        due_at=row.due_at,
        last_served_at=row.last_served_at,
    )
