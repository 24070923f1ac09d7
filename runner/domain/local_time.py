"""Wall clocks and their nights: which moment a local time of day is, where a time zone skips or repeats one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

from runner.errors import NotFound

_SECOND = timedelta(seconds=1)
_GRID = timedelta(hours=6)


def zone_of(name: str) -> ZoneInfo:
    """The zone with this IANA name. Raises NotFound."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise NotFound("time zone", name, available_timezones()) from error


def moment_of(wall: datetime, zone: ZoneInfo) -> datetime:
    """The moment (UTC) at which a naive wall time is reached: the first of two, or the end of the gap it falls in."""
    found = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == wall:
        return found
    return next(changes(found - timedelta(days=1, hours=2), found, zone), found)


def day_start(day: date, zone: ZoneInfo) -> datetime:
    """The moment (UTC) at which a local day begins, which is not midnight everywhere."""
    return moment_of(datetime.combine(day, time.min), zone)


def changes(start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """The moments in (start, end], to the second, from which on the zone has another offset."""
    before = start
    while before < end:
        after = min(before + _GRID, end)
        if _offset(before, zone) != _offset(after, zone):
            yield _change(before, after, zone)
        before = after


def _change(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Zones change at whole seconds."""
    old, low = _offset(before, zone), before.replace(microsecond=0)
    high = after if not after.microsecond else after.replace(microsecond=0) + _SECOND
    while high - low > _SECOND:
        middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
        low, high = (middle, high) if _offset(middle, zone) == old else (low, middle)
    return high


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta | None:
    return moment.astimezone(zone).utcoffset()
