"""Due Schedules create their Jobs: one transaction, and a key for each Job, so that two daemons make it once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import structlog
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.jobs import Job, NewJob
from runner.domain.schedules import Firing, Schedule, fire
from runner.domain.states import JobState
from runner.engine import submitting
from runner.store import events
from runner.store.account_ids import ids_of
from runner.store.database import Database
from runner.store.schedules import names_of, select_schedules, to_schedule
from runner.store.tables import account, job, schedule

log = structlog.get_logger()

WAITING = (JobState.QUEUED, JobState.PARKED)
"""An Account whose Job of an earlier due time is there still gets no second one: it may be paused for days."""


async def create_due(db: Database, connection: AsyncConnection) -> list[Job]:
    """Create the Jobs of every Schedule that is due now, and note when each is due next."""
    now = db.clock.now()
    created: list[Job] = []
    rows = await connection.execute(select_schedules().order_by(schedule.c.next_due_at, schedule.c.id))
    for found in [to_schedule(row) for row in rows]:
        firing = fire(found.rule, found.missed, next_due_at=found.next_due_at, now=now)
        if firing.due_at is not None:
            created += await _create(db, connection, found, firing.due_at)
        if firing.missed_since is not None:
            await _tell_missed(db, connection, found, firing)
        await _move_on(connection, found, firing)
    return created


async def is_anything_to_do(db: Database, connection: AsyncConnection) -> bool:
    """Whether a Schedule is due, or waits for a later time than it should since the clock was set back."""
    now = db.clock.now()
    for found in [to_schedule(row) for row in await connection.execute(select_schedules())]:
        firing = fire(found.rule, found.missed, next_due_at=found.next_due_at, now=now)
        if firing.due_at is not None or firing.next_due_at != found.next_due_at:
            return True
    return False


async def next_due_at(connection: AsyncConnection) -> datetime | None:
    """When the next Schedule is due; None when there is none."""
    waiting = select(schedule.c.next_due_at).where(schedule.c.next_due_at.is_not(None))
    found: datetime | None = (await connection.execute(waiting.order_by(schedule.c.next_due_at).limit(1))).scalar()
    return found


def key_of(schedule_id: int, account: str, due_at: datetime) -> str:
    """What makes the Job of one Schedule, one Account and one due time the only one, for ever."""
    return f"{_prefix(schedule_id, account)}{due_at.astimezone(UTC).isoformat()}"


def _prefix(schedule_id: int, account: str) -> str:
    return f"schedule {schedule_id}, {account}, "


async def _create(db: Database, connection: AsyncConnection, found: Schedule, due_at: datetime) -> Sequence[Job]:
    everyone = await names_of(connection, found)
    still_open = await _open_jobs(connection, found, everyone)
    if still_open:
        await _tell_skipped(db, connection, found, due_at, still_open)
    names = [name for name in everyone if name not in still_open]
    if everyone and not names:
        return []
    batch_id = None
    if found.account is None and names:
        batch_id = await submitting.insert_batch(db, connection, f"schedule {found.name}")
    new = [
        NewJob(
            account=name,
            flow=found.flow,
            params=found.params,
            priority=found.priority,
            key=key_of(found.id, name, due_at),
            batch_id=batch_id,
            max_attempts=found.max_attempts,
            timeout_s=found.timeout_s,
        )
        for name in names
    ]
    jobs = await submitting.insert_jobs(db, connection, new)
    data = {"schedule": found.name, "due_at": due_at.isoformat(), "jobs": [job.id for job in jobs]}
    await events.record(db, connection, [events.Fact(name="ScheduleFired", batch_id=batch_id, data=data)])
    return jobs


async def _open_jobs(connection: AsyncConnection, found: Schedule, names: Sequence[str]) -> dict[str, int]:
    """Per Account the Job of an earlier due time that still waits: when it is done, so is what is due now."""
    waiting = select(account.c.name, job.c.id, job.c.key).select_from(job.join(account))
    waiting = waiting.where(job.c.state.in_(WAITING), job.c.key.startswith(f"schedule {found.id}, "))
    rows = await connection.execute(waiting.order_by(job.c.id.desc()))
    return {row.name: row.id for row in rows if row.name in names and row.key.startswith(_prefix(found.id, row.name))}


async def _tell_skipped(
    db: Database, connection: AsyncConnection, found: Schedule, due_at: datetime, still_open: Mapping[str, int]
) -> None:
    account_ids = await ids_of(connection, still_open)
    facts = [
        events.Fact(
            name="ScheduleSkipped",
            account=(account_ids[name], name),
            job_id=number,
            data={"schedule": found.name, "due_at": due_at.isoformat(), "reason": f"job {number} is still open"},
        )
        for name, number in still_open.items()
    ]
    await events.record(db, connection, facts)
    log.info("a schedule waits for jobs that are still open", schedule=found.name, jobs=list(still_open.values()))


async def _tell_missed(db: Database, connection: AsyncConnection, found: Schedule, firing: Firing) -> None:
    since = firing.missed_since.isoformat() if firing.missed_since else None
    made_up = firing.due_at is not None
    data = {"schedule": found.name, "since": since, "made_up": made_up}
    await events.record(db, connection, [events.Fact(name="ScheduleMissed", data=data)])


async def _move_on(connection: AsyncConnection, found: Schedule, firing: Firing) -> None:
    if firing.due_at is None and firing.next_due_at == found.next_due_at:
        return
    values = {"next_due_at": firing.next_due_at, "last_due_at": firing.due_at or found.last_due_at}
    await connection.execute(update(schedule).where(schedule.c.id == found.id).values(values))
