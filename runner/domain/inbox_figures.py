"""Figures of the inbox as values: the funnel, answers by hour of the day, what Templates and Rules bring. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from runner.domain.classification import MessageType
from runner.domain.desk import AnsweredBy
from runner.domain.states import Direction

REPLIED_WITHIN = timedelta(days=7)
"""A counterpart who writes later than this after our answer has not replied to it."""

SOLD = "sold"
"""The tag that says so: the store knows of no sale by itself."""

HOURS = 24
SECOND_US = 1_000_000
QUARTER_US = 15 * 60 * SECOND_US
WEEK = 7
FEWEST_WEEKS = 3
"""With less there is nothing to expect anything by."""


@dataclass(frozen=True, kw_only=True)
class Funnel:
    """How far inbound Messages got; each stage is counted among those of the one before."""

    received: int
    classified: int
    answered: int
    replied: int
    sold: int
    answered_by: dict[AnsweredBy, int]
    """Who gave the answers to questions, a question being the first Message after silence."""


@dataclass(frozen=True, kw_only=True)
class HourOfDay:
    """Questions that came in one local hour of the day: how many, and how long their answers took (nearest rank)."""

    hour: int
    questions: int
    answered: int
    p50_s: float | None
    p95_s: float | None


@dataclass(frozen=True, kw_only=True)
class Yield:
    """What the Drafts of one Template or Rule came to; `id` stands with the name, for both may be gone."""

    id: int
    name: str
    drafts: int
    sent: int
    replied: int
    sold: int

    @property
    def reply_rate(self) -> float | None:
        """Of those sent, the counterpart replied to so many; None when none was sent."""
        return round(self.replied / self.sent, 4) if self.sent else None

    @property
    def success_rate(self) -> float | None:
        """Of those sent, so many were followed by a sale; None when none was sent."""
        return round(self.sold / self.sent, 4) if self.sent else None


@dataclass(frozen=True, kw_only=True)
class Stages:
    """One Message through the house: when it was written, seen, understood, drafted for, answered."""

    message_id: int
    direction: Direction
    received_at: datetime
    seen_at: datetime
    type: MessageType | None
    classified_at: datetime | None
    drafted_at: datetime | None
    answered_at: datetime | None
    """Of an inbound Message; when our next one was written."""
    by: AnsweredBy | None
    """Who wrote it, of one of ours; who answered it, of an inbound one."""

    @property
    def response_s(self) -> float | None:
        """From when it was written to our next one, in seconds."""
        return None if self.answered_at is None else (self.answered_at - self.received_at).total_seconds()


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """How many inbound Messages a day should bring: the mean of the same weekday in the weeks before.

    `error` is the mean absolute error of just this way of expecting, over the days that had at least one such week
    before them. None where there are not three whole weeks to go by.
    """

    day: date
    weeks: int
    expected: float | None
    error: float | None
    judged_days: int


def by_hour(asked: Iterable[tuple[int, int | None]], zone: ZoneInfo) -> list[HourOfDay]:
    """Questions with their answers, in microseconds since 1970, by the local hour in which they came; all 24 hours."""
    waits: list[list[float]] = [[] for _ in range(HOURS)]
    counts = [0] * HOURS
    hours: dict[int, int] = {}
    for at, answered_at in asked:
        # Every zone of today is whole quarter hours away from UTC: a few thousand of them, not every question.
        quarter = at // QUARTER_US
        if quarter not in hours:
            hours[quarter] = datetime.fromtimestamp(quarter * QUARTER_US / SECOND_US, zone).hour
        counts[hours[quarter]] += 1
        if answered_at is not None:
            waits[hours[quarter]].append((answered_at - at) / SECOND_US)
    return [_hour(number, counts[number], sorted(waits[number])) for number in range(HOURS)]


def _hour(hour: int, questions: int, waits: Sequence[float]) -> HourOfDay:
    return HourOfDay(
        hour=hour,
        questions=questions,
        answered=len(waits),
        p50_s=nearest_rank(waits, 50),
        p95_s=nearest_rank(waits, 95),
    )


def nearest_rank(ordered: Sequence[float], percent: int) -> float | None:
    """The percentile of values that are in order; None of none."""
    return ordered[max(0, (len(ordered) * percent + 99) // 100 - 1)] if ordered else None


def forecast(days: Sequence[tuple[date, int]], tomorrow: date) -> Forecast:
    """What to expect of a day by whole days before it, given in order without a gap."""
    whole = len(days) // WEEK
    used = days[-whole * WEEK :] if whole else []
    if whole < FEWEST_WEEKS:
        return Forecast(day=tomorrow, weeks=whole, expected=None, error=None, judged_days=0)
    errors = []
    for place in range(WEEK, len(used)):
        before = [count for _, count in used[place % WEEK : place : WEEK]]
        errors.append(abs(used[place][1] - sum(before) / len(before)))
    same = [count for day, count in used if day.weekday() == tomorrow.weekday()]
    return Forecast(
        day=tomorrow,
        weeks=whole,
        expected=round(sum(same) / len(same), 2),
        error=round(sum(errors) / len(errors), 2),
        judged_days=len(errors),
    )
