"""What is being done this second: the running Jobs with the Step that each is at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.states import JobState, Mode
from runner.store.database import Database
from runner.store.error_log import PICTURES
from runner.store.tables import account, attempt, evidence, job, session, step


@dataclass(frozen=True, kw_only=True)
class Work:
    """A running Job; what stands below `attempt_id` is None until its Attempt, its Session or a Step has begun.

    `picture_id` is the newest picture among the Evidence of this Attempt.
    """

    job_id: int
    account: str
    flow: str
    batch_id: int | None
    reason: str | None
    owner: str | None
    attempt_id: int | None
    attempt_number: int | None
    started_at: datetime | None
    session_id: int | None
    mode: Mode | None
    live_url: str | None
    step: str | None
    step_detail: str | None
    step_since: datetime | None
    steps_done: int
    picture_id: int | None


class WorkView:
    """Reads what runs and changes nothing."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def now(self) -> list[Work]:
        """The running Jobs, the longest at it first."""
        async with self._db.read() as connection:
            rows = (await connection.execute(_running())).all()
            tried = [row.attempt_id for row in rows if row.attempt_id is not None]
            steps, pictures = await _steps(connection, tried), await _pictures(connection, tried)
        return [_work(row, steps.get(row.attempt_id, ()), pictures.get(row.attempt_id)) for row in rows]


def _running() -> Select[Any]:
    open_attempt = and_(attempt.c.job_id == job.c.id, attempt.c.ended_at.is_(None))
    open_session = and_(session.c.id == attempt.c.session_id, session.c.ended_at.is_(None))
    joined = (
        job.join(account, account.c.id == job.c.account_id)
        .outerjoin(attempt, open_attempt)
        .outerjoin(session, open_session)
    )
    return (
        select(
            job.c.id.label("job_id"),
            account.c.name.label("account"),
            *(job.c[name] for name in ("flow", "batch_id", "reason", "owner")),
            attempt.c.id.label("attempt_id"),
            attempt.c.number.label("attempt_number"),
            attempt.c.started_at,
            session.c.id.label("session_id"),
            session.c.mode,
            session.c.live_url,
        )
        .select_from(joined)
        .where(job.c.state == JobState.RUNNING)
        .order_by(attempt.c.started_at, job.c.id, attempt.c.number)
    )


async def _steps(connection: AsyncConnection, attempt_ids: Sequence[int]) -> dict[int, list[Row[Any]]]:
    found: dict[int, list[Row[Any]]] = {}
    statement = select(step).where(step.c.attempt_id.in_(attempt_ids)).order_by(step.c.attempt_id, step.c.ordinal)
    for row in await connection.execute(statement):
        found.setdefault(row.attempt_id, []).append(row)
    return found


async def _pictures(connection: AsyncConnection, attempt_ids: Sequence[int]) -> dict[int, int]:
    statement = (
        select(evidence.c.attempt_id, func.max(evidence.c.id).label("number"))
        .where(evidence.c.attempt_id.in_(attempt_ids), evidence.c.kind.in_(PICTURES))
        .group_by(evidence.c.attempt_id)
    )
    return {row.attempt_id: row.number for row in await connection.execute(statement)}


def _work(row: Row[Any], steps: Sequence[Row[Any]], picture: int | None) -> Work:
    # Steps may stand inside each other: the one that began last is what is being done.
    at = next((each for each in reversed(steps) if each.ended_at is None), None)
    return Work(
        **row._mapping,
        step=at.name if at else None,
        step_detail=at.detail if at else None,
        step_since=at.started_at if at else None,
        steps_done=sum(each.ended_at is not None for each in steps),
        picture_id=picture,
    )
