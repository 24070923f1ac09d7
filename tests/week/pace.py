"""The judge of limits and hours. Pure: the times at which the marketplace noted something, against what was allowed.

Written anew and from other values than the product's own: windows are minutes of the day, days off are dates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """What one account may do: at most so many messages, and in these windows of a weekday (Monday is 0) of its zone.

    A window is its first and its last minute of the day, the last one excluded; None is open all the time.
    """

    zone: str
    per_minute: int | None = None
    per_hour: int | None = None
    per_day: int | None = None
    windows: Mapping[int, Sequence[tuple[int, int]]] | None = None
    days_off: frozenset[date] = field(default_factory=frozenset)

    def is_open(self, moment: datetime) -> bool:
        """Whether its clock on the wall shows a time within its hours."""
        wall = moment.astimezone(ZoneInfo(self.zone))
        if wall.date() in self.days_off:
            return False
        minute = wall.hour * 60 + wall.minute
        return self.windows is None or any(
            first <= minute < last for first, last in self.windows.get(wall.weekday(), ())
        )


@dataclass(frozen=True, kw_only=True)
class Noted:
    """Something that an account did, when the marketplace noted it."""

    account: str
    at: datetime


def breaches(noted: Sequence[Noted], allowed: Mapping[str, Allowed]) -> list[str]:
    """Every limit that was overrun and every moment outside the hours, in words."""
    found: list[str] = []
    for account, mine in groupby(
        sorted(noted, key=lambda each: (each.account, each.at)), key=lambda each: each.account
    ):
        times = [each.at for each in mine]
        found += _outside(account, times, allowed[account])
        found += _too_many(account, times, allowed[account])
    return found


def _outside(account: str, times: Sequence[datetime], allowed: Allowed) -> Iterator[str]:
    zone = ZoneInfo(allowed.zone)
    for at in times:
        if not allowed.is_open(at):
            yield f"{account} was at it at {at.astimezone(zone):%a %Y-%m-%d %H:%M:%S} {allowed.zone}, outside its hours"


def _too_many(account: str, times: Sequence[datetime], allowed: Allowed) -> Iterator[str]:
    for most, span, words in ((allowed.per_minute, MINUTE, "60 seconds"), (allowed.per_hour, HOUR, "60 minutes")):
        for first, last in zip(times, times[most:], strict=False) if most is not None else ():
            if last - first < span:
                yield f"{account}: more than {most} within {words}, from {first:%a %H:%M:%S} to {last:%H:%M:%S} UTC"
    zone = ZoneInfo(allowed.zone)
    for day, same in groupby(times, key=lambda at: at.astimezone(zone).date()):
        if allowed.per_day is not None and (count := len(list(same))) > allowed.per_day:
            yield f"{account}: {count} on {day}, {allowed.per_day} are allowed"
