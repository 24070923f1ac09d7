"""Two daemons live through the nights that are longer or shorter while the clock is set: no due time twice, none never.

What should be due is worked out here minute by minute from the zones' own tables, and not by the library that the
product asks: at a fixed time of day once a date, right after the gap where a night leaves it out; with `*` as the hour
at every such minute that passes.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from runner.domain.schedules import Missed, NewSchedule, Rule
from runner.engine.embedded import EmbeddedEngine
from runner.store.database import Database
from runner.store.schedules import Schedules
from tests.chaos.figures import Figures
from tests.chaos.time_jumps import NOON, ZONES, SetClock, make, nights

AROUND = timedelta(hours=5)
STEPS_S = (7, 20, 31, 45)
"""Shorter than a minute, so that no due time is missed while the clock only passes."""


@dataclass(frozen=True, kw_only=True)
class Timetable:
    """A cron rule, and the same as local hours (None: every hour) and minutes."""

    cron: str
    hours: Sequence[int] | None
    minutes: Sequence[int]


TIMETABLES = (
    Timetable(cron="30 2 * * *", hours=(2,), minutes=(30,)),
    Timetable(cron="15 1-3 * * *", hours=(1, 2, 3), minutes=(15,)),
    Timetable(cron="0 * * * *", hours=None, minutes=(0,)),
)


def schedule_jumps(figures: Figures, *, zones: int) -> None:
    """The check, in so many zones: both nights of a year, once undisturbed and once with the clock set by hand."""
    dice = random.Random(figures.seed)
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder) / "template.db"
        asyncio.run(make(template))
        for zone in ZONES[:zones]:
            for night in nights(ZoneInfo(zone), NOON.year):
                for is_set in (False, True):
                    asyncio.run(_lived(figures, template, zone, night, dice, is_set=is_set))


async def _lived(
    figures: Figures, template: Path, zone: str, night: datetime, dice: random.Random, *, is_set: bool
) -> None:
    clock, path = SetClock(), template.with_name("runner.db")
    clock.time = begin = night - AROUND
    shutil.copy(template, path)
    async with Database.open(path, clock=clock) as first, Database.open(path, clock=clock) as second:
        for table in TIMETABLES:
            rule = Rule(cron=table.cron, timezone=zone, start=begin)
            new = NewSchedule(name=table.cron, flow="check_login", rule=rule, account="amy", missed=Missed.ONCE)
            await Schedules(first).add(new)
        daemons = (EmbeddedEngine(first), EmbeddedEngine(second))
        while clock.time < night + AROUND:
            await _look(daemons)
            figures.counts["looks"] += len(daemons)
            if is_set and dice.random() < 0.01:
                await _set_for_a_while(clock, daemons, dice)
                figures.counts["clocks set"] += 1
            clock.passes(dice.choice(STEPS_S))
        _judge(figures, path, zone, Window(begin=begin, end=clock.time), is_set=is_set)


async def _set_for_a_while(clock: SetClock, daemons: Sequence[EmbeddedEngine], dice: random.Random) -> None:
    """Somebody sets the clock wrong, the daemons look, and it is set right again."""
    day = timedelta(days=1)
    right = clock.time
    clock.time = dice.choice((right + day, right - day, datetime(1970, 1, 1, tzinfo=UTC)))
    for _ in range(2):
        await _look(daemons)
    clock.time = right


async def _look(daemons: Sequence[EmbeddedEngine]) -> None:
    """Both daemons look what is due; what they find is over at once, for an open Job keeps the next one away."""
    for made in await asyncio.gather(*(daemon.submit_scheduled() for daemon in daemons)):
        await daemons[0].cancel_many([job.id for job in made])


@dataclass(frozen=True, kw_only=True)
class Window:
    """The time that really passed: due times after `begin`, up to the last look."""

    begin: datetime
    end: datetime

    def holds(self, moment: datetime) -> bool:
        """Whether a due time fell into it, a minute from its end left out."""
        return self.begin < moment <= self.end - timedelta(minutes=1)


def _judge(figures: Figures, path: Path, zone: str, window: Window, *, is_set: bool) -> None:
    for number, table in enumerate(TIMETABLES, start=1):
        made = _made(path, number)
        dates = [window.begin.date() + timedelta(days=offset) for offset in range(-2, 4)]
        possible = _due_times(table, ZoneInfo(zone), dates)
        expected = {moment for moment in possible if window.holds(moment)}
        figures.counts["due times"] += len(expected)
        what = f"{zone}, {table.cron}, {window.begin:%Y-%m-%d}, clock {'set' if is_set else 'left alone'}"
        if never := sorted(expected - set(made)):
            figures.breach(f"{what}: never for {never[0]} and {len(never) - 1} more")
        if len(made) > len(set(made)):
            figures.breach(f"{what}: {len(made) - len(set(made))} due times twice")
        # Where the clock was set a day ahead its due times were true then. What was before the schedule never is.
        wrong = [moment for moment in made if moment not in possible or moment <= window.begin]
        if not is_set:
            wrong += [moment for moment in made if moment > window.end]
        if wrong:
            figures.breach(f"{what}: made for {wrong[0]}, when nothing was due")


def _made(path: Path, number: int) -> list[datetime]:
    """The due times for which the Schedule has made Jobs, by the Jobs' keys."""
    with sqlite3.connect(path) as tables:
        rows = tables.execute("SELECT key FROM job WHERE key LIKE ?", (f"schedule {number}, %",)).fetchall()
    tables.close()
    return sorted(datetime.fromisoformat(key.rsplit(", ", 1)[1]) for (key,) in rows)


def _due_times(table: Timetable, zone: ZoneInfo, dates: Sequence[date]) -> set[datetime]:
    if table.hours is None:
        start = datetime(dates[0].year, dates[0].month, dates[0].day, tzinfo=UTC)
        minutes = (start + timedelta(minutes=number) for number in range(len(dates) * 24 * 60))
        return {moment for moment in minutes if moment.astimezone(zone).minute in table.minutes}
    return {
        _first_at(datetime(each.year, each.month, each.day, hour, minute), zone)
        for each in dates
        for hour in table.hours
        for minute in table.minutes
    }


def _first_at(local: datetime, zone: ZoneInfo) -> datetime:
    """The moment at which a clock on the wall first shows this time, or has passed it over."""
    moment = (local - timedelta(days=1)).replace(tzinfo=UTC)
    while moment.astimezone(zone).replace(tzinfo=None) < local:
        moment += timedelta(minutes=1)
    return moment
