"""Figures over time: counted by the database over its indexes, in the hours and days of a time zone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import CTE, BigInteger, ColumnElement, case, func, literal, null, select, type_coerce, union_all

from runner.domain.figures import Bucket, Results, Tally, Volume, Waits, beginning, buckets
from runner.domain.states import Direction
from runner.store import counting
from runner.store.columns import EPOCH, MICROSECOND
from runner.store.database import Database
from runner.store.tables import account, attempt, job
from runner.store.threads import WHEN
from runner.store.trade_tables import message, thread

QUARTER = timedelta(minutes=15)
SECOND_US = 1_000_000
MOST_BRANCHES = 40
"""So many buckets may be told apart by comparing: thirty days and one more, and the hours of a day."""


@dataclass(frozen=True, kw_only=True)
class Responses:
    """How long inbound Messages waited for an answer: all together, by local day, by Account."""

    all: Waits | None
    days: Sequence[tuple[datetime, Waits]]
    accounts: Sequence[tuple[str, Waits]]


class Analytics:
    """Reads what has happened and changes nothing. Every figure counts from the beginning of a bucket."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def messages(self, since: datetime, bucket: Bucket, zone: ZoneInfo) -> list[Volume]:
        """Messages by direction in each hour or day from the one in which `since` lies; none is left out."""
        now = self._db.clock.now()
        starts = list(buckets(since, now, bucket, zone))
        place = _place(WHEN, starts).label("place")
        counted = select(place, message.c.direction, func.count().label("number"))
        counted = counted.where(starts[0] <= WHEN, now >= WHEN).group_by(place, message.c.direction)
        volumes = {at: Volume(at=at) for at in starts}
        async with self._db.read() as connection:
            for row in await connection.execute(counted):
                volume = volumes[_start(row.place, starts, zone)]
                name = str(row.direction)
                setattr(volume, name, getattr(volume, name) + row.number)
        return list(volumes.values())

    async def attempts(
        self, since: datetime, zone: ZoneInfo
    ) -> tuple[list[tuple[datetime, Results]], dict[str, Results]]:
        """How Attempts ended, by local day (none is left out) and by Flow."""
        now = self._db.clock.now()
        starts = list(buckets(since, now, Bucket.DAY, zone))
        parts = (
            _place(attempt.c.ended_at, starts).label("place"),
            job.c.flow,
            attempt.c.kind,
            counting.GOOD.label("good"),
        )
        counted = (
            select(*parts, func.count().label("number"))
            .select_from(attempt.join(job, job.c.id == attempt.c.job_id))
            .where(attempt.c.ended_at >= starts[0], attempt.c.ended_at <= now)
            .group_by(*parts)
        )
        days = {at: Results() for at in starts}
        flows: defaultdict[str, Results] = defaultdict(Results)
        async with self._db.read() as connection:
            for row in await connection.execute(counted):
                for results in (days[_start(row.place, starts, zone)], flows[row.flow]):
                    _add(results, row)
        return list(days.items()), dict(sorted(flows.items()))

    async def accounts(self, since: datetime) -> dict[str, tuple[str, Tally]]:
        """What has happened for each Account, by name, with its state; a reset of its counters changes nothing here."""
        async with self._db.read() as connection:
            tallies = await counting.per_account(connection, since, anew=False)
            named = await connection.execute(select(account.c.id, account.c.name, account.c.state))
            return {row.name: (row.state, tallies.get(row.id, Tally())) for row in named.all()}

    async def responses(self, since: datetime, zone: ZoneInfo) -> Responses:
        """How long each inbound Message waited for the next outbound one in its Thread, where one came."""
        now = self._db.clock.now()
        days = list(buckets(since, now, Bucket.DAY, zone))
        async with self._db.read() as connection:
            found = (await connection.execute(_percentiles(days))).all()
            names = {row.id: row.name for row in await connection.execute(select(account.c.id, account.c.name))}
        all_, by_day, by_account = None, [], []
        for row in found:
            waits = Waits(count=row.number, p50_s=row.p50 / SECOND_US, p95_s=row.p95 / SECOND_US)
            if row.day is not None:
                by_day.append((days[row.day], waits))
            elif row.account_id is not None:
                by_account.append((names[row.account_id], waits))
            else:
                all_ = waits
        return Responses(all=all_, days=sorted(by_day, key=_first), accounts=sorted(by_account, key=_first))


def _first(pair: tuple[Any, Waits]) -> Any:
    return pair[0]


def _add(results: Results, row: Any) -> None:
    if row.good:
        results.succeeded += row.number
    if row.kind is not None:
        results.failed += row.number
        results.kinds[str(row.kind)] = results.kinds.get(str(row.kind), 0) + row.number


def _percentiles(days: Sequence[datetime]) -> Any:
    """Rows of (day, account, count, p50, p95): all together, then by day, then by Account; nearest rank, in µs."""
    waits = _waits(days)
    return union_all(*(_ranked(waits, by) for by in (None, "day", "account_id")))


def _waits(days: Sequence[datetime]) -> CTE:
    """For each inbound Message the time until the next outbound one, NULL when there is none."""
    later, inbound = message.alias("later"), message.alias("inbound")
    asked = func.coalesce(inbound.c.sent_at, inbound.c.first_seen_at, type_=WHEN.type)
    answered = func.coalesce(later.c.sent_at, later.c.first_seen_at, type_=WHEN.type)
    first = (
        select(func.min(type_coerce(answered, BigInteger())))
        .where(later.c.thread_id == inbound.c.thread_id, later.c.direction == Direction.OUTBOUND, answered > asked)
        .correlate(inbound)
        .scalar_subquery()
    )
    wait = (first - type_coerce(asked, BigInteger())).label("wait")
    return (
        select(thread.c.account_id, _day(asked, days).label("day"), wait)
        .select_from(inbound.join(thread, thread.c.id == inbound.c.thread_id))
        .where(inbound.c.direction == Direction.INBOUND, asked >= days[0])
        .cte("waits")
    )


def _ranked(waits: CTE, by: str | None) -> Any:
    window: dict[str, Any] = {"partition_by": waits.c[by]} if by else {}
    ranked = (
        select(
            *((waits.c[name] if name == by else null()).label(name) for name in ("day", "account_id")),
            waits.c.wait,
            func.row_number().over(order_by=waits.c.wait, **window).label("rank"),
            func.count().over(**window).label("of"),
        )
        .where(waits.c.wait.is_not(None))
        .subquery()
    )

    def at(percent: int) -> ColumnElement[Any]:
        return func.max(case((ranked.c.rank == (ranked.c.of * percent + 99) // 100, ranked.c.wait)))

    figures = (func.count().label("number"), at(50).label("p50"), at(95).label("p95"))
    told = select(ranked.c.day, ranked.c.account_id, *figures)
    return told.group_by(ranked.c[by]) if by else told.having(func.count() > 0)


def _place(when: ColumnElement[Any], starts: Sequence[datetime]) -> ColumnElement[Any]:
    """The number of the bucket in which a time lies, and where those are many, of the quarter hour since 1970.

    What the database counts for a day is a few rows; for each of its quarter hours it would be a thousand.
    """
    return _day(when, starts) if len(starts) <= MOST_BRANCHES else counting.quarter(when)


def _start(place: int, starts: Sequence[datetime], zone: ZoneInfo) -> datetime:
    return starts[place] if len(starts) <= MOST_BRANCHES else beginning(EPOCH + place * QUARTER, Bucket.HOUR, zone)


def _day(when: ColumnElement[Any], days: Sequence[datetime]) -> ColumnElement[Any]:
    """The number of the day among `days` in which a time lies; not all are 24 hours long."""
    stamps = [(at - EPOCH) // MICROSECOND for at in days]
    number = type_coerce(when, BigInteger())
    newest_first = [(number >= stamp, literal(index)) for index, stamp in reversed(list(enumerate(stamps)))]
    return case(*newest_first, else_=0)
