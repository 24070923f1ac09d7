"""Figures of the shop as values, and the formulas behind them: shares, balance, the health score. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from runner.domain.states import AccountState, JobState

OF_ACCOUNTS, OF_SUCCESS, OF_OPEN_WORK = 40, 40, 20
"""What each part of the health score counts for at most."""


class Bucket(StrEnum):
    """How long one bar of a chart is."""

    HOUR = "hour"
    DAY = "day"


@dataclass(kw_only=True)
class Tally:
    """What has happened: `served` counts Attempts that ended, `failed` those of them that carry an error kind."""

    served: int = 0
    succeeded: int = 0
    failed: int = 0
    inbound: int = 0
    outbound: int = 0

    @property
    def success_rate(self) -> float | None:
        """Of the Attempts that succeeded or failed, from 0 to 1; None when there was none."""
        ended = self.succeeded + self.failed
        return round(self.succeeded / ended, 4) if ended else None


@dataclass(kw_only=True)
class Volume:
    """Messages in one bucket."""

    at: datetime
    inbound: int = 0
    outbound: int = 0


@dataclass(kw_only=True)
class Results:
    """How Attempts ended; `kinds` counts the failed ones by error kind."""

    succeeded: int = 0
    failed: int = 0
    kinds: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Waits:
    """How long inbound Messages waited for the next outbound one, in seconds: nearest-rank percentiles."""

    count: int
    p50_s: float
    p95_s: float


def balance(shares: Sequence[float]) -> float | None:
    """Jain's fairness index, (Σx)² / (n·Σx²): 1 when all got the same, 1/n when one got everything; None for nothing.

    R. Jain, D. Chiu, W. Hawe: A Quantitative Measure of Fairness and Discrimination, DEC-TR-301, 1984.
    """
    squares = sum(each * each for each in shares)
    return round(sum(shares) ** 2 / (len(shares) * squares), 4) if squares else None


def health_score(accounts: Mapping[str, int], jobs: Mapping[str, int], success_rate: float | None) -> int:
    """How the shop does, from 0 to 100: 40·a + 40·s + 20·w, rounded.

    a: active Accounts of those that are active, parked or locked (what an operator paused or disabled is left out).
    s: the share of Attempts that succeeded. w: open Jobs that wait for nobody, of all open Jobs (queued,
    running, parked, unknown). A part of which there is nothing to say counts in full.
    """
    active = accounts.get(AccountState.ACTIVE, 0)
    in_trouble = accounts.get(AccountState.PARKED, 0) + accounts.get(AccountState.LOCKED, 0)
    going = jobs.get(JobState.QUEUED, 0) + jobs.get(JobState.RUNNING, 0)
    waiting = jobs.get(JobState.PARKED, 0) + jobs.get(JobState.UNKNOWN, 0)
    success = 1.0 if success_rate is None else success_rate
    parts = (
        (OF_ACCOUNTS, _share(active, in_trouble)),
        (OF_SUCCESS, success),
        (OF_OPEN_WORK, _share(going, waiting)),
    )
    return round(sum(weight * share for weight, share in parts))


def _share(good: int, bad: int) -> float:
    return good / (good + bad) if good + bad else 1.0


def beginning(moment: datetime, bucket: Bucket, zone: ZoneInfo) -> datetime:
    """When the hour or the day began in which a moment lies, by the clocks of a time zone; in UTC."""
    local = moment.astimezone(zone)
    start = local.replace(minute=0, second=0, microsecond=0)
    if bucket is Bucket.DAY:
        start = start.replace(hour=0, fold=0)
    return start.astimezone(UTC)


def buckets(since: datetime, until: datetime, bucket: Bucket, zone: ZoneInfo) -> Iterator[datetime]:
    """The beginnings of all hours or days from the one in which `since` lies; a day of 23 or 25 hours is one."""
    at = beginning(since, bucket, zone)
    while at < until:
        yield at
        # From the middle of the next one back to its beginning, whatever the clocks do in between.
        ahead = timedelta(minutes=90) if bucket is Bucket.HOUR else timedelta(hours=36)
        at = beginning(at + ahead, bucket, zone)
