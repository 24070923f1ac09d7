"""Limits and hours: what binds each Account, and what it has used of that."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path
from pydantic import Field

from runner.api.routing import Given, Routes
from runner.api.shapes import Asked, Moment, Shape, Word
from runner.domain.access import Role
from runner.domain.hours import WEEKDAYS
from runner.domain.limits import LARGEST, Limit, LimitKind, LimitWindow
from runner.domain.pace import HoursPlan
from runner.engine.paces import AccountPace

routes = Routes("accounts")

Name = Annotated[str, Path(min_length=1, max_length=200, description="The Account's name.")]
Most = Annotated[int, Field(ge=1, le=LARGEST)]
Windows = Annotated[Word | None, Field(description="Like 09:00-12:00,13:00-18:00, or closed; null is the whole day.")]


class LimitIn(Asked):
    """At most so many; all of them null: no limit, whatever the configuration says."""

    per_minute: Most | None = Field(default=None, description="In any 60 seconds.")
    per_hour: Most | None = Field(default=None, description="In any 60 minutes.")
    per_day: Most | None = Field(default=None, description="On a calendar day of the Account's zone.")


class LimitsIn(Asked):
    """All limits that an Account has of its own; for a kind that is left out the configured one binds it."""

    messages: LimitIn | None = None
    publishes: LimitIn | None = None
    sign_ins: LimitIn | None = None
    page_loads: LimitIn | None = None


class LimitOut(Shape):
    """At most so many; null: any number."""

    per_minute: int | None
    per_hour: int | None
    per_day: int | None


class LevelOut(Shape):
    """How much of one limit is used now."""

    kind: LimitKind
    window: LimitWindow
    limit: int = Field(description="As it is today; less than was set while a new Account warms up.")
    used: int
    left: int
    room_at: Moment | None = Field(description="When there is room for one more; null: now.")


class LimitsOut(Shape):
    """What an Account may do, and what it has used of that."""

    account: str
    timezone: str
    share: float = Field(description="The share of its limits that a new Account has reached.")
    limits: dict[LimitKind, LimitOut] = Field(description="Those that bind it; a kind that is not here has none.")
    own: list[LimitKind] = Field(description="Those of them that were set for this Account alone.")
    usage: list[LevelOut]
    postponed: int = Field(description="How many of its Jobs are put off now.")


class AllLimitsOut(Shape):
    """What all Accounts may do, by name."""

    items: list[LimitsOut]


class HoursIn(Asked):
    """Hours of an Account's own, in place of all configured ones; a day that is left out is open all day."""

    monday: Windows = None
    tuesday: Windows = None
    wednesday: Windows = None
    thursday: Windows = None
    friday: Windows = None
    saturday: Windows = None
    sunday: Windows = None
    holidays: Word | None = Field(default=None, description="A country whose public holidays are days off: DE, DE-BE.")
    read_outside: bool = Field(default=False, description="Inboxes are read outside these hours, too.")


class HoursOut(Shape):
    """When an Account is at work, by the clock of its zone."""

    account: str
    timezone: str
    own: bool = Field(description="Whether they were set for this Account alone.")
    hours: dict[str, str | None] = Field(description="The windows of each weekday; null is the whole day.")
    holidays: str | None
    read_outside: bool
    now: str = Field(description="open, or until when it is closed and why, in words.")
    open: bool
    opens_at: Moment | None = Field(description="null when it is open, or never opens.")


@routes.get("/limits", role=Role.VIEWER)
async def list_limits(given: Given) -> AllLimitsOut:
    """What every Account may do, and what it has used of that."""
    return AllLimitsOut(items=[_limits(each) for each in await given.paces.all()])


@routes.get("/accounts/{name}/limits", role=Role.VIEWER)
async def get_limits(given: Given, name: Name) -> LimitsOut:
    """What one Account may do, and what it has used of that."""
    return _limits(await given.paces.of(name))


@routes.put("/accounts/{name}/limits", role=Role.AGENT)
async def put_limits(given: Given, name: Name, asked: LimitsIn) -> LimitsOut:
    """Give an Account these limits of its own, and no others; what they had put off is looked at again at once."""
    own = {kind: Limit(**limit.model_dump()) for kind in LimitKind if (limit := getattr(asked, kind.value)) is not None}
    return _limits(await given.paces.put_limits(name, own))


@routes.delete("/accounts/{name}/limits", role=Role.AGENT)
async def clear_limits(given: Given, name: Name) -> LimitsOut:
    """Take an Account's own limits away: the configured ones bind it again."""
    return _limits(await given.paces.clear_limits(name))


@routes.get("/accounts/{name}/hours", role=Role.VIEWER)
async def get_hours(given: Given, name: Name) -> HoursOut:
    """When one Account is at work."""
    return _hours(await given.paces.of(name))


@routes.put("/accounts/{name}/hours", role=Role.AGENT)
async def put_hours(given: Given, name: Name, asked: HoursIn) -> HoursOut:
    """Give an Account hours of its own; what they had put off is looked at again at once."""
    given_days: dict[str, Any] = {day: getattr(asked, day) for day in WEEKDAYS}
    days = {day: windows for day, windows in given_days.items() if windows is not None}
    plan = HoursPlan(days=days, holidays=asked.holidays, read_outside=asked.read_outside)
    return _hours(await given.paces.set_hours(name, plan))


@routes.delete("/accounts/{name}/hours", role=Role.AGENT)
async def clear_hours(given: Given, name: Name) -> HoursOut:
    """Take an Account's own hours away: the configured ones bind it again."""
    return _hours(await given.paces.clear_hours(name))


def _limits(each: AccountPace) -> LimitsOut:
    return LimitsOut(
        account=each.account,
        timezone=each.timezone,
        share=each.share,
        limits={
            kind: LimitOut.model_validate(limit) for kind in LimitKind if (limit := each.pace.limit(kind)) is not None
        },
        own=sorted(each.own_limits),
        usage=[
            LevelOut(
                kind=level.kind,
                window=level.window,
                limit=level.most,
                used=level.used,
                left=level.left,
                room_at=level.room_at if level.is_full else None,
            )
            for level in each.usage
        ],
        postponed=each.postponed,
    )


def _hours(each: AccountPace) -> HoursOut:
    return HoursOut(
        account=each.account,
        timezone=each.timezone,
        own=each.own_hours,
        hours={day: each.hours.days.get(day) for day in WEEKDAYS},
        holidays=each.hours.holidays,
        read_outside=each.hours.read_outside,
        now=each.hours_words,
        open=each.is_open,
        opens_at=None if each.is_open else each.opens_at,
    )
