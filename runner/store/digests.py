"""The figures of a digest: a whole span, counted by the database over its indexes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Integer, case, cast, func, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.digests import Digest, Ended, Failure, Span, Waiting
from runner.domain.effects import EffectKind, EffectState
from runner.domain.figures import Bucket, Tally, Volume, Waits, beginning, buckets
from runner.domain.notices import NoticeKind
from runner.domain.states import AccountState, Direction, JobState
from runner.store import counting
from runner.store.columns import EPOCH
from runner.store.database import Database
from runner.store.tables import account, attempt, effect, job
from runner.store.threads import WHEN
from runner.store.trade_tables import message, thread

MOST_FAILURES = 8
QUARTER_S = 900
SECOND_US = 1_000_000
NEEDING = (AccountState.PARKED, AccountState.LOCKED)


class Digests:
    """Reads what has happened and changes nothing."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def digest(self, span: Span) -> Digest:
        """The figures of a span."""
        since, until = span.begins, span.ends
        by = Bucket.HOUR if span.kind is NoticeKind.DAILY_DIGEST else Bucket.DAY
        starts = list(buckets(since, until, by, span.zone))
        async with self._db.read() as connection:
            failures = await _failures(connection, since, until)
            answered, waits = await _waits(connection, since, until)
            return Digest(
                span=span,
                made_at=self._db.clock.now(),
                tally=await counting.whole(connection, since, until),
                before=await counting.whole(connection, span.before.begins, since),
                jobs=await _jobs(connection, since, until),
                waits=waits,
                answered=answered,
                published=await _published(connection, since, until),
                failures=failures[:MOST_FAILURES],
                more_failures=sum(each.count for each in failures[MOST_FAILURES:]),
                waiting=await _waiting(connection),
                unknown=await _count(connection, select(func.count()).where(job.c.state == JobState.UNKNOWN)),
                volumes=await _volumes(connection, span, by, starts),
                ended=await _ended(connection, span, by, starts),
                accounts=await _accounts(connection, since, until),
            )


async def _count(connection: AsyncConnection, statement: Any) -> int:
    return int((await connection.execute(statement)).scalar_one())


async def _jobs(connection: AsyncConnection, since: datetime, until: datetime) -> dict[JobState, int]:
    ended = (job.c.ended_at >= since, job.c.ended_at < until)
    statement = select(job.c.state, func.count().label("number")).where(*ended).group_by(job.c.state)
    return {row.state: row.number for row in await connection.execute(statement)}


async def _published(connection: AsyncConnection, since: datetime, until: datetime) -> int:
    done = (effect.c.kind == EffectKind.PUBLISH_LISTING, effect.c.state == EffectState.CONFIRMED)
    within = (effect.c.changed_at >= since, effect.c.changed_at < until)
    return await _count(connection, select(func.count()).select_from(effect).where(*done, *within))


async def _failures(connection: AsyncConnection, since: datetime, until: datetime) -> tuple[Failure, ...]:
    failed = (attempt.c.ended_at >= since, attempt.c.ended_at < until, attempt.c.kind.is_not(None))
    number = func.count().label("number")
    columns = (attempt.c.signature, attempt.c.kind, func.max(attempt.c.error).label("error"), number)
    statement = select(*columns).where(*failed).group_by(attempt.c.signature, attempt.c.kind)
    rows = await connection.execute(statement.order_by(number.desc(), attempt.c.signature))
    return tuple(
        Failure(signature=row.signature, kind=str(row.kind), error=row.error or "", count=row.number) for row in rows
    )


async def _waiting(connection: AsyncConnection) -> tuple[Waiting, ...]:
    columns = (account.c.name, account.c.state, account.c.state_reason)
    statement = select(*columns).where(account.c.state.in_(NEEDING)).order_by(account.c.name)
    return tuple(
        Waiting(account=row.name, state=row.state, reason=row.state_reason)
        for row in await connection.execute(statement)
    )


async def _waits(connection: AsyncConnection, since: datetime, until: datetime) -> tuple[int, Waits | None]:
    """How many of the span's inbound Messages were answered by now, and how long they waited: nearest rank."""
    later, inbound = message.alias("later"), message.alias("inbound")
    asked = func.coalesce(inbound.c.sent_at, inbound.c.first_seen_at, type_=WHEN.type)
    said = func.coalesce(later.c.sent_at, later.c.first_seen_at, type_=WHEN.type)
    first = (
        select(func.min(type_coerce(said, BigInteger())))
        .where(later.c.thread_id == inbound.c.thread_id, later.c.direction == Direction.OUTBOUND, said > asked)
        .correlate(inbound)
        .scalar_subquery()
    )
    wait = (first - type_coerce(asked, BigInteger())).label("wait")
    within = (inbound.c.direction == Direction.INBOUND, asked >= since, asked < until)
    rows = await connection.execute(select(wait).where(*within))
    found = sorted(row.wait for row in rows if row.wait is not None)
    if not found:
        return 0, None
    p50, p95 = (found[(len(found) * percent + 99) // 100 - 1] / SECOND_US for percent in (50, 95))
    return len(found), Waits(count=len(found), p50_s=p50, p95_s=p95)


async def _volumes(
    connection: AsyncConnection, span: Span, by: Bucket, starts: Sequence[datetime]
) -> tuple[Volume, ...]:
    quarter = counting.quarter(WHEN).label("quarter")
    within = (span.begins <= WHEN, span.ends > WHEN)
    statement = select(quarter, message.c.direction, func.count().label("number")).where(*within)
    volumes = {at: Volume(at=at) for at in starts}
    for row in await connection.execute(statement.group_by(quarter, message.c.direction)):
        volume = volumes[_start(row.quarter, by, span)]
        setattr(volume, str(row.direction), getattr(volume, str(row.direction)) + row.number)
    return tuple(volumes.values())


async def _ended(connection: AsyncConnection, span: Span, by: Bucket, starts: Sequence[datetime]) -> tuple[Ended, ...]:
    quarter = counting.quarter(attempt.c.ended_at).label("quarter")
    columns = (quarter, func.sum(counting.GOOD).label("good"), func.sum(counting.FAILED).label("bad"))
    within = (attempt.c.ended_at >= span.begins, attempt.c.ended_at < span.ends)
    good, bad = dict.fromkeys(starts, 0), dict.fromkeys(starts, 0)
    for row in await connection.execute(select(*columns).where(*within).group_by(quarter)):
        at = _start(row.quarter, by, span)
        good[at] += row.good or 0
        bad[at] += row.bad or 0
    return tuple(Ended(at=at, succeeded=good[at], failed=bad[at]) for at in starts)


def _start(quarter: int, by: Bucket, span: Span) -> datetime:
    return beginning(datetime.fromtimestamp(quarter * QUARTER_S, EPOCH.tzinfo), by, span.zone)


async def _accounts(connection: AsyncConnection, since: datetime, until: datetime) -> dict[str, Tally]:
    inbound = cast(case((message.c.direction == Direction.INBOUND, 1), else_=0), Integer)
    said = (
        select(account.c.name, func.sum(inbound).label("inbound"), func.count().label("number"))
        .select_from(message.join(thread, thread.c.id == message.c.thread_id).join(account))
        .where(since <= WHEN, until > WHEN)
        .group_by(account.c.name)
    )
    done = (
        select(
            account.c.name,
            func.count().label("served"),
            func.sum(counting.GOOD).label("good"),
            func.sum(counting.FAILED).label("bad"),
        )
        .select_from(attempt.join(job, job.c.id == attempt.c.job_id).join(account, account.c.id == job.c.account_id))
        .where(attempt.c.ended_at >= since, attempt.c.ended_at < until)
        .group_by(account.c.name)
    )
    found: dict[str, Tally] = {}
    for row in await connection.execute(done):
        found[row.name] = Tally(served=row.served, succeeded=row.good or 0, failed=row.bad or 0)
    for row in await connection.execute(said):
        tally = found.setdefault(row.name, Tally())
        tally.inbound, tally.outbound = row.inbound, row.number - row.inbound
    return dict(sorted(found.items()))
