"""Schedules: rules that create Jobs, and the pure arithmetic of their due times.

A cron rule means what Debian's cron means by it. A time of day that a spring-forward night leaves out falls due right
after the gap; one that a fall-back night has twice falls due once, the first time. Hours that are written as `*` or
`*/2` go on hour by hour through both nights.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from runner.domain.states import Priority
from runner.errors import NotFound, SetupError

GRACE_S = 60.0
"""A due time that is noticed so much later was missed: nobody was there."""

SHORTEST_S = 10.0


class Missed(StrEnum):
    """What becomes of due times at which no daemon was running."""

    ONCE = "once"  # one Job makes up for all of them
    SKIP = "skip"  # the next due time is soon enough


@dataclass(frozen=True, kw_only=True)
class Rule:
    """When: five cron fields in a time zone, or every so many seconds from `start` on. Raises SetupError, NotFound."""

    cron: str | None = None
    every_s: float | None = None
    timezone: str = "UTC"
    start: datetime

    def __post_init__(self) -> None:
        if (self.cron is None) == (self.every_s is None):
            raise SetupError("A schedule needs a cron rule or an interval, and not both.", cure="Give one of them.")
        if self.every_s is not None and self.every_s < SHORTEST_S:
            raise SetupError(f"Every {self.every_s:g} s is too often.", cure=f"At most every {SHORTEST_S:g} s.")
        try:
            ZoneInfo(self.timezone)
        except (KeyError, ValueError, OSError) as error:
            raise NotFound("time zone", self.timezone, available_timezones()) from error
        if self.cron is not None:
            self._check_cron(self.cron)

    def due_after(self, moment: datetime) -> Iterator[datetime]:
        """The due times strictly after `moment`, in UTC, each later than the one before. Never ends, but for a date
        that does not come."""
        if self.every_s is not None:
            yield from self._intervals(moment, timedelta(seconds=self.every_s))
            return
        last = moment
        # Asked in the second pass through an hour of a fall-back night, cronsim begins with a time of the first pass;
        # asked across a gap it may name its end twice. Both are in the past by then.
        for due in CronSim(self.cron or "", moment.astimezone(ZoneInfo(self.timezone))):
            found = due.astimezone(UTC)
            if found > last:
                last = found
                yield found

    def next_due(self, moment: datetime) -> datetime | None:
        """The first due time after `moment`; None when there is none any more."""
        return next(self.due_after(moment), None)

    def last_due(self, since: datetime, until: datetime) -> datetime | None:
        """The latest due time from `since` to `until`, both included; None when there was none."""
        just_before = since - timedelta(microseconds=1)
        if self.every_s is not None:
            every = timedelta(seconds=self.every_s)
            latest = self.start + (until - self.start) // every * every
            return latest if latest >= max(since, self.start + every) else None
        for days in (1 / 24, 1, 32, 367, 1_500, 20_000):
            begin = max(just_before, until - timedelta(days=days))
            found = None
            for due in self.due_after(begin):
                if due > until:
                    break
                found = due
            if found is not None or begin == just_before:
                return found
        return None

    def _intervals(self, moment: datetime, every: timedelta) -> Iterator[datetime]:
        count = max(1, (moment - self.start) // every + 1)
        while True:
            yield self.start + count * every
            count += 1

    @staticmethod
    def _check_cron(cron: str) -> None:
        wrong = SetupError(
            f'"{cron}" is not a cron rule.',
            cure='Five fields: minute, hour, day of month, month, day of week. Every day at 8: "0 8 * * *".',
        )
        if len(cron.split()) != 5:
            raise wrong
        try:
            never = next(CronSim(cron, datetime(2024, 1, 1, tzinfo=UTC)), None) is None
        except CronSimError as error:
            raise wrong from error
        if never:
            raise SetupError(f'The cron rule "{cron}" names a date that never comes.', cure="Change the day or month.")


@dataclass(frozen=True, kw_only=True)
class NewSchedule:
    """A Schedule as it is asked for. Its Jobs are for one Account, or for all active ones, or for those with a tag."""

    name: str
    flow: str
    rule: Rule
    account: str | None = None
    tag: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    priority: Priority = Priority.NORMAL
    missed: Missed = Missed.ONCE
    max_attempts: int = 3
    timeout_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class Schedule(NewSchedule):
    """A stored Schedule; `last_due_at` is the last due time that created Jobs, `next_due_at` the next that will."""

    id: int
    created_at: datetime
    last_due_at: datetime | None
    next_due_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Firing:
    """What a Schedule does at a moment: the due time to create Jobs for, if any, and when it is looked at again.

    `missed_since` is the first of the due times that got no Job of their own.
    """

    due_at: datetime | None
    next_due_at: datetime | None
    missed_since: datetime | None = None


def fire(rule: Rule, missed: Missed, *, next_due_at: datetime | None, now: datetime) -> Firing:
    """What to do at `now` about a Schedule that waits for `next_due_at`.

    One due time at most gets its Jobs at a time: the latest. When that was long ago, `missed` decides. After a step
    back of the clock the Schedule waits for the nearer due time; the key of a Job keeps it from being made twice, and
    nothing is made up for a time before the rule's start.
    """
    following = rule.next_due(now)
    if next_due_at is None or next_due_at > now:
        nearer = following if next_due_at is None or following is None else min(following, next_due_at)
        return Firing(due_at=None, next_due_at=nearer)
    latest = rule.last_due(max(next_due_at, rule.start + timedelta(microseconds=1)), now)
    if latest is None:
        return Firing(due_at=None, next_due_at=following)
    late = (now - latest).total_seconds() > GRACE_S
    first = next_due_at if latest > next_due_at else None
    if late and missed is Missed.SKIP:
        return Firing(due_at=None, next_due_at=following, missed_since=next_due_at)
    return Firing(due_at=latest, next_due_at=following, missed_since=first)
