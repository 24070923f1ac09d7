from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.domain.hours import ALL_DAY, Hours, WorkingHours, parse_day
from runner.domain.local_time import changes, day_start, moment_of
from runner.domain.public_holidays import holidays_of
from runner.errors import NotFound, SetupError

ZONES = (
    *("UTC", "Europe/Berlin", "Europe/London", "Europe/Lisbon", "Atlantic/Azores", "Africa/Casablanca"),
    *("America/New_York", "America/St_Johns", "America/Havana", "America/Santiago", "America/Asuncion"),
    *("Africa/Cairo", "Asia/Beirut", "Asia/Kathmandu", "Asia/Kolkata", "Australia/Lord_Howe", "Australia/Adelaide"),
    *("Pacific/Auckland", "Pacific/Chatham", "Pacific/Apia"),
)
"""Half an hour (Lord Howe), gaps and folds at midnight (Havana, Beirut, Santiago, Cairo, Azores), odd offsets, none."""

QUARTER = timedelta(minutes=15)
START = datetime(2026, 1, 1, tzinfo=UTC)
NIGHTS = {name: tuple(changes(START, START + timedelta(days=730), ZoneInfo(name))) for name in ZONES}
CLOCK = st.integers(0, 95).map(lambda quarter: time(quarter // 4, quarter % 4 * 15))
WINDOWS = st.one_of(
    st.just(ALL_DAY), st.builds(Hours, start=CLOCK, end=CLOCK).filter(lambda window: window.start != window.end)
)
WEEKS = st.tuples(*[st.lists(WINDOWS, max_size=2).map(tuple)] * 7)
FREE_DAYS = st.sampled_from([None, lambda day: "a holiday" if day.day % 5 == 0 else None])


@st.composite
def moments(draw: st.DrawFn, zone: str) -> datetime:
    """Half of them around the nights in which the clocks change."""
    nights = NIGHTS[zone]
    if nights and draw(st.booleans()):
        return draw(st.sampled_from(nights)) + timedelta(seconds=draw(st.integers(-90_000, 90_000)))
    return START + timedelta(seconds=draw(st.integers(0, 700 * 86_400)), microseconds=draw(st.integers(0, 999_999)))


@st.composite
def at_work(draw: st.DrawFn) -> tuple[WorkingHours, datetime]:
    zone = draw(st.sampled_from(ZONES))
    hours = WorkingHours(week=draw(WEEKS), zone=ZoneInfo(zone), holiday=draw(FREE_DAYS))
    return hours, draw(moments(zone))


def test_the_zones_are_twenty_and_half_of_them_change_their_clocks() -> None:
    assert len(set(ZONES)) == 20
    assert sum(1 for nights in NIGHTS.values() if nights) >= 14


@settings(max_examples=400, deadline=None)
@given(at_work())
def test_the_next_opening_is_open_and_nothing_open_is_skipped(drawn: tuple[WorkingHours, datetime]) -> None:
    hours, moment = drawn
    found = hours.next_open(moment)
    if found is None:
        assert not any(hours.week), "what has a window opens some day"
        return
    assert found >= moment
    assert hours.open_at(found)
    assert found.utcoffset() == timedelta(0)
    # Windows, offsets and their changes lie on quarters of an hour: between two of them nothing changes.
    at = moment
    while at < found:
        assert not hours.open_at(at), at
        at = START + ((at - START) // QUARTER + 1) * QUARTER


@settings(max_examples=200, deadline=None)
@given(at_work(), st.integers(0, 200_000))
def test_who_asks_later_is_never_told_an_earlier_opening(drawn: tuple[WorkingHours, datetime], later_s: int) -> None:
    hours, moment = drawn
    first, second = hours.next_open(moment), hours.next_open(moment + timedelta(seconds=later_s))
    assert (first is None) == (second is None)
    assert first is None or second is None or first <= second


@settings(max_examples=200, deadline=None)
@given(at_work(), st.integers(0, 12))
def test_working_days_later_is_an_open_moment_on_a_later_day(drawn: tuple[WorkingHours, datetime], count: int) -> None:
    hours, moment = drawn
    found = [hours.add_working_days(moment, number) for number in range(count + 1)]
    assert (None in found) == (not any(hours.week))
    times = [each for each in found if each is not None]
    assert all(hours.open_at(each) and each >= moment for each in times)
    assert all(one <= two for one, two in pairwise(times))
    today = moment.astimezone(hours.zone).date()
    days = [today + timedelta(days=passed) for passed in range(1, 120)]
    for number, each in enumerate(times):
        if number:
            working = [day for day in days if hours.is_working_day(day)]
            assert each >= day_start(working[number - 1], hours.zone)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(ZONES).flatmap(lambda zone: st.tuples(st.just(zone), moments(zone))))
def test_a_wall_time_is_reached_when_the_wall_clock_shows_it_or_has_jumped_over_it(drawn: tuple[str, datetime]) -> None:
    name, moment = drawn
    zone = ZoneInfo(name)
    wall = moment.astimezone(zone).replace(tzinfo=None)
    assert moment_of(wall, zone) <= moment, "the first of two"
    assert moment_of(wall, zone).astimezone(zone).replace(tzinfo=None) == wall
    for night in NIGHTS[name]:
        after = night.astimezone(zone).replace(tzinfo=None)
        before = (night - timedelta(minutes=1)).astimezone(zone).replace(tzinfo=None)
        if after - before > timedelta(minutes=15):
            assert moment_of(after - timedelta(minutes=10), zone) == night, "left out"


WEEK = dict.fromkeys(("monday", "tuesday", "wednesday", "thursday"), "09:00-12:00, 13:00-18:00")
OFFICE = WorkingHours.of(
    WEEK | {"friday": "22:00-06:00", "saturday": "closed", "sunday": "closed"},
    "Europe/Berlin",
    holiday=holidays_of("DE-BE"),
)


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)


@pytest.mark.parametrize(
    ("at", "opens", "words"),
    [
        ("2026-06-01 09:00", "2026-06-01 09:00", "open"),
        ("2026-06-01 12:00", "2026-06-01 13:00", "closed until 13:00, outside 09:00-12:00, 13:00-18:00"),
        ("2026-06-04 18:00", "2026-06-05 22:00", "closed until Friday 22:00, outside 09:00-12:00, 13:00-18:00"),
        ("2026-06-06 05:59", "2026-06-06 05:59", "open"),
        ("2026-06-06 06:00", "2026-06-08 09:00", "closed until Monday 09:00, weekend"),
        ("2026-12-24 18:00", "2026-12-28 09:00", "closed until Monday 09:00, outside 09:00-12:00, 13:00-18:00"),
        ("2026-12-25 22:30", "2026-12-28 09:00", "closed until Monday 09:00, Christmas Day"),
    ],
)
def test_a_shop_in_berlin(at: str, opens: str, words: str) -> None:
    assert OFFICE.next_open(berlin(at)) == berlin(opens)
    assert OFFICE.words(berlin(at)) == words


def test_far_away_openings_are_told_with_their_date_and_no_opening_as_such() -> None:
    monthly = WorkingHours.of({}, "UTC", holiday=lambda day: None if day.day == 1 else "not yet")
    assert monthly.words(datetime(2026, 6, 12, tzinfo=UTC)) == "closed until 2026-07-01 00:00, not yet"
    never = WorkingHours(week=((),) * 7, zone=ZoneInfo("UTC"))
    assert never.next_open(START) is never.add_working_days(START, 3) is None
    assert never.words(START) == "closed, and never opens"


def test_working_days_leave_out_weekends_and_holidays() -> None:
    assert OFFICE.add_working_days(berlin("2026-12-23 15:30"), 1) == berlin("2026-12-24 15:30")
    assert OFFICE.add_working_days(berlin("2026-12-23 15:30"), 2) == berlin("2026-12-28 15:30")
    assert OFFICE.add_working_days(berlin("2026-12-26 12:30"), 1) == berlin("2026-12-28 13:00"), "at noon it is closed"
    assert OFFICE.add_working_days(berlin("2026-12-26 10:00"), 0) == berlin("2026-12-28 09:00")
    with pytest.raises(SetupError):
        OFFICE.add_working_days(START, -1)


def test_an_hour_that_comes_twice_is_open_twice_and_one_that_is_left_out_opens_after_it() -> None:
    night = WorkingHours.of(dict.fromkeys(("sunday",), "02:00-02:30"), "Europe/Berlin")
    fold = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)
    opened = [minute for minute in range(0, 150, 15) if night.open_at(fold + timedelta(minutes=minute))]
    assert opened == [0, 15, 60, 75]
    assert night.next_open(fold + timedelta(minutes=30)) == fold + timedelta(minutes=60)
    in_gap = WorkingHours.of({"sunday": "02:30-04:00"}, "Europe/Berlin")
    assert in_gap.next_open(berlin("2026-03-29 01:00")) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)


def test_days_are_written_as_people_write_them() -> None:
    assert parse_day("Closed") == ()
    assert parse_day("00:00-24:00") == (ALL_DAY,)
    assert [str(window) for window in parse_day("9:00-12:30,18:00-00:00")] == ["09:00-12:30", "18:00-24:00"]
    assert WorkingHours.of({}, "UTC").always_open
    assert not WorkingHours.of({"sunday": "closed"}, "UTC").always_open


@pytest.mark.parametrize("wrong", [{"monday": "9-17"}, {"monday": ""}, {"montag": "closed"}])
def test_days_that_make_no_sense_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(SetupError):
        WorkingHours.of(wrong, "UTC")


@pytest.mark.parametrize("code", ["XX", "DE-QQ", ""])
def test_countries_that_nobody_knows_are_refused_with_those_that_are(code: str) -> None:
    with pytest.raises(NotFound):
        holidays_of(code)


def test_holidays_are_those_of_the_country_and_its_part() -> None:
    assert holidays_of("de-be")(date(2026, 3, 8)) == "Women's Day"
    assert holidays_of("DE")(date(2026, 3, 8)) is None
    assert holidays_of("DE")(date(2026, 12, 25)) == "Christmas Day"
