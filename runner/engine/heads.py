"""The heads of the Accounts' queues: what a claim reads instead of all the Jobs.

An Account's head is its most pressing due Job that is not pinned. It stands in the Account's own row, beside the time
at which the next Job falls due (`wake_at`), and is computed anew whenever a Job of the Account changes its state.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Row, ScalarSelect, Select, and_, exists, func, literal_column, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.states import AccountState, JobState, Priority
from runner.store.account_ids import CHUNK
from runner.store.tables import account, job

WOKEN_AT_ONCE = 1_000
"""So that one claim never keeps the writer for long when a whole night's Jobs fall due in the same second."""

CANDIDATES = 16

# Literals, not parameters: SQLite uses a partial index only when it can see the index's own condition.
IS_QUEUED = job.c.state == literal_column(f"'{JobState.QUEUED}'")
IS_ACTIVE = account.c.state == literal_column(f"'{AccountState.ACTIVE}'")
IS_FREE = ~exists(
    select(literal_column("1"))
    .select_from(job.alias("running"))
    .where(literal_column("running.account_id") == account.c.id, literal_column("running.state = 'running'"))
    .correlate(account)
)
WAITING = and_(IS_QUEUED, job.c.pinned_to.is_(None))


async def refresh(connection: AsyncConnection, account_ids: Sequence[int], now: datetime) -> None:
    """Compute the heads of these Accounts anew."""
    for start in range(0, len(account_ids), CHUNK):
        await _refresh_where(connection, account.c.id.in_(account_ids[start : start + CHUNK]), now)


async def wake(connection: AsyncConnection, now: datetime) -> None:
    """Compute the heads of the Accounts for which a Job has fallen due since."""
    woken = select(account.c.id).where(account.c.wake_at <= now).order_by(account.c.wake_at).limit(WOKEN_AT_ONCE)
    await refresh(connection, list((await connection.execute(woken)).scalars()), now)


async def doubt(connection: AsyncConnection, now: datetime) -> None:
    """Compute the heads of all Accounts that seem to have one, when none was found to be due: the clock went back."""
    await _refresh_where(connection, and_(IS_ACTIVE, account.c.head_rank.is_not(None), IS_FREE), now)


async def candidates(connection: AsyncConnection, now: datetime, account_id: int | None) -> Sequence[Row[tuple[int]]]:
    """The heads that are next in turn, at most CANDIDATES, of active Accounts that are free."""
    statement = (
        _candidate()
        .select_from(account.join(job, job.c.id == account.c.head_job_id))
        .where(IS_ACTIVE, account.c.head_rank.is_not(None), job.c.due_at <= now, IS_FREE)
        .order_by(account.c.head_rank, account.c.last_served_at.asc().nulls_first(), account.c.head_due_at)
        .limit(CANDIDATES)
    )
    if account_id is not None:
        statement = statement.where(account.c.id == account_id)
    return (await connection.execute(statement)).all()


async def pinned(
    connection: AsyncConnection, now: datetime, owner: str, account_id: int | None
) -> Sequence[Row[tuple[int]]]:
    """The due Jobs that are reserved for `owner`, of active Accounts that are free."""
    statement = (
        _candidate()
        .select_from(job.join(account, account.c.id == job.c.account_id))
        .where(IS_QUEUED, job.c.pinned_to == owner, job.c.due_at <= now, IS_ACTIVE, IS_FREE)
        .order_by(job.c.rank, job.c.due_at, job.c.id)
        .limit(CANDIDATES)
    )
    if account_id is not None:
        statement = statement.where(account.c.id == account_id)
    return (await connection.execute(statement)).all()


async def next_due_at(connection: AsyncConnection) -> datetime | None:
    """When the next Job of an active Account that is free falls due; in the past when one is due now."""
    free = and_(IS_ACTIVE, IS_FREE)
    due = select(func.min(account.c.head_due_at, type_=account.c.head_due_at.type)).where(
        free, account.c.head_rank.is_not(None)
    )
    wakes = select(account.c.wake_at).where(free, account.c.wake_at.is_not(None)).order_by(account.c.wake_at).limit(1)
    times = [(await connection.execute(due)).scalar(), (await connection.execute(wakes)).scalar()]
    return min((time for time in times if time is not None), default=None)


def _candidate() -> Select[tuple[int]]:
    return select(
        job.c.id,
        job.c.account_id,
        account.c.name.label("account"),
        job.c.rank,
        job.c.due_at,
        account.c.last_served_at,
    )


async def _refresh_where(connection: AsyncConnection, which: ColumnElement[bool], now: datetime) -> None:
    heads = [_head(rank, now) for rank in range(len(Priority))]
    wakes = (
        select(func.min(job.c.due_at)).where(job.c.account_id == account.c.id, WAITING, job.c.due_at > now)
    ).scalar_subquery()
    found = update(account).where(which).values(head_job_id=func.coalesce(*heads), wake_at=wakes)
    await connection.execute(found)
    details = {
        "head_rank": select(job.c.rank).where(job.c.id == account.c.head_job_id).scalar_subquery(),
        "head_due_at": select(job.c.due_at).where(job.c.id == account.c.head_job_id).scalar_subquery(),
    }
    await connection.execute(update(account).where(which).values(details))


def _head(rank: int, now: datetime) -> ScalarSelect[int]:
    """The longest due Job of one rank: a single look into the index, however many Jobs wait for later."""
    return (
        select(job.c.id)
        .where(job.c.account_id == account.c.id, job.c.rank == rank, job.c.due_at <= now, WAITING)
        .order_by(job.c.due_at, job.c.id)
        .limit(1)
        .scalar_subquery()
    )
