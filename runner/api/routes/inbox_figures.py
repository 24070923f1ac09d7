"""Figures of the inbox: the funnel, first replies by hour, what templates and rules bring, and what to expect."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Query
from pydantic import Field

from runner.api.routes.shop import Frame, Timeframe
from runner.api.routes.threads import ThreadId
from runner.api.routing import Given, Routes
from runner.api.shapes import Id, Moment, Shape, many
from runner.domain.access import Role
from runner.domain.classification import MessageType
from runner.domain.desk import AnsweredBy
from runner.domain.states import Direction

routes = Routes("analytics")

LOOKED_BACK = timedelta(weeks=8)
All = Annotated[bool, Query(alias="all", description="Since the beginning, whatever the timeframe.")]


class FunnelOut(Shape):
    """How far the inbound messages of a timeframe got; each stage is counted among those of the one before."""

    since: Moment
    received: int = Field(description="Inbound messages that were written in it.")
    classified: int = Field(description="Of those, the ones of which it is known what they want.")
    answered: int = Field(description="Of those, the ones that a message of ours came after.")
    replied: int = Field(description="Of those, the ones where the counterpart wrote within 7 days of that answer.")
    sold: int = Field(description='Of those, the ones whose thread was tagged "sold" since the answer.')
    answered_by: dict[AnsweredBy, int] = Field(
        description="Who gave the answers to questions, a question being the counterpart's first message after silence."
    )


class HourOut(Shape):
    """Questions that came in one hour of the day."""

    hour: int = Field(description="0 to 23, by the clocks of `timezone`.")
    questions: int
    answered: int
    p50_s: float | None
    p95_s: float | None


class FirstRepliesOut(Shape):
    """How long the first reply took, by the hour of the day in which the question came."""

    since: Moment
    timezone: str
    items: list[HourOut]


class YieldOut(Shape):
    """What the drafts of one template or rule came to."""

    id: Id
    name: str
    drafts: int
    sent: int = Field(description="Those that stand at the site.")
    replied: int = Field(description="Of those, the counterpart wrote within 7 days.")
    sold: int = Field(description='Of those, the thread was tagged "sold" since.')
    reply_rate: float | None = Field(description="Replied of sent, from 0 to 1.")
    success_rate: float | None = Field(description="Sold of sent, from 0 to 1.")


class YieldsOut(Shape):
    """What templates, or rules, brought; those with the most drafts first."""

    since: Moment | None
    items: list[YieldOut]


class ForecastOut(Shape):
    """How many inbound messages to expect tomorrow: the mean of that weekday in up to eight weeks before."""

    day: date
    weeks: int = Field(description="Whole weeks that it goes by; below three there is nothing to expect.")
    expected: float | None
    error: float | None = Field(
        description="Mean absolute error, in messages a day, of the same way of expecting over the days before."
    )
    judged_days: int


class StagesOut(Shape):
    """One message through the house."""

    message_id: Id
    direction: Direction
    received_at: Moment = Field(description="When it was written, as the site says.")
    seen_at: Moment = Field(description="When it was read first.")
    type: MessageType | None
    classified_at: Moment | None
    drafted_at: Moment | None = Field(description="When a rule wrote a draft that answers it.")
    answered_at: Moment | None = Field(description="Of an inbound one: when our next one was written.")
    response_s: float | None = Field(description="Seconds from received to answered.")
    by: AnsweredBy | None = Field(description="Who wrote it, of one of ours; who answered it, of an inbound one.")


class TimelineOut(Shape):
    """Every message of a thread through the house, the oldest first."""

    items: list[StagesOut]


@routes.get("/analytics/funnel", role=Role.VIEWER)
async def get_funnel(given: Given, timeframe: Frame = Timeframe.WEEK) -> FunnelOut:
    """Received, classified, answered, replied, sold: how far inbound messages got, and who answered."""
    since = given.clock.now() - timeframe.span
    found = await given.inbox_figures.funnel(since)
    return FunnelOut(since=since, **{name: getattr(found, name) for name in found.__dataclass_fields__})


@routes.get("/analytics/first-reply", role=Role.VIEWER)
async def get_first_reply(given: Given, timeframe: Frame = Timeframe.WEEK) -> FirstRepliesOut:
    """How long the first reply to a question took, by hour of the day; percentiles are by nearest rank."""
    since = given.clock.now() - timeframe.span
    found = await given.inbox_figures.first_replies(since, ZoneInfo(given.rules.timezone))
    return FirstRepliesOut(since=since, timezone=given.rules.timezone, items=many(HourOut, found))


@routes.get("/analytics/templates", role=Role.VIEWER)
async def get_templates(given: Given, timeframe: Frame = Timeframe.WEEK, everything: All = False) -> YieldsOut:
    """What the drafts of each template came to."""
    return await _yields(given, timeframe, of="template", everything=everything)


@routes.get("/analytics/rules", role=Role.VIEWER)
async def get_rules(given: Given, timeframe: Frame = Timeframe.WEEK, everything: All = False) -> YieldsOut:
    """What the drafts of each rule came to."""
    return await _yields(given, timeframe, of="rule", everything=everything)


@routes.get("/analytics/forecast", role=Role.VIEWER)
async def get_forecast(given: Given) -> ForecastOut:
    """How many inbound messages to expect tomorrow, with the error of such expectations; null below three weeks."""
    zone = ZoneInfo(given.rules.timezone)
    found = await given.inbox_figures.forecast(given.clock.now() - LOOKED_BACK, zone)
    return ForecastOut.model_validate(found)


@routes.get("/threads/{thread_id}/timeline", role=Role.VIEWER)
async def get_timeline(given: Given, thread_id: ThreadId) -> TimelineOut:
    """Every message of a thread: received, classified, drafted, answered, and by whom."""
    return TimelineOut(items=many(StagesOut, await given.inbox_figures.stages(thread_id)))


async def _yields(given: Given, timeframe: Timeframe, *, of: str, everything: bool) -> YieldsOut:
    since = None if everything else given.clock.now() - timeframe.span
    return YieldsOut(since=since, items=many(YieldOut, await given.inbox_figures.yields(since, of=of)))
