"""The settings of an account's pace: when it is at work, and how much of a kind it may do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from runner.config import values
from runner.config.section import Section
from runner.domain.hours import WEEKDAYS, parse_day
from runner.domain.limits import LARGEST, Limit, LimitKind, WarmUp
from runner.domain.pace import HoursPlan, Pacing
from runner.domain.public_holidays import holidays_of
from runner.errors import NotFound, SetupError


def _day(value: str) -> str:
    try:
        parse_day(value)
    except SetupError as problem:
        raise ValueError(
            f'expected "09:00-18:00", several of these with commas between them, or "closed"; {problem}'
        ) from None
    return value


def _country(value: str) -> str:
    try:
        holidays_of(value)
    except NotFound as problem:
        raise ValueError(f'expected a country such as "DE", or a part of one such as "DE-BE"; {problem}') from None
    return value


Day = Annotated[str, AfterValidator(_day)]
Country = Annotated[str, AfterValidator(_country)]
Most = Annotated[int, values.Number, Field(ge=1, le=LARGEST)]


class HoursSettings(Section):
    """When accounts are at work, by the clock of their zone. Outside these hours nothing is sent or published."""

    monday: Day | None = Field(default=None, description="Not set: the whole day.", examples=["09:00-18:00"])
    tuesday: Day | None = Field(
        default=None, description="A window may go past midnight; it belongs to this day.", examples=["22:00-06:00"]
    )
    wednesday: Day | None = Field(
        default=None, description="Several windows have commas between them.", examples=["09:00-12:00, 13:00-18:00"]
    )
    thursday: Day | None = Field(default=None, description="As Monday.", examples=["09:00-18:00"])
    friday: Day | None = Field(default=None, description="As Monday.", examples=["09:00-18:00"])
    saturday: Day | None = Field(default=None, description="A day off is closed.", examples=["closed"])
    sunday: Day | None = Field(default=None, description="As Saturday.", examples=["closed"])
    holidays: Country | None = Field(
        default=None,
        description="A country, or a part of one, whose public holidays are days off. Not set: there are none.",
        examples=["DE-BE"],
    )
    read_outside: bool = Field(default=False, description="Inboxes are read outside these hours, too.")

    def plan(self) -> HoursPlan:
        """The same as the domain knows it."""
        days = {day: getattr(self, day) for day in WEEKDAYS if getattr(self, day) is not None}
        return HoursPlan(days=days, holidays=self.holidays, read_outside=self.read_outside)


class LimitSettings(Section):
    """At most so many of a kind."""

    per_minute: Most | None = Field(default=None, description="In any 60 seconds.", examples=[2])
    per_hour: Most | None = Field(default=None, description="In any 60 minutes.", examples=[10])
    per_day: Most | None = Field(
        default=None, description="On a calendar day in the account's time zone.", examples=[50]
    )


class WarmUpSettings(Section):
    """New accounts begin with a share of their limits."""

    days: values.Whole = Field(ge=1, le=365, description="After so many days the limits are whole.", examples=[14])
    start: values.Share = Field(default=0.1, description="The share of the first day, from 0 to 1.")


class LimitsSettings(Section):
    """How much each account may do; what is not set has no limit. More: docs/limits-and-hours.md."""

    messages: LimitSettings | None = Field(
        default=None, description="Messages that are sent.", examples=[{"per_minute": 2, "per_day": 50}]
    )
    publishes: LimitSettings | None = Field(
        default=None, description="Listings that are published.", examples=[{"per_hour": 5}]
    )
    sign_ins: LimitSettings | None = Field(
        default=None, description="Times that a password is typed.", examples=[{"per_day": 5}]
    )
    page_loads: LimitSettings | None = Field(
        default=None, description="Times that a page is opened.", examples=[{"per_minute": 30}]
    )
    warm_up: WarmUpSettings | None = Field(
        default=None,
        description="Accounts that are new here begin with a share of these limits, which grows by the day.",
        examples=[{"days": 14, "start": 0.1}],
    )

    def limits(self) -> dict[LimitKind, Limit]:
        """The same as the domain knows them."""
        given = {kind: getattr(self, kind.value) for kind in LimitKind}
        return {kind: Limit(**limit.model_dump()) for kind, limit in given.items() if limit is not None}


def pacing(limits: LimitsSettings, hours: HoursSettings, timezone: str, zones: Mapping[str, Any]) -> Pacing:
    """What the configuration says of every account's pace."""
    return Pacing(
        limits=limits.limits(),
        warm_up=None if limits.warm_up is None else WarmUp(**limits.warm_up.model_dump()),
        hours=hours.plan(),
        timezone=timezone,
        zones=zones,
    )
