"""Counts what has happened since a moment, over the indexes on when it did."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, case, func, or_, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.figures import Tally
from runner.domain.states import Direction, Outcome
from runner.store.tables import account, attempt, job
from runner.store.threads import WHEN
from runner.store.trade_tables import message, thread

QUARTER_US = 15 * 60 * 1_000_000
"""Every time zone of today is a whole number of quarter hours away from UTC: days and hours are sums of these."""
GOOD = case((attempt.c.outcome == Outcome.SUCCEEDED, 1), else_=0)
FAILED = case((attempt.c.kind.is_not(None), 1), else_=0)


def quarter(when: ColumnElement[Any]) -> ColumnElement[int]:
    """The number of the quarter hour, since 1970, in which a time lies."""
    return type_coerce(when, BigInteger()) // QUARTER_US


async def whole(connection: AsyncConnection, since: datetime, until: datetime | None = None) -> Tally:
    """What has happened for all Accounts together, from one moment to before another, or to now."""
    tally = Tally()
    sent = select(message.c.direction, func.count().label("number")).where(since <= WHEN)
    ended = select(func.count().label("served"), func.sum(GOOD).label("good"), func.sum(FAILED).label("failed"))
    ended = ended.where(attempt.c.ended_at >= since)
    if until is not None:
        sent, ended = sent.where(until > WHEN), ended.where(attempt.c.ended_at < until)
    for row in await connection.execute(sent.group_by(message.c.direction)):
        setattr(tally, str(row.direction), row.number)
    row = (await connection.execute(ended)).one()
    tally.served, tally.succeeded, tally.failed = row.served, row.good or 0, row.failed or 0
    return tally


async def per_account(connection: AsyncConnection, since: datetime, *, anew: bool = True) -> dict[int, Tally]:
    """What has happened for each Account, by its id. With `anew` one whose counters were reset is counted from then on.

    For all at once: asked about some, SQLite goes through everything that these ever said instead of what is new.
    """
    of_attempts, of_messages = _attempts(since, anew=anew), _messages(since, anew=anew)
    found: dict[int, Tally] = {}
    for row in await connection.execute(of_attempts):
        found[row.account_id] = Tally(served=row.served, succeeded=row.good, failed=row.failed)
    for row in await connection.execute(of_messages):
        tally = found.setdefault(row.account_id, Tally())
        tally.inbound, tally.outbound = row.inbound, row.outbound
    return found


def _attempts(since: datetime, *, anew: bool) -> Select[Any]:
    statement = (
        select(
            job.c.account_id,
            func.count().label("served"),
            func.sum(GOOD).label("good"),
            func.sum(FAILED).label("failed"),
        )
        .select_from(attempt.join(job, job.c.id == attempt.c.job_id))
        .where(attempt.c.ended_at >= since)
        .group_by(job.c.account_id)
    )
    return statement.where(_counts(job.c.account_id, attempt.c.ended_at)) if anew else statement


def _messages(since: datetime, *, anew: bool) -> Select[Any]:
    inbound = case((message.c.direction == Direction.INBOUND, 1), else_=0)
    statement = (
        select(
            thread.c.account_id,
            func.sum(inbound).label("inbound"),
            (func.count() - func.sum(inbound)).label("outbound"),
        )
        .select_from(message.join(thread, thread.c.id == message.c.thread_id))
        .where(since <= WHEN)
        .group_by(thread.c.account_id)
    )
    return statement.where(_counts(thread.c.account_id, WHEN)) if anew else statement


def _counts(whose: ColumnElement[Any], when: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether it happened since the counters of its Account were reset, if they ever were."""
    reset = select(account.c.counted_from).where(account.c.id == whose).scalar_subquery()
    return or_(reset.is_(None), when >= reset)
