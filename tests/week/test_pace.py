"""The judge of limits and hours convicts each overrun once, and nothing that is allowed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from tests.week.pace import Allowed, Noted, breaches

NOON = datetime(2026, 10, 19, 12, tzinfo=UTC)
WORK = dict.fromkeys(range(5), ((8 * 60, 12 * 60 + 30), (13 * 60 + 30, 19 * 60)))


def sent(*after_s: float, start: datetime = NOON) -> list[Noted]:
    return [Noted(account="amy", at=start + timedelta(seconds=seconds)) for seconds in after_s]


@pytest.mark.parametrize(
    ("allowed", "after_s", "words"),
    [
        (Allowed(zone="UTC", per_minute=2), (0, 30, 59.9), "60 seconds"),
        (Allowed(zone="UTC", per_hour=2), (0, 1800, 3599), "60 minutes"),
        (Allowed(zone="UTC", per_day=2), (0, 7200, 14_400), "are allowed"),
        (Allowed(zone="Europe/Berlin", windows=WORK), (5 * 3600 + 1,), "outside its hours"),
        (Allowed(zone="UTC", windows=WORK), (3600,), "outside its hours"),
        (Allowed(zone="UTC", days_off=frozenset({date(2026, 10, 19)})), (0,), "outside its hours"),
    ],
)
def test_an_overrun_is_found(allowed: Allowed, after_s: tuple[float, ...], words: str) -> None:
    (found,) = breaches(sent(*after_s), {"amy": allowed})
    assert words in found


@pytest.mark.parametrize(
    ("allowed", "after_s"),
    [
        (Allowed(zone="UTC", per_minute=2), (0, 30, 60)),
        (Allowed(zone="UTC", per_hour=2), (0, 1800, 3600)),
        (Allowed(zone="Asia/Kolkata", per_day=2), (0, 3600, 6.5 * 3600)),
        (Allowed(zone="Europe/Berlin", windows=WORK), (5 * 3600 - 1,)),
    ],
)
def test_what_is_allowed_is_no_overrun(allowed: Allowed, after_s: tuple[float, ...]) -> None:
    assert breaches(sent(*after_s), {"amy": allowed}) == []


def test_a_day_is_that_of_the_zone_also_when_the_clocks_go_back() -> None:
    sunday = datetime(2026, 10, 24, 22, tzinfo=UTC)  # midnight in Berlin, of a day with 25 hours
    allowed = {"amy": Allowed(zone="Europe/Berlin", per_day=1)}
    assert len(breaches(sent(0, 24.9 * 3600, start=sunday), allowed)) == 1
    assert breaches(sent(0, 25 * 3600, start=sunday), allowed) == []
