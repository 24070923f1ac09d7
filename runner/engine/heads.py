"""The heads of the Accounts' queues: what a claim reads instead of all the Jobs.

An Account's head is its most pressing due Job that is not pinned and waits for no other. It stands in the Account's own
row, beside the times at which the next Job falls due (`wake_at`) and at which waiting raises one to a higher priority
(`raise_at`, the rule of `domain.priorities`), and is computed anew whenever a Job of the Account changes its state.

The statements are built once: to build one costs more than to execute it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    Select,
    Update,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    select,
    union_all,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.priorities import RAISED_EVERY_S
from runner.domain.states import AccountState, JobState, Priority
from runner.store.account_ids import CHUNK
from runner.store.columns import UtcTime
from runner.store.tables import account, job

WOKEN_AT_ONCE = 1_000
"""So that one claim never keeps the writer for long when a whole night's Jobs fall due in the same second."""

RAISED_AT_ONCE = 50
"""A raise may come some claims late: nobody is promised the second of it."""

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
HAS_HEAD = account.c.head_rank.is_not(None)
IS_READY = job.c.waits_for == literal_column("0")
WAITING = and_(IS_QUEUED, job.c.pinned_to.is_(None), IS_READY)
NOW = bindparam("now", type_=UtcTime)
BOUND_BY = (
    job.c.flow,
    job.c.pinned_to,
    job.c.batch_id,
    account.c.created_at.label("since"),
    account.c.limits,
    account.c.hours,
)
"""What says whether a Job may be done now."""


async def refresh(connection: AsyncConnection, account_ids: Sequence[int], now: datetime) -> None:
    """Compute the heads of these Accounts anew."""
    if len(account_ids) == 1:
        await connection.execute(_REFRESH_ONE, {"now": now, "account_id": account_ids[0]})
        return
    for start in range(0, len(account_ids), CHUNK):
        await connection.execute(_REFRESH, {"now": now, "account_ids": account_ids[start : start + CHUNK]})


async def refresh_served(connection: AsyncConnection, account_id: int, now: datetime) -> None:
    """Compute the head of one Account anew: its turn is over."""
    await connection.execute(_REFRESH_SERVED, {"now": now, "account_id": account_id})


async def wake(connection: AsyncConnection, now: datetime) -> None:
    """Compute the heads of the Accounts for which a Job has fallen due, or is raised by waiting, since."""
    await connection.execute(_WAKE, {"now": now})


async def mistrust(connection: AsyncConnection, now: datetime, account_id: int | None) -> None:
    """Compute anew the heads among which none was found to be due: after a step back of the clock they are wrong.

    Otherwise there are none such and this costs nothing.
    """
    if account_id is None:
        await connection.execute(_MISTRUST, {"now": now})
    else:
        await connection.execute(_MISTRUST_ONE, {"now": now, "account_id": account_id})


async def due(connection: AsyncConnection, now: datetime, *, owner: str, account_id: int | None) -> Sequence[Row[Any]]:
    """The Jobs that are next in turn, of active Accounts that are free: 16 heads, and 16 reserved for `owner`."""
    values: dict[str, Any] = {"now": now, "owner": owner}
    statement = _DUE
    if account_id is not None:
        statement, values = _DUE_OF_ONE, values | {"account_id": account_id}
    found: Sequence[Row[Any]] = (await connection.execute(statement, values)).all()
    return found


async def next_due_at(connection: AsyncConnection) -> datetime | None:
    """When the next Job of an active Account that is free falls due; in the past when one is due now."""
    times = [(await connection.execute(statement)).scalar() for statement in (_NEXT_HEAD, _NEXT_WAKE)]
    return min((time for time in times if time is not None), default=None)


_STEP = literal_column(str(RAISED_EVERY_S * 1_000_000), BigInteger)
_NONE = literal_column("0", BigInteger)


def _longest_due(rank: int, whose: ColumnElement[bool]) -> Select[Any]:
    """The longest due Job of one given rank: a single look into the index, however many Jobs wait for later.

    Of one rank it is the first to be raised, so no other Job of that rank can be more pressing.
    """
    given = literal_column(str(rank), BigInteger)
    found = (
        select(job.c.id, given.label("given"), job.c.due_at)
        .where(whose, job.c.rank == given, job.c.due_at <= NOW, WAITING)
        .order_by(job.c.due_at, job.c.id)
        .limit(literal_column("1"))
    )
    return select(found.subquery(f"longest_due_{rank}"))


def _pressing(whose: ColumnElement[bool]) -> Select[Any]:
    """The longest due Job of each given rank, with the rank that counts now and when it will next be raised."""
    firsts = union_all(*(_longest_due(rank, whose) for rank in range(len(Priority)))).subquery("firsts")
    steps = NOW.op("-", return_type=BigInteger())(firsts.c.due_at) // _STEP
    due = select(firsts, steps.label("steps")).subquery("due")
    next_raise = due.c.due_at.op("+", return_type=BigInteger())((due.c.steps + 1) * _STEP)
    return select(
        due.c.id,
        due.c.due_at,
        case((due.c.steps >= due.c.given, _NONE), else_=due.c.given - due.c.steps).label("rank"),
        case((due.c.steps < due.c.given, next_raise)).label("raise_at"),
    )


def _refresh(which: ColumnElement[bool]) -> Update:
    """Compute the heads of any Accounts anew."""
    whose = job.c.account_id == literal_column("account.id")

    def best(what: str) -> ColumnElement[Any]:
        found = _pressing(whose).subquery("pressing")
        order = (found.c.rank, found.c.due_at, found.c.id)
        return select(found.c[what]).order_by(*order).limit(literal_column("1")).scalar_subquery()

    next_raise = select(func.min(_pressing(whose).subquery("pressing").c.raise_at)).scalar_subquery()
    values = {f"head_{name}": best(what) for name, what in _HEAD.items()} | {"raise_at": next_raise}
    return update(account).where(which).values(values | {"wake_at": _next_due(whose)})


def _refresh_one() -> Update:
    """The same for one Account, at a third of the cost: what all its columns come from is looked up once."""
    whose = job.c.account_id == bindparam("account_id")
    found = _pressing(whose).cte("pressing")
    best = select(found).order_by(found.c.rank, found.c.due_at, found.c.id).limit(literal_column("1")).cte("best")
    next_raise = select(func.min(found.c.raise_at)).scalar_subquery()
    values = {f"head_{name}": select(best.c[what]).scalar_subquery() for name, what in _HEAD.items()}
    return update(account).where(_ONE).values(values | {"raise_at": next_raise, "wake_at": _next_due(whose)})


_HEAD = {"job_id": "id", "rank": "rank", "due_at": "due_at"}


def _next_due(whose: ColumnElement[bool]) -> ColumnElement[Any]:
    return select(func.min(job.c.due_at)).where(whose, WAITING, job.c.due_at > NOW).scalar_subquery()


def _candidates() -> Select[Any]:
    columns = (
        job.c.id,
        job.c.account_id,
        account.c.name.label("account"),
        job.c.rank,
        job.c.due_at,
        account.c.last_served_at,
        *BOUND_BY,
    )
    return select(*columns).where(IS_ACTIVE, IS_FREE, job.c.due_at <= NOW).limit(CANDIDATES)


def _due(*which: ColumnElement[bool]) -> Select[Any]:
    turns = (account.c.head_rank, account.c.last_served_at.asc().nulls_first(), account.c.head_due_at)
    headed = account.join(job, job.c.id == account.c.head_job_id)
    heads = _candidates().select_from(headed).where(HAS_HEAD, *which).order_by(*turns)
    owned = job.join(account, account.c.id == job.c.account_id)
    reserved = (
        _candidates()
        .select_from(owned)
        .where(IS_QUEUED, IS_READY, job.c.pinned_to == bindparam("owner"), *which)
        .order_by(job.c.rank, job.c.due_at, job.c.id)
    )
    both = union_all(select(heads.subquery("heads")), select(reserved.subquery("reserved"))).subquery("due")
    return select(both)


_ONE = account.c.id == bindparam("account_id")
_REFRESH = _refresh(account.c.id.in_(bindparam("account_ids", expanding=True)))
_REFRESH_ONE = _refresh_one()
_REFRESH_SERVED = _REFRESH_ONE.values(last_served_at=NOW)


def _whose_time_has_come(what: ColumnElement[Any], at_once: int) -> Select[Any]:
    found = select(account.c.id).where(what <= NOW).order_by(what).limit(literal_column(str(at_once)))
    return select(found.subquery(what.key))


_WAKE = _refresh(
    account.c.id.in_(
        union_all(
            _whose_time_has_come(account.c.wake_at, WOKEN_AT_ONCE),
            _whose_time_has_come(account.c.raise_at, RAISED_AT_ONCE),
        )
    )
)
_MISTRUST = _refresh(and_(IS_ACTIVE, HAS_HEAD, IS_FREE))
_MISTRUST_ONE = _refresh(and_(IS_ACTIVE, HAS_HEAD, IS_FREE, _ONE))
_DUE = _due()
_DUE_OF_ONE = _due(_ONE)
_NEXT_HEAD = select(account.c.head_due_at).where(IS_ACTIVE, IS_FREE, HAS_HEAD).order_by(account.c.head_due_at).limit(1)
_NEXT_WAKE = (
    select(account.c.wake_at)
    .where(IS_ACTIVE, IS_FREE, account.c.wake_at.is_not(None))
    .order_by(account.c.wake_at)
    .limit(1)
)
SAT_OUT_S = 600
"""A Job that is put off for longer is not waited for by whoever works through its Batch."""

PUT_OFF = (
    select(func.count())
    .select_from(job.join(account, account.c.id == job.c.account_id))
    .where(job.c.batch_id == bindparam("batch_id"), IS_QUEUED, IS_ACTIVE)
    .where(job.c.postponed.is_not(None), job.c.due_at > bindparam("sat_out"))
)
"""How many queued Jobs of a Batch are put off for longer than that."""


async def standing_still(connection: AsyncConnection, batch_id: int, now: datetime) -> dict[str, int]:
    """Of the queued Jobs of a Batch those that nobody begins for now: `held` and `postponed`, as in BatchProgress."""
    values = {"batch_id": batch_id, "sat_out": now + timedelta(seconds=SAT_OUT_S)}
    counted = (("held", HELD), ("postponed", PUT_OFF))
    return {name: (await connection.execute(which, values)).scalar_one() for name, which in counted}


HELD = (
    select(func.count())
    .select_from(job.join(account, account.c.id == job.c.account_id))
    .where(job.c.batch_id == bindparam("batch_id"), IS_QUEUED, ~IS_ACTIVE)
)
"""How many queued Jobs of a Batch nobody may claim, because their Account is parked, locked, paused or disabled."""
