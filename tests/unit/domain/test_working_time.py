from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from runner.domain.hours import WorkingHours
from runner.domain.sla import Sla, SlaKind, expect_sla, strictest
from runner.domain.working_time import after
from runner.errors import SetupError

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday"), "09:00-12:00, 13:00-18:00")
WEEK = OFFICE | {"saturday": "closed", "sunday": "closed"}
NIGHTS = dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"), "22:00-06:00")


def at(day: str, clock: str, zone: ZoneInfo = BERLIN) -> datetime:
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=zone)


def due(days: dict[str, str], moment: datetime, span: timedelta, **more) -> str:
    found = after(WorkingHours.of(days, "Europe/Berlin", **more), moment, span)
    assert found is not None
    return f"{found.astimezone(BERLIN):%Y-%m-%d %H:%M}"


def test_only_open_time_counts_over_a_break_a_night_and_a_weekend() -> None:
    two = timedelta(hours=2)
    assert due(WEEK, at("2026-11-23", "11:30"), two) == "2026-11-23 14:30"
    assert due(WEEK, at("2026-11-23", "17:00"), two) == "2026-11-24 10:00"
    assert due(WEEK, at("2026-11-27", "17:00"), two) == "2026-11-30 10:00"
    assert due(WEEK, at("2026-11-28", "03:00"), two) == "2026-11-30 11:00"


def test_what_ends_with_the_day_is_due_then_and_not_the_next_morning() -> None:
    assert due(WEEK, at("2026-11-23", "16:00"), timedelta(hours=2)) == "2026-11-23 18:00"


def test_a_window_past_midnight_goes_on_the_next_day() -> None:
    assert due(NIGHTS, at("2026-11-23", "21:00"), timedelta(hours=3)) == "2026-11-24 01:00"
    assert due(NIGHTS, at("2026-11-23", "05:00"), timedelta(hours=3)) == "2026-11-24 00:00"


def test_a_holiday_counts_nothing() -> None:
    def closed(day: date) -> str | None:
        return "a holiday" if day == date(2026, 11, 24) else None

    assert due(WEEK, at("2026-11-23", "17:00"), timedelta(hours=2), holiday=closed) == "2026-11-25 10:00"


@pytest.mark.parametrize(
    ("day", "hours", "ends"),
    [
        # 02:00 to 03:00 is there twice in the night to 25 October: it lasts nine hours.
        ("2026-10-24", 9, "2026-10-25 06:00"),
        ("2026-10-24", 8, "2026-10-25 05:00"),
        # And not at all in the night to 29 March, which lasts seven: the eighth hour is the next night's first.
        ("2026-03-28", 7, "2026-03-29 06:00"),
        ("2026-03-28", 8, "2026-03-29 23:00"),
    ],
)
def test_nights_in_which_the_clock_changes_count_as_long_as_they_last(day: str, hours: int, ends: str) -> None:
    assert due(NIGHTS, at(day, "22:00"), timedelta(hours=hours)) == ends


def test_an_account_without_hours_has_wall_time_and_one_that_never_opens_none() -> None:
    assert due({}, at("2026-11-28", "03:00"), timedelta(hours=2)) == "2026-11-28 05:00"
    shut = WorkingHours.of(dict.fromkeys(NIGHTS, "closed"), "Europe/Berlin")
    assert after(shut, at("2026-11-28", "03:00"), timedelta(hours=2)) is None


def test_of_several_promises_the_strictest_counts_for_each_kind() -> None:
    hours = WorkingHours.of({}, "UTC")
    slas = [
        Sla(tag="vip", first_response=timedelta(hours=2)),
        Sla(tag="late", first_response=timedelta(hours=1), resolution=timedelta(days=3)),
    ]
    begun = datetime(2026, 11, 22, 12, tzinfo=UTC)
    first = strictest(1, SlaKind.FIRST_RESPONSE, begun, slas, hours)
    assert first is not None
    assert (first.tag, first.near_at - begun, first.due_at - begun) == (
        "late",
        timedelta(minutes=48),
        timedelta(hours=1),
    )
    assert strictest(1, SlaKind.RESOLUTION, begun, slas[:1], hours) is None


@pytest.mark.parametrize(
    "wrong",
    [
        Sla(tag="vip"),
        Sla(tag=" ", first_response=timedelta(hours=1)),
        Sla(tag="vip", first_response=timedelta(seconds=1)),
        Sla(tag="vip", resolution=timedelta(days=91)),
        Sla(tag="vip", resolution=timedelta(days=1), put_tag="VIP"),
    ],
)
def test_what_promises_nothing_that_can_be_kept_is_refused(wrong: Sla) -> None:
    with pytest.raises(SetupError):
        expect_sla(wrong)
