"""Jobs between their rows and the values of the domain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.jobs import Job, NewJob
from runner.domain.states import JobState, Priority
from runner.errors import NotFound
from runner.store.account_ids import CHUNK
from runner.store.tables import account, job, pruned_job

PRIORITIES = tuple(Priority)
PLAIN = tuple(field.name for field in fields(Job) if field.name not in ("account", "priority", "pruned_at"))


def select_jobs() -> Select[Any]:
    """Jobs with the names of their Accounts."""
    return select(job, account.c.name.label("account")).select_from(job.join(account, account.c.id == job.c.account_id))


def to_job(row: Row[Any], *, account: str | None = None) -> Job:
    """A row of `select_jobs` as a Job; of the table alone when the Account's name is given."""
    columns = row._mapping
    values = {name: columns[name] for name in PLAIN}
    return Job(**values, account=account or columns["account"], priority=PRIORITIES[columns["rank"]])


def select_pruned() -> Select[Any]:
    """What is left of Jobs that were pruned, with the names of their Accounts."""
    return select(pruned_job, account.c.name.label("account")).select_from(pruned_job.join(account))


def to_pruned(row: Row[Any]) -> Job:
    """A row of `select_pruned` as a Job that is gone."""
    return Job(
        id=row.job_id,
        account=row.account,
        flow=row.flow,
        params={},
        state=row.state,
        priority=Priority.NORMAL,
        due_at=row.created_at,
        created_at=row.created_at,
        ended_at=row.ended_at,
        attempts=0,
        max_attempts=0,
        key=row.key,
        batch_id=None,
        pinned_to=None,
        owner=None,
        lease_until=None,
        fence=0,
        reason=None,
        result=None,
        error_kind=None,
        error=None,
        cancel_requested=False,
        pruned_at=row.pruned_at,
    )


async def fetch(connection: AsyncConnection, job_id: int) -> Job:
    """One Job. Raises NotFound."""
    row = (await connection.execute(select_jobs().where(job.c.id == job_id))).first()
    if row is None:
        raise NotFound("job", str(job_id), ())
    return to_job(row)


async def fetch_many(connection: AsyncConnection, job_ids: Sequence[int]) -> list[Job]:
    """Jobs in the order of `job_ids`."""
    found: dict[int, Job] = {}
    for start in range(0, len(job_ids), CHUNK):
        part = select_jobs().where(job.c.id.in_(job_ids[start : start + CHUNK]))
        found |= {row.id: to_job(row) for row in await connection.execute(part)}
    return [found[job_id] for job_id in job_ids]


def new_row(new: NewJob, account_id: int, now: datetime) -> dict[str, Any]:
    """A Job as it is first stored."""
    return {
        "account_id": account_id,
        "flow": new.flow,
        "params": dict(new.params),
        "state": JobState.QUEUED,
        "rank": new.priority.rank,
        "due_at": new.due_at or now,
        "created_at": now,
        "attempts": 0,
        "max_attempts": new.max_attempts,
        "key": new.key,
        "batch_id": new.batch_id,
        "pinned_to": new.pinned_to,
        "fence": 0,
        "cancel_requested": False,
        "timeout_s": new.timeout_s,
        "if_failed": new.if_failed,
        "waits_for": 0,
        "replay_of": new.replay_of,
    }
