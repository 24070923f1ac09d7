"""Figures of the inbox, counted by the database over its indexes; nothing is stored for them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import CTE, BigInteger, ColumnElement, Row, Select, and_, case, exists, func, or_, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection

from runner.domain.desk import AnsweredBy
from runner.domain.effects import AT_SITE
from runner.domain.figures import Bucket, buckets
from runner.domain.inbox_figures import (
    REPLIED_WITHIN,
    SOLD,
    Forecast,
    Funnel,
    HourOfDay,
    Stages,
    Yield,
    by_hour,
    forecast,
)
from runner.domain.states import Direction
from runner.store import exchanges
from runner.store.columns import EPOCH, MICROSECOND
from runner.store.database import Database
from runner.store.exchanges import WHEN
from runner.store.replies import whose
from runner.store.rule_tables import draft
from runner.store.tables import effect, tag
from runner.store.thread_tables import thread_tag
from runner.store.trade_tables import message

WITHIN_US = REPLIED_WITHIN // MICROSECOND


class InboxFigures:
    """Reads what became of Messages and changes nothing."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def funnel(self, since: datetime) -> Funnel:
        """How far the inbound Messages got that were written since a moment."""
        now = self._db.clock.now()
        async with self._db.read() as connection:
            row = (await connection.execute(_funnel(since, now))).one()
            return Funnel(
                received=row.received,
                classified=row.classified or 0,
                answered=row.answered or 0,
                replied=row.replied or 0,
                sold=row.sold or 0,
                answered_by=await _answered_by(connection, since, now),
            )

    async def first_replies(self, since: datetime, zone: ZoneInfo) -> list[HourOfDay]:
        """Questions that came since a moment and how long their answers took, by local hour of the day."""
        said = _asked(since, self._db.clock.now())
        statement = select(said.c.at, said.c.answered_at).where(said.c.is_question)
        async with self._db.read() as connection:
            rows = (await connection.execute(statement)).all()
        return by_hour([(row.at, row.answered_at) for row in rows], zone)

    async def yields(self, since: datetime | None, *, of: str) -> list[Yield]:
        """What the Drafts written since a moment came to, by their Rule or Template; `of` is "rule" or "template"."""
        number, name = (draft.c.rule_id, draft.c.rule) if of == "rule" else (draft.c.template_id, draft.c.template)
        outcome = _outcomes(since, number, name).subquery()
        counted = [func.sum(outcome.c[each]).label(each) for each in ("sent", "replied", "sold")]
        statement = select(
            outcome.c.number, func.max(outcome.c.name).label("name"), func.count().label("drafts"), *counted
        ).group_by(outcome.c.number)
        async with self._db.read() as connection:
            rows = (await connection.execute(statement.order_by(func.count().desc(), outcome.c.number))).all()
        return [
            Yield(id=row.number, name=row.name, drafts=row.drafts, sent=row.sent, replied=row.replied, sold=row.sold)
            for row in rows
        ]

    async def stages(self, thread_id: int) -> list[Stages]:
        """Every Message of a Thread through the house, the oldest first. Raises NotFound."""
        async with self._db.read() as connection:
            await whose(connection, thread_id)
            rows = (await connection.execute(_stages(thread_id))).all()
        return [_stage(row, rows[place + 1 :]) for place, row in enumerate(rows)]

    async def forecast(self, since: datetime, zone: ZoneInfo) -> Forecast:
        """How many inbound Messages to expect tomorrow, by the days since a moment."""
        days = await self.inbound_by_day(since, zone)
        first = next((place for place, (_, count) in enumerate(days) if count), len(days))
        # The day of the very first Message is hardly a whole one.
        known = [(at.astimezone(zone).date(), count) for at, count in days[first + 1 :]]
        return forecast(known, self._db.clock.now().astimezone(zone).date() + timedelta(days=1))

    async def inbound_by_day(self, since: datetime, zone: ZoneInfo) -> list[tuple[datetime, int]]:
        """How many came in on each whole local day since a moment, today left out."""
        starts = list(buckets(since, self._db.clock.now(), Bucket.DAY, zone))
        number = type_coerce(WHEN, BigInteger())
        stamps = [_stamp(at) for at in starts]
        newest_first = [(number >= stamp, place) for place, stamp in reversed(list(enumerate(stamps)))]
        day = case(*newest_first, else_=0).label("day")
        inbound = (message.c.direction == Direction.INBOUND, starts[0] <= WHEN, starts[-1] > WHEN)
        async with self._db.read() as connection:
            found = await connection.execute(select(day, func.count().label("number")).where(*inbound).group_by(day))
            counts = {row.day: row.number for row in found}
        return [(at, counts.get(place, 0)) for place, at in enumerate(starts[:-1])]


def _stamp(at: datetime) -> int:
    return (at - EPOCH) // MICROSECOND


def _number(of: Any) -> ColumnElement[int]:
    return type_coerce(func.coalesce(of.c.sent_at, of.c.first_seen_at), BigInteger())


def _next(direction: Direction, of: Any) -> ColumnElement[int]:
    """When one side wrote next after a Message, in the order of the Thread; NULL when it has not yet."""
    later = message.alias(f"next_{direction}")
    after = and_(_number(later) >= _number(of), or_(_number(later) > _number(of), later.c.id > of.c.id))
    mine = (later.c.thread_id == of.c.thread_id, later.c.direction == direction)
    return select(func.min(_number(later))).where(*mine, after).correlate(of).scalar_subquery()


def _last(direction: Direction, of: Any) -> ColumnElement[int]:
    """When one side wrote last before a Message; NULL when it had not."""
    earlier = message.alias(f"last_{direction}")
    before = and_(_number(earlier) <= _number(of), or_(_number(earlier) < _number(of), earlier.c.id < of.c.id))
    mine = (earlier.c.thread_id == of.c.thread_id, earlier.c.direction == direction)
    return select(func.max(_number(earlier))).where(*mine, before).correlate(of).scalar_subquery()


def _asked(since: datetime, now: datetime) -> CTE:
    """The inbound Messages of a time: whether each is a question (the first after silence), and when it was answered.

    Asked of the index for each: windows over whole Threads would sort everything that was ever said.
    """
    asked = message.alias("asked")
    theirs, ours = _last(Direction.INBOUND, asked), _last(Direction.OUTBOUND, asked)
    between = (asked.c.direction == Direction.INBOUND, _number(asked) >= _stamp(since), _number(asked) <= _stamp(now))
    return (
        select(
            asked.c.id,
            asked.c.thread_id,
            asked.c.type,
            _number(asked).label("at"),
            or_(theirs.is_(None), func.coalesce(ours, -1) >= theirs).label("is_question"),
            _next(Direction.OUTBOUND, asked).label("answered_at"),
        )
        .where(*between)
        .cte("inbound")
        .prefix_with("MATERIALIZED")
    )


def _funnel(since: datetime, now: datetime) -> Select[Any]:
    said = _asked(since, now)
    classified = said.c.type.is_not(None)
    answered = and_(classified, said.c.answered_at.is_not(None))
    replied = and_(answered, _replied(said.c.thread_id, said.c.answered_at))
    sold = and_(replied, _sold(said.c.thread_id, said.c.answered_at))
    stages = {"classified": classified, "answered": answered, "replied": replied, "sold": sold}
    columns: list[Any] = [func.count().label("received")]
    columns += [func.sum(case((each, 1), else_=0)).label(name) for name, each in stages.items()]
    return select(*columns).select_from(said)


def _replied(thread_id: ColumnElement[int], after: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether the counterpart wrote after our answer, and within the time in which that counts as a reply.

    In the very second of it the two have crossed.
    """
    reply = message.alias("reply")
    at = type_coerce(func.coalesce(reply.c.sent_at, reply.c.first_seen_at), BigInteger())
    soon = (at > after, at <= after + WITHIN_US)
    return exists().where(reply.c.thread_id == thread_id, reply.c.direction == Direction.INBOUND, *soon)


def _sold(thread_id: ColumnElement[int], after: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether somebody, or a Rule, has tagged the Thread as sold since."""
    number = select(tag.c.id).where(tag.c.name == SOLD).scalar_subquery()
    since = type_coerce(thread_tag.c.at, BigInteger()) >= after
    return exists().where(thread_tag.c.thread_id == thread_id, thread_tag.c.tag_id == number, since)


async def _answered_by(connection: AsyncConnection, since: datetime, now: datetime) -> dict[AnsweredBy, int]:
    said, answer = _asked(since, now), message.alias("answer")
    mine = (answer.c.thread_id == said.c.thread_id, answer.c.direction == Direction.OUTBOUND)
    # Of several in one second the first: in the order of the Thread it is the answer.
    later = or_(_number(answer) > said.c.at, answer.c.id > said.c.id)
    number = select(func.min(answer.c.id)).where(*mine, _number(answer) == said.c.answered_at, later)
    who = exchanges.answered_by(number.correlate(said).scalar_subquery()).label("who")
    answered = select(who).where(said.c.is_question, said.c.answered_at.is_not(None)).subquery()
    found = await connection.execute(select(answered.c.who, func.count()).group_by(answered.c.who))
    counts = {AnsweredBy(name): number for name, number in found}
    return {each: counts.get(each, 0) for each in AnsweredBy}


def _outcomes(since: datetime | None, number: ColumnElement[int], name: ColumnElement[str]) -> Select[Any]:
    """A row for each Draft: whether it stands at the Site, whether that was replied to, and followed by a sale."""
    armed = type_coerce(effect.c.armed_at, BigInteger())
    at_site = and_(effect.c.job_id == draft.c.job_id, effect.c.state.in_(AT_SITE))
    sent = effect.c.id.is_not(None)
    replied, sold = and_(sent, _replied(draft.c.thread_id, armed)), and_(sent, _sold(draft.c.thread_id, armed))
    flags = {"sent": sent, "replied": replied, "sold": sold}
    statement = select(
        number.label("number"),
        name.label("name"),
        *(case((each, 1), else_=0).label(key) for key, each in flags.items()),
    ).select_from(draft.outerjoin(effect, at_site))
    return statement if since is None else statement.where(draft.c.created_at >= since)


def _stages(thread_id: int) -> Select[Any]:
    by = case((message.c.direction == Direction.OUTBOUND, exchanges.answered_by(message.c.id)))
    columns = [message.c[name] for name in ("id", "direction", "type", "classified_at", "first_seen_at")]
    return (
        select(*columns, WHEN.label("at"), draft.c.created_at.label("drafted_at"), by.label("by"))
        .select_from(message.outerjoin(draft, draft.c.message_id == message.c.id))
        .where(message.c.thread_id == thread_id)
        .order_by(WHEN, message.c.id)
    )


def _stage(row: Row[Any], later: Sequence[Row[Any]]) -> Stages:
    answer = None
    if row.direction is Direction.INBOUND:
        answer = next((each for each in later if each.direction is Direction.OUTBOUND), None)
    by = (answer or row).by
    return Stages(
        message_id=row.id,
        direction=row.direction,
        received_at=row.at,
        seen_at=row.first_seen_at,
        type=row.type,
        classified_at=row.classified_at,
        drafted_at=row.drafted_at,
        answered_at=answer.at if answer else None,
        by=None if by is None else AnsweredBy(by),
    )
