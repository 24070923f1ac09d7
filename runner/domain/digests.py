"""Digests: a day or a week in figures, and when each falls due. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from runner.domain.figures import Tally, Volume, Waits
from runner.domain.notices import NoticeKind
from runner.domain.states import AccountState, JobState

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, kw_only=True)
class Span:
    """Whole days of a time zone: from the first moment of one to the first moment of another."""

    kind: NoticeKind
    first: date
    until: date
    zone: ZoneInfo

    @property
    def begins(self) -> datetime:
        """In UTC."""
        return _moment(self.first, time(0), self.zone)

    @property
    def ends(self) -> datetime:
        """In UTC; the moment is not in it."""
        return _moment(self.until, time(0), self.zone)

    @property
    def before(self) -> Span:
        """As many days, right before."""
        return Span(kind=self.kind, first=self.first - (self.until - self.first), until=self.first, zone=self.zone)

    @property
    def words(self) -> str:
        """As a person says it."""
        if (self.until - self.first).days == 1:
            return f"{self.first:%A}, {self.first.day} {self.first:%B %Y}"
        last = self.until - timedelta(days=1)
        return f"{self.first.day} {self.first:%B} to {last.day} {last:%B %Y}"


@dataclass(frozen=True, kw_only=True)
class Due:
    """A digest that has fallen due; `name` tells it from all others of its kind."""

    kind: NoticeKind
    name: str
    title: str
    at: datetime
    data: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class DigestTimes:
    """When digests are sent: at a time of day, the weekly one on a day of the week."""

    at: time
    day: str
    zone: ZoneInfo

    def last_due(self, kind: NoticeKind, now: datetime) -> Due:
        """The one that fell due last. A time of day that a night leaves out comes right after; one that it has twice
        is the first."""
        local = now.astimezone(self.zone).date()
        for back in range(9):
            day = local - timedelta(days=back)
            due = _moment(day, self.at, self.zone)
            if due <= now and (kind is NoticeKind.DAILY_DIGEST or DAYS[day.weekday()] == self.day):
                span = span_until(kind, day, self.zone)
                data = {"first": span.first.isoformat(), "until": span.until.isoformat(), "timezone": str(self.zone)}
                return Due(kind=kind, name=day.isoformat(), title=title_of(span), at=due, data=data)
        raise AssertionError("a week has all its days")


def span_until(kind: NoticeKind, until: date, zone: ZoneInfo) -> Span:
    """The day or the seven days before a day."""
    days = 1 if kind is NoticeKind.DAILY_DIGEST else 7
    return Span(kind=kind, first=until - timedelta(days=days), until=until, zone=zone)


def span_of(kind: NoticeKind, data: Mapping[str, Any]) -> Span:
    """What a Due's data says."""
    first, until = (date.fromisoformat(data[name]) for name in ("first", "until"))
    return Span(kind=kind, first=first, until=until, zone=ZoneInfo(data["timezone"]))


def title_of(span: Span) -> str:
    """What stands over a digest."""
    return f"{'Daily' if span.kind is NoticeKind.DAILY_DIGEST else 'Weekly'} digest: {span.words}"


def _moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The first moment at which clocks show this time or, where they skip it, a later one."""
    return datetime.combine(day, at, tzinfo=zone).astimezone(UTC)


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One error group's failures within a digest's span."""

    signature: str | None
    kind: str
    error: str
    count: int


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """An Account that needs a person now."""

    account: str
    state: AccountState
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How Attempts ended in one bucket."""

    at: datetime
    succeeded: int = 0
    failed: int = 0


@dataclass(frozen=True, kw_only=True)
class Digest:
    """A span in figures. `before` is the span before it, to compare with; `jobs` counts by how they ended.

    `volumes` and `ended` have a bar for each hour of a day, or each day of a week. `accounts` is by name. `waiting` and
    `unknown` are of the moment it was made.
    """

    span: Span
    made_at: datetime
    tally: Tally
    before: Tally
    jobs: Mapping[JobState, int]
    waits: Waits | None
    answered: int
    published: int
    failures: tuple[Failure, ...]
    more_failures: int
    waiting: tuple[Waiting, ...]
    unknown: int
    volumes: tuple[Volume, ...]
    ended: tuple[Ended, ...]
    accounts: Mapping[str, Tally] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """What stands over it."""
        return title_of(self.span)
