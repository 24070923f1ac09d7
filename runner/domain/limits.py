"""Limits: how much of a kind an Account may do in a minute, an hour and a day, and when there is room again.

A minute and an hour slide: what counts is what was used in the 60 seconds, or 60 minutes, before now, so that no such
span, wherever it begins, ever holds one too many. A day is the calendar day in the Account's zone: that is how people
count ("20 a day"), and how a day's work begins afresh at midnight instead of at whatever time the first use was.

A use counts from the moment it is reserved until its window has passed after the moment it was surely over, for the
Site may note it anywhere in between.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from runner.domain.effects import EffectKind
from runner.domain.local_time import day_start
from runner.errors import SetupError

NEAR = 0.8
"""From this share of a limit on, a person is told that it is near."""

LARGEST = 1_000_000


class LimitKind(StrEnum):
    """What is counted."""

    MESSAGES = "messages"
    PUBLISHES = "publishes"
    SIGN_INS = "sign_ins"  # times that a password is typed
    PAGE_LOADS = "page_loads"  # times that the page goes to another address

    @property
    def words(self) -> str:
        """For a person."""
        return {"sign_ins": "sign-ins", "page_loads": "page loads"}.get(self.value, self.value)


class LimitWindow(StrEnum):
    """How long a use counts."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"

    @property
    def span(self) -> timedelta:
        """Its length; of a day the longest there is, for the clocks may be put back in it."""
        return {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(hours=27)}[self.value]


OF_EFFECT = {EffectKind.SEND_MESSAGE: LimitKind.MESSAGES, EffectKind.PUBLISH_LISTING: LimitKind.PUBLISHES}

OF_FLOW = {"send_message": LimitKind.MESSAGES, "publish_listing": LimitKind.PUBLISHES}
"""What a Flow uses besides page loads; those that are not named here only read."""


def used_by(flow: str) -> tuple[LimitKind, ...]:
    """The kinds that a Flow cannot do without. Whether it must sign in, nobody knows before."""
    own = OF_FLOW.get(flow)
    return (LimitKind.PAGE_LOADS,) if own is None else (own, LimitKind.PAGE_LOADS)


def only_reads(flow: str) -> bool:
    """Whether a Flow changes nothing at the Site."""
    return flow not in OF_FLOW


@dataclass(frozen=True, kw_only=True)
class Limit:
    """At most so many; None: any number. Raises SetupError."""

    per_minute: int | None = None
    per_hour: int | None = None
    per_day: int | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and not 1 <= value <= LARGEST:
                raise SetupError(f"{value} is no limit.", cure=f"From 1 to {LARGEST}; leave it out for no limit.")

    def most(self, window: LimitWindow) -> int | None:
        """The most in this window."""
        value: int | None = getattr(self, f"per_{window}")
        return value

    @property
    def largest(self) -> int:
        """The most in any window."""
        return max((self.most(window) or 0 for window in LimitWindow), default=0)

    @property
    def is_none(self) -> bool:
        """Whether it limits nothing."""
        return all(self.most(window) is None for window in LimitWindow)


@dataclass(frozen=True, kw_only=True)
class WarmUp:
    """A new Account begins with a share of its limits, which grows by the day to the whole."""

    days: int
    start: float

    def share(self, age_days: int) -> float:
        """The share of an Account that was added so many local midnights ago."""
        if age_days >= self.days:
            return 1.0
        return self.start + (1.0 - self.start) * max(0, age_days) / self.days


@dataclass(frozen=True, kw_only=True)
class Use:
    """One use: reserved at `began_at`, surely over at `over_at`; None while that is not known.

    `near`: the windows for which a person was told, by this use, that the limit is near.
    """

    began_at: datetime
    over_at: datetime | None
    near: frozenset[LimitWindow] = frozenset()
    effect_id: int | None = None

    def latest(self, now: datetime) -> datetime:
        """The latest moment at which the Site may have noted it, by what is known now."""
        return max(self.began_at, self.over_at or now)


@dataclass(frozen=True, kw_only=True)
class Level:
    """How much of one limit is used now. `room_at` is when there is room: now, or later.

    Where it `waits_for` an Effect that nobody has settled yet, there is none before: `room_at` is when to look again.
    """

    kind: LimitKind
    window: LimitWindow
    most: int
    used: int
    room_at: datetime
    now: datetime
    told: bool = False
    waits_for: int | None = None

    @property
    def left(self) -> int:
        """How many more there is room for now."""
        return max(0, self.most - self.used)

    @property
    def is_full(self) -> bool:
        """Whether one more would be one too many."""
        return self.room_at > self.now

    @property
    def comes_near(self) -> bool:
        """Whether one more use makes it worth telling, for the first time in this window."""
        return not self.told and self.used + 1 >= math.ceil(self.most * NEAR)

    def words(self, zone: ZoneInfo) -> str:
        """For a person: `limit: 20 messages a day, used 20; again at 00:00 Europe/Berlin`."""
        per = f"an {self.window}" if self.window is LimitWindow.HOUR else f"a {self.window}"
        used = f"limit: {self.most} {self.kind.words} {per}, used {self.used}"
        if self.waits_for is not None:
            return f"{used}; waits for effect {self.waits_for} to be settled"
        then = self.room_at.astimezone(zone)
        days = (then.date() - self.now.astimezone(zone).date()).days
        precise = f"{then:%H:%M:%S}" if self.window is LimitWindow.MINUTE else f"{then:%H:%M}"
        when = precise if days == 0 or (days == 1 and self.window is LimitWindow.DAY) else f"{then:%Y-%m-%d} {precise}"
        return f"{used}; again at {when} {zone.key}"


def levels(
    kind: LimitKind,
    limit: Limit,
    uses: Sequence[Use],
    now: datetime,
    *,
    zone: ZoneInfo,
    share: float = 1.0,
    room_for: int = 1,
) -> list[Level]:
    """How much of each window of a limit is used; `uses` are all that may still count, in any order.

    `room_for`: for how many more uses there is to be room, or for as many as the limit allows.
    """
    ordered = sorted(uses, key=lambda use: use.latest(now), reverse=True)
    latest = [use.latest(now) for use in ordered]
    found = []
    for window in LimitWindow:
        most = limit.most(window)
        if most is None:
            continue
        most = max(1, math.floor(most * share + 1e-9))
        since = begins(window, now, zone)
        used = sum(1 for each in latest if each > since) if window is not LimitWindow.DAY else _since(latest, since)
        # Of the last so many uses the oldest must have left the window before there is room for another.
        stays = most - min(room_for, most)
        full = used > stays
        room_at = max(now, _leaves(window, latest[stays], zone)) if full else now
        open_effect = ordered[stays].effect_id if full and ordered[stays].over_at is None else None
        told = any(window in use.near and use.latest(now) > since for use in uses)
        level = Level(kind=kind, window=window, most=most, used=used, room_at=room_at, now=now, told=told)
        found.append(replace(level, waits_for=open_effect))
    return found


def fullest(found: Sequence[Level]) -> Level | None:
    """Of the limits without room the one that has room last; None when there is room in all."""
    return max((each for each in found if each.is_full), key=lambda each: each.room_at, default=None)


def counted_since(limit: Limit, now: datetime) -> datetime:
    """Uses that were over before this moment count in no window of the limit any more."""
    return now - max((window.span for window in LimitWindow if limit.most(window)), default=timedelta(0))


def begins(window: LimitWindow, now: datetime, zone: ZoneInfo) -> datetime:
    """Since when uses count in a window."""
    if window is LimitWindow.DAY:
        return day_start(now.astimezone(zone).date(), zone)
    return now - window.span


def _since(latest: Sequence[datetime], begins: datetime) -> int:
    return sum(1 for each in latest if each >= begins)


def _leaves(window: LimitWindow, latest: datetime, zone: ZoneInfo) -> datetime:
    if window is LimitWindow.DAY:
        return day_start(latest.astimezone(zone).date() + timedelta(days=1), zone)
    return latest + window.span


Limits = Mapping[LimitKind, Limit]
"""The limits of an Account; a kind that is not among them has none."""
