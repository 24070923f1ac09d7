"""Spans of open time: how long something has, where only the hours of an Account count. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from runner.domain.hours import LOOKED_AHEAD_DAYS, WorkingHours
from runner.domain.local_time import changes, day_start, moment_of

MOST_DAYS = 4 * LOOKED_AHEAD_DAYS
"""What takes longer than so many days of the calendar is never due."""


def after(hours: WorkingHours, moment: datetime, span: timedelta) -> datetime | None:
    """When so much open time has gone by since a moment, in UTC; None where the hours hardly ever open.

    An hour that a fall-back night has twice counts twice, one that a spring-forward night leaves out does not count.
    """
    moment, left = moment.astimezone(UTC), span
    if hours.always_open:
        return moment + span
    for begin, end in _stretches(hours, moment):
        if end - begin >= left:
            return begin + left
        left -= end - begin
    return None


def _stretches(hours: WorkingHours, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The open stretches from a moment on, one after another, cut at each midnight."""
    first = moment.astimezone(hours.zone).date()
    for offset in range(MOST_DAYS):
        day = first + timedelta(days=offset)
        edges = sorted({max(moment, edge) for edge in _edges(hours, day)})
        yield from ((begin, end) for begin, end in pairwise(edges) if hours.open_at(begin))


def _edges(hours: WorkingHours, day: date) -> Iterator[datetime]:
    """Wherever the state may turn within a local day: its ends, those of its windows, and jumps of the wall clock."""
    begin, end = day_start(day, hours.zone), day_start(day + timedelta(days=1), hours.zone)
    yield begin
    yield end
    for window in (*hours.windows(day), *hours.windows(day - timedelta(days=1))):
        for wall in (datetime.combine(day, window.start), datetime.combine(day, window.end)):
            for edge in (moment_of(wall, hours.zone), wall.replace(tzinfo=hours.zone, fold=1).astimezone(UTC)):
                if begin < edge < end:
                    yield edge
    yield from (edge for edge in changes(begin, end, hours.zone) if edge < end)
