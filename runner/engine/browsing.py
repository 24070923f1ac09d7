"""What people ask about the queue: pages of Jobs and Batches, whose turn is next and why, and whether work goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, BigInteger, ColumnElement, Select, and_, case, func, select, type_coerce

from runner.domain import priorities, rotation
from runner.domain.jobs import BatchProgress, Job
from runner.domain.rotation import Candidate, Choice
from runner.domain.states import ENDED, JobState
from runner.engine import heads, rows
from runner.errors import ErrorKind
from runner.store.account_ids import id_of
from runner.store.database import Database
from runner.store.pages import Page, Wish, after_number, fetch_ids, page_of
from runner.store.tables import attempt, batch, job, job_dependency
from runner.store.trade_tables import listing

JOB_ORDERS = {"id": job.c.id, "due_at": type_coerce(job.c.due_at, BigInteger())}
NOBODY = ""
"""An owner for whom nothing is reserved."""


@dataclass(frozen=True, kw_only=True)
class JobQuestion:
    """Which Jobs; None and () mean any."""

    account: str | None = None
    states: Sequence[JobState] = ()
    flow: str | None = None
    batch_id: int | None = None
    error_kind: ErrorKind | None = None
    key: str | None = None
    ids: Sequence[int] = ()
    listings: Sequence[int] = ()
    """Those that were to publish one of these Listings."""


@dataclass(frozen=True, kw_only=True)
class Stuck:
    """Why work that is due does not go on; both None when it does."""

    due_since: datetime | None = None
    silent_since: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """The queued Jobs of one Account: `due` may run now, `held` wait for other Jobs, `reserved` are for one owner."""

    due: int
    later: int
    held: int
    reserved: int
    next_due_at: datetime | None


class QueueView:
    """Reads the queue and changes nothing."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def jobs(self, question: JobQuestion, wish: Wish) -> Page[Job]:
        """One page of Jobs, the newest first unless wished otherwise. Raises NotFound, SetupError."""
        async with self._db.read() as connection:
            account_id = None if question.account is None else await id_of(connection, question.account)
            found, cursor = await fetch_ids(
                connection, _which(question, account_id), wish, number=job.c.id, orders=JOB_ORDERS, default="-id"
            )
            return Page(items=await rows.fetch_many(connection, found), next_cursor=cursor)

    async def dependencies(self, job_id: int) -> tuple[list[int], list[int]]:
        """The Jobs that one waits or waited for, and those that wait or waited for it."""
        needs = select(job_dependency.c.needs_id).where(job_dependency.c.job_id == job_id)
        needed_by = select(job_dependency.c.job_id).where(job_dependency.c.needs_id == job_id)
        async with self._db.read() as connection:
            before, after = [list((await connection.execute(each)).scalars()) for each in (needs, needed_by)]
            return sorted(before), sorted(after)

    async def batches(self, wish: Wish, *, name: str | None = None) -> Page[BatchProgress]:
        """One page of Batches with their progress, the newest first. Raises SetupError."""
        statement = select(batch).order_by(batch.c.id.desc()).limit(wish.limit + 1)
        last = after_number(wish)
        if last is not None:
            statement = statement.where(batch.c.id < last)
        if name is not None:
            statement = statement.where(batch.c.name == name)
        async with self._db.read() as connection:
            found = (await connection.execute(statement)).all()
            numbers = [row.id for row in found]
            counted = select(job.c.batch_id, job.c.state, func.count()).where(job.c.batch_id.in_(numbers))
            counts: dict[int, dict[JobState, int]] = {number: {} for number in numbers}
            for number, state, count in await connection.execute(counted.group_by(job.c.batch_id, job.c.state)):
                counts[number][state] = count
            still: dict[int, dict[str, int]] = {}
            for number in numbers:
                if counts[number].get(JobState.QUEUED):
                    still[number] = await heads.standing_still(connection, number, self._db.clock.now())
        progress = [_progress(row, counts[row.id], still.get(row.id, {})) for row in found]
        return page_of(progress, wish, lambda each: each.id)

    async def running(self) -> list[Job]:
        """The Jobs that somebody performs now, the longest at it first."""
        async with self._db.read() as connection:
            found = rows.select_jobs().where(job.c.state == JobState.RUNNING).order_by(job.c.id)
            return [rows.to_job(row) for row in await connection.execute(found)]

    async def running_in(self, batch_id: int) -> list[Job]:
        """The Jobs of a Batch that somebody performs now."""
        statement = rows.select_jobs().where(job.c.batch_id == batch_id, job.c.state == JobState.RUNNING)
        async with self._db.read() as connection:
            return [rows.to_job(row) for row in await connection.execute(statement.order_by(job.c.id))]

    async def upcoming(self, limit: int) -> list[Choice]:
        """Whose turn comes next, in order, each with the reason that a claim at this moment would record."""
        now = self._db.clock.now()
        async with self._db.read() as connection:
            found = await heads.due(connection, now, owner=NOBODY, account_id=None)
        waiting = [_candidate(row, now) for row in found]
        chosen: list[Choice] = []
        while waiting and len(chosen) < limit:
            choice = rotation.choose(waiting, now)
            assert choice is not None
            chosen.append(choice)
            waiting = [each for each in waiting if each.account != choice.candidate.account]
        return chosen

    async def stuck(self, patience: timedelta) -> Stuck:
        """Whether something is due for longer than `patience` while nothing was begun meanwhile, or a lease is dead."""
        now = self._db.clock.now()
        newest = select(attempt.c.started_at).order_by(attempt.c.id.desc()).limit(1)
        dead = select(func.min(job.c.lease_until)).where(job.c.state == JobState.RUNNING)
        async with self._db.read() as connection:
            due_at = await heads.next_due_at(connection)
            begun_at = (await connection.execute(newest)).scalar()
            lease_until = (await connection.execute(dead)).scalar()
        if lease_until is not None and now - lease_until > patience:
            return Stuck(due_since=lease_until, silent_since=lease_until)
        silent = begun_at is None or now - begun_at > patience
        if due_at is None or now - due_at <= patience or not silent:
            return Stuck()
        return Stuck(due_since=due_at, silent_since=begun_at)

    async def waiting(self, account_name: str) -> Waiting:
        """What is queued for an Account. Raises NotFound."""
        now = self._db.clock.now()
        free = and_(job.c.waits_for == 0, job.c.pinned_to.is_(None))
        counted = select(
            _count(and_(free, job.c.due_at <= now)).label("due"),
            _count(and_(free, job.c.due_at > now)).label("later"),
            _count(job.c.waits_for > 0).label("held"),
            _count(and_(job.c.waits_for == 0, job.c.pinned_to.is_not(None))).label("reserved"),
            func.min(case((free, job.c.due_at))).label("next_due_at"),
        )
        async with self._db.read() as connection:
            mine = job.c.account_id == await id_of(connection, account_name)
            row = (await connection.execute(counted.where(mine, job.c.state == JobState.QUEUED))).one()
        return Waiting(**row._mapping)

    async def open_jobs(self, account_name: str) -> int:
        """How many Jobs of an Account have not ended. Raises NotFound."""
        still = [state for state in JobState if state not in ENDED]
        async with self._db.read() as connection:
            mine = job.c.account_id == await id_of(connection, account_name)
            counted = select(func.count()).select_from(job).where(mine, job.c.state.in_(still))
            return int((await connection.execute(counted)).scalar_one())


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _which(question: JobQuestion, account_id: int | None) -> Select[Any]:
    statement = select(job.c.id)
    if account_id is not None:
        statement = statement.where(job.c.account_id == account_id)
    if question.states:
        statement = statement.where(job.c.state.in_(question.states))
    if question.flow is not None:
        statement = statement.where(job.c.flow == question.flow)
    if question.batch_id is not None:
        statement = statement.where(job.c.batch_id == question.batch_id)
    if question.error_kind is not None:
        statement = statement.where(job.c.error_kind == question.error_kind)
    if question.key is not None:
        statement = statement.where(job.c.key == question.key)
    if question.ids:
        statement = statement.where(job.c.id.in_(question.ids))
    if question.listings:
        # Only their Accounts have Jobs for them, which spares looking into the parameters of all others.
        whose = select(listing.c.account_id).where(listing.c.id.in_(question.listings))
        which = type_coerce(job.c.params, JSON)["listing"].as_integer()
        statement = statement.where(job.c.account_id.in_(whose), which.in_(question.listings))
    return statement


def _progress(row: Any, counts: dict[JobState, int], still: dict[str, int]) -> BatchProgress:
    by_state = {str(state): counts.get(state, 0) for state in JobState}
    return BatchProgress(
        id=row.id, name=row.name, created_at=row.created_at, total=sum(counts.values()), **still, **by_state
    )


def _candidate(row: Any, now: datetime) -> Candidate:
    given = rows.PRIORITIES[row.rank]
    found = Candidate(
        account=row.account,
        job_id=row.id,
        priority=given,
        given=given,
        due_at=row.due_at,
        last_served_at=row.last_served_at,
    )
    return replace(found, priority=priorities.raised(given, due_at=row.due_at, now=now))
