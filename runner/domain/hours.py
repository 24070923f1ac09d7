"""Hours: when an Account may be at work, by the clock on the wall of its zone.

A moment is open when the wall clock then shows a time inside a window of that day, so an hour that a fall-back night
has twice is open twice, and one that a spring-forward night leaves out is not there to be open. A window that goes past
midnight belongs to the day on which it begins, also when the next day is closed or a holiday.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from runner.domain.local_time import changes, moment_of, zone_of
from runner.errors import SetupError

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

CLOSED = "closed"
"""The word for a weekday without windows."""

LOOKED_AHEAD_DAYS = 400
"""Hours that do not open within so long never do."""

MOST_WORKING_DAYS = 1_000

Holiday = Callable[[date], str | None]
"""The name of the holiday that a day is; None for an ordinary day."""


@dataclass(frozen=True, kw_only=True)
class Hours:
    """A window of the day; one that ends before it begins goes past midnight."""

    start: time
    end: time

    @classmethod
    def parse(cls, text: str) -> Hours:
        """`09:00-18:30`, `22:00-06:00` for a night, `00:00-24:00` for a whole day. Raises SetupError."""
        found = re.fullmatch(r"\s*(\d{1,2}):(\d{2})\s*-\s*(?:(24:00)|(\d{1,2}):(\d{2}))\s*", text)
        try:
            if found is None:
                raise ValueError
            first, second, midnight, third, fourth = found.groups()
            start = time(int(first), int(second))
            end = time.min if midnight else time(int(third), int(fourth))
        except ValueError:
            raise SetupError(f'"{text}" is no window of hours.', cure="Write it like 09:00-18:30.") from None
        if start == end and not midnight:
            raise SetupError(f'"{text}" begins when it ends.', cure="The whole day is written 00:00-24:00.")
        return cls(start=start, end=end)

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M}" if self.end != time.min else f"{self.start:%H:%M}-24:00"

    def hold(self, moment: time) -> bool:
        """Whether a time of day is in the window; its end is not."""
        return self.hold_today(moment) or self.hold_tomorrow(moment)

    def hold_today(self, moment: time) -> bool:
        """Whether a time of the day on which the window begins is in it."""
        return self.start <= moment and (moment < self.end or self.end <= self.start)

    def hold_tomorrow(self, moment: time) -> bool:
        """Whether a time of the day after that is in it."""
        return self.end <= self.start and moment < self.end


ALL_DAY = Hours(start=time.min, end=time.min)


def parse_day(text: str) -> tuple[Hours, ...]:
    """The windows of a day as people write them: `09:00-12:00, 13:00-18:00`, or `closed`. Raises SetupError."""
    if text.strip().casefold() == CLOSED:
        return ()
    return tuple(Hours.parse(part) for part in text.split(","))


@dataclass(frozen=True, kw_only=True)
class WorkingHours:
    """The windows of each weekday, Monday first, in a zone; on a holiday no window begins."""

    week: tuple[tuple[Hours, ...], ...]
    zone: ZoneInfo
    holiday: Holiday | None = None

    def __post_init__(self) -> None:
        if len(self.week) != len(WEEKDAYS):
            raise SetupError("A week has seven days.", cure="Give the windows of each, none for a closed one.")

    @classmethod
    def of(cls, days: Mapping[str, str], timezone: str, *, holiday: Holiday | None = None) -> WorkingHours:
        """From what people write per weekday; a day that is not named is open all day. Raises SetupError, NotFound."""
        strange = set(days) - set(WEEKDAYS)
        if strange:
            raise SetupError(f'"{min(strange)}" is no weekday.', cure=f"They are: {', '.join(WEEKDAYS)}.")
        week = tuple(parse_day(days[day]) if day in days else (ALL_DAY,) for day in WEEKDAYS)
        return cls(week=week, zone=zone_of(timezone), holiday=holiday)

    @property
    def always_open(self) -> bool:
        """Whether no moment is ever closed."""
        return self.holiday is None and all(ALL_DAY in windows for windows in self.week)

    def open_at(self, moment: datetime) -> bool:
        """Whether the Account may be at work at this moment."""
        wall = moment.astimezone(self.zone)
        day, at = wall.date(), wall.time()
        yesterday = day - timedelta(days=1)
        begun = any(window.hold_today(at) for window in self.windows(day))
        return begun or any(window.hold_tomorrow(at) for window in self.windows(yesterday))

    def windows(self, day: date) -> Sequence[Hours]:
        """The windows that begin on this day."""
        return self.week[day.weekday()] if self._holiday(day) is None else ()

    def is_working_day(self, day: date) -> bool:
        """Whether any window begins on this day."""
        return bool(self.windows(day))

    def next_open(self, moment: datetime) -> datetime | None:
        """The first open moment from this one on, in UTC; the moment itself when it is open. None: it never opens."""
        moment = moment.astimezone(UTC)
        if self.open_at(moment):
            return moment
        today = moment.astimezone(self.zone).date()
        for week in range(LOOKED_AHEAD_DAYS // 7):
            # Weeks overlap: what falls into a gap at a week's edge is reached a day late.
            days = [today + timedelta(days=week * 7 + offset) for offset in range(-1, 9)]
            found = min((at for at in self._openings(days) if at >= moment and self.open_at(at)), default=None)
            if found is not None:
                return found
        return None

    def add_working_days(self, moment: datetime, count: int) -> datetime | None:
        """So many working days later at the same local time of day, then the next open moment, in UTC.

        From a day off the first working day counts as one. None: there are not so many. Raises SetupError.
        """
        if not 0 <= count <= MOST_WORKING_DAYS:
            raise SetupError(
                f"{count} working days cannot be waited for.", cure=f"At least 0, at most {MOST_WORKING_DAYS}."
            )
        wall = moment.astimezone(self.zone)
        if count == 0:
            return self.next_open(moment)
        day = _nth(self._working_days_after(wall.date()), count)
        return None if day is None else self.next_open(moment_of(datetime.combine(day, wall.time()), self.zone))

    def words(self, moment: datetime) -> str:
        """For a person: `open`, or `closed until Monday 09:00, weekend`."""
        opens = self.next_open(moment)
        if opens is None:
            return "closed, and never opens"
        if opens == moment:
            return "open"
        now, then = moment.astimezone(self.zone), opens.astimezone(self.zone)
        return f"closed until {_when(then, now.date())}, {self._why(now)}"

    def _working_days_after(self, day: date) -> Iterator[date]:
        waited = 0
        while waited < LOOKED_AHEAD_DAYS:
            day, waited = day + timedelta(days=1), waited + 1
            if self.is_working_day(day):
                waited = 0
                yield day

    def _openings(self, days: Sequence[date]) -> Iterable[datetime]:
        """Wherever the state may turn to open: where windows begin, and where the wall clock jumps."""
        for day in days:
            for window in self.windows(day):
                wall = datetime.combine(day, window.start)
                yield moment_of(wall, self.zone)
                yield wall.replace(tzinfo=self.zone, fold=1).astimezone(UTC)
        begin, end = (moment_of(datetime.combine(day, time.min), self.zone) for day in (days[0], days[-1]))
        yield from changes(begin, end, self.zone)

    def _why(self, wall: datetime) -> str:
        name, windows = self._holiday(wall.date()), self.week[wall.weekday()]
        if name is not None:
            return name
        if windows:
            return f"outside {', '.join(map(str, windows))}"
        return "weekend" if wall.weekday() >= WEEKDAYS.index("saturday") else f"closed on {wall:%A}s"

    def _holiday(self, day: date) -> str | None:
        return None if self.holiday is None else self.holiday(day)


def _nth(days: Iterator[date], count: int) -> date | None:
    for number, day in enumerate(days, start=1):
        if number == count:
            return day
    return None


def _when(then: datetime, today: date) -> str:
    """A time of day today or within a week by its weekday, else with its date."""
    days = (then.date() - today).days
    if days == 0:
        return f"{then:%H:%M}"
    return f"{then:%A %H:%M}" if 0 < days < 7 else f"{then:%Y-%m-%d %H:%M}"
