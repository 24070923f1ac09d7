"""What a limit or the hours forbid now is put off, with the reason; what changes either has it looked at again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.engine import heads
from runner.store import events
from runner.store.account_ids import CHUNK
from runner.store.armed import have_fired
from runner.store.database import Database
from runner.store.rate_usage import Asking, Wait, about
from runner.store.tables import account, job

AT_ONCE = 500
"""So that one claim never keeps the writer for long."""


def asking(row: Row[Any], *, by_person: bool = False) -> Asking:
    """A row with `heads.BOUND_BY` as what is asked about it. What is reserved for somebody is a person's own."""
    return Asking(
        job_id=row.id,
        flow=row.flow,
        account_id=row.account_id,
        account=row.account,
        since=row.since,
        limits=row.limits,
        hours=row.hours,
        by_person=by_person or row.pinned_to is not None,
    )


async def put_off(db: Database, connection: AsyncConnection, row: Row[Any], wait: Wait, *, alone: bool = False) -> None:
    """Put off a Job, and with it those of its Account that are due and wait for the same.

    Each is told once, however often it is looked at again in vain: thousands may wait for weeks.
    """
    now = db.clock.now()
    which: ColumnElement[bool] = job.c.id == row.id
    if not alone:
        fired = await have_fired(connection, row.account_id)
        which = or_(which, job.c.id.in_(_with_it(row, wait, fired).limit(AT_ONCE)))
    told = select(job.c.id, job.c.postponed).where(which, heads.IS_QUEUED, job.c.postponed.is_not(None))
    before = {each.id: about(each.postponed) for each in await connection.execute(told, {"now": now})}
    values = {"due_at": wait.until, "postponed": wait.words, "pinned_to": None}
    statement = update(job).where(which, heads.IS_QUEUED).values(values)
    put = (await connection.execute(statement.returning(job.c.id, job.c.flow, job.c.batch_id), {"now": now})).all()
    data = {"until": wait.until.isoformat(), "reason": wait.words}
    facts = [
        events.Fact(
            name="JobPostponed",
            account=(row.account_id, row.account),
            job_id=each.id,
            batch_id=each.batch_id,
            data={"flow": each.flow} | data,
        )
        for each in put
        if before.get(each.id) != wait.about
    ]
    await events.record(db, connection, facts)
    await heads.refresh(connection, [row.account_id], now)


async def put_off_others(db: Database, connection: AsyncConnection, job_id: int, wait: Wait) -> None:
    """Put off what else of a Job's Account is due and waits for the same, as the Job was."""
    whose: Select[Any] = select(job.c.id, job.c.account_id, account.c.name.label("account")).join_from(job, account)
    row: Row[Any] = (await connection.execute(whose.where(job.c.id == job_id))).one()
    await put_off(db, connection, row, wait)


async def due_again(db: Database, connection: AsyncConnection, account_ids: Sequence[int] | None = None) -> int:
    """Have what is put off looked at again at once, of these Accounts or of all; returns how many Jobs that are."""
    now = db.clock.now()
    found = 0
    statement = update(job).where(heads.IS_QUEUED, job.c.postponed.is_not(None)).values(due_at=now, postponed=None)
    wanted = [None] if account_ids is None else [account_ids[n : n + CHUNK] for n in range(0, len(account_ids), CHUNK)]
    for chunk in wanted:
        which = statement if chunk is None else statement.where(job.c.account_id.in_(chunk))
        woken = (await connection.execute(which.returning(job.c.account_id))).scalars().all()
        await heads.refresh(connection, sorted(set(woken)), now)
        found += len(woken)
    return found


def _with_it(row: Row[Any], wait: Wait, fired: Collection[int]) -> Any:
    """The other due Jobs of the Account to which the reason applies; one that has fired must be read back first."""
    with_it = select(job.c.id).where(
        job.c.account_id == row.account_id, heads.WAITING, job.c.due_at <= heads.NOW, job.c.id.not_in(fired)
    )
    return with_it if wait.flows is None else with_it.where(job.c.flow.in_(wait.flows))
