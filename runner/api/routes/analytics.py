"""Analytics: what has happened over time, for charts."""

from __future__ import annotations

from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import Query
from pydantic import Field

from runner.api.routes.shop import Frame, Timeframe, to_the_minute
from runner.api.routing import Given, Routes
from runner.api.shapes import Moment, Shape, many
from runner.domain.access import Role
from runner.domain.figures import Bucket, Results, Waits, balance, beginning
from runner.domain.states import AccountState

routes = Routes("analytics")


class VolumeOut(Shape):
    """Messages in one hour or day."""

    at: Moment = Field(description="When it begins.")
    inbound: int
    outbound: int


class MessagesOut(Shape):
    """Messages over time; the hours and days are those of `timezone`."""

    since: Moment
    timezone: str
    bucket: Bucket
    items: list[VolumeOut]


class ResultsOut(Shape):
    """How attempts ended."""

    succeeded: int
    failed: int
    kinds: dict[str, int] = Field(description="The failed ones by error kind.")


class DayResultsOut(ResultsOut):
    """How the attempts of one day ended."""

    at: Moment


class FlowResultsOut(ResultsOut):
    """How the attempts of one flow ended."""

    flow: str


class AttemptsOut(Shape):
    """How attempts ended, by day and by flow."""

    since: Moment
    timezone: str
    days: list[DayResultsOut]
    flows: list[FlowResultsOut]


class WaitsOut(Shape):
    """How long messages waited for an answer, in seconds."""

    count: int
    p50_s: float | None
    p95_s: float | None


class DayWaitsOut(WaitsOut):
    """The same for messages that came in on one day."""

    at: Moment


class AccountWaitsOut(WaitsOut):
    """The same for one Account."""

    account: str


class ResponsesOut(Shape):
    """How long messages waited for an answer: all together, by day and by account."""

    since: Moment
    timezone: str
    all: WaitsOut
    days: list[DayWaitsOut]
    accounts: list[AccountWaitsOut]


class ShareOut(Shape):
    """What was done for one Account."""

    account: str
    served: int = Field(description="Attempts that ended, whatever came of them.")
    succeeded: int
    failed: int
    inbound: int
    outbound: int
    share: float = Field(description="Of all that were served, from 0 to 1.")


class SharesOut(Shape):
    """What was done for each Account, and how evenly."""

    since: Moment
    balance: float | None = Field(
        description="Jain's index (Σx)²/(n·Σx²) over the attempts of all active accounts: 1 when all were served "
        "alike, 1/n when one had everything; null when nothing was done."
    )
    items: list[ShareOut]


@routes.get("/analytics/messages", role=Role.VIEWER)
async def get_messages(
    given: Given,
    timeframe: Frame = Timeframe.DAY,
    bucket: Annotated[Bucket | None, Query(description="By default hours for 1h and 24h, days for 7d and 30d.")] = None,
) -> MessagesOut:
    """Messages by direction for each hour or day, from the beginning of the one in which the timeframe begins."""
    short = timeframe in (Timeframe.HOUR, Timeframe.DAY)
    by, zone = bucket or (Bucket.HOUR if short else Bucket.DAY), _zone(given)
    since = given.clock.now() - timeframe.span
    found = await given.analytics.messages(since, by, zone)
    return MessagesOut(since=beginning(since, by, zone), timezone=str(zone), bucket=by, items=many(VolumeOut, found))


@routes.get("/analytics/attempts", role=Role.VIEWER)
async def get_attempts(given: Given, timeframe: Frame = Timeframe.WEEK) -> AttemptsOut:
    """How attempts ended, by day and by flow, from the beginning of the day in which the timeframe begins."""
    zone, since = _zone(given), given.clock.now() - timeframe.span
    days, flows = await given.analytics.attempts(since, zone)
    return AttemptsOut(
        since=beginning(since, Bucket.DAY, zone),
        timezone=str(zone),
        days=[DayResultsOut(at=at, **_results(each)) for at, each in days],
        flows=[FlowResultsOut(flow=flow, **_results(each)) for flow, each in flows.items()],
    )


@routes.get("/analytics/responses", role=Role.VIEWER)
async def get_responses(given: Given, timeframe: Frame = Timeframe.WEEK) -> ResponsesOut:
    """How long each inbound message waited for the next outbound one in its thread, from the beginning of a day.

    Messages that nobody has answered yet are left out; percentiles are by nearest rank.
    """
    zone, since = _zone(given), given.clock.now() - timeframe.span
    found = await given.analytics.responses(since, zone)
    return ResponsesOut(
        since=beginning(since, Bucket.DAY, zone),
        timezone=str(zone),
        all=WaitsOut(**_waits(found.all)),
        days=[DayWaitsOut(at=at, **_waits(each)) for at, each in found.days],
        accounts=[AccountWaitsOut(account=name, **_waits(each)) for name, each in found.accounts],
    )


@routes.get("/analytics/accounts", role=Role.VIEWER)
async def get_accounts(given: Given, timeframe: Frame = Timeframe.DAY) -> SharesOut:
    """What was done for each Account, and how evenly. Counters that were reset change nothing here."""
    since = given.clock.now() - timeframe.span
    found = await given.analytics.accounts(since)
    total = sum(tally.served for _, tally in found.values())
    items = [
        ShareOut(
            account=name,
            served=tally.served,
            succeeded=tally.succeeded,
            failed=tally.failed,
            inbound=tally.inbound,
            outbound=tally.outbound,
            share=round(tally.served / total, 4) if total else 0.0,
        )
        for name, (_, tally) in sorted(found.items())
    ]
    active = [tally.served for state, tally in found.values() if state == AccountState.ACTIVE]
    return SharesOut(since=to_the_minute(since), balance=balance(active), items=items)


def _zone(given: Given) -> ZoneInfo:
    return ZoneInfo(given.rules.timezone)


def _results(found: Results) -> dict[str, Any]:
    return {"succeeded": found.succeeded, "failed": found.failed, "kinds": found.kinds}


def _waits(found: Waits | None) -> dict[str, Any]:
    if found is None:
        return {"count": 0, "p50_s": None, "p95_s": None}
    return {"count": found.count, "p50_s": found.p50_s, "p95_s": found.p95_s}
