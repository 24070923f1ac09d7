"""The formulas behind the figures: what they say at their ends, and days that are not 24 hours long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from runner.domain.figures import Bucket, balance, beginning, buckets, health_score

BERLIN = ZoneInfo("Europe/Berlin")


def test_balance_is_one_for_equal_shares_and_one_nth_when_one_has_everything() -> None:
    assert balance([7, 7, 7, 7]) == 1
    assert balance([0, 0, 9, 0]) == 0.25
    assert balance([]) is None
    assert balance([0, 0]) is None


def test_health_counts_trouble_and_not_what_a_person_has_switched_off() -> None:
    assert health_score({}, {}, None) == 100
    assert health_score({"active": 3, "paused": 5, "disabled": 2}, {"queued": 9, "failed": 50}, 1.0) == 100
    assert health_score({"active": 1, "parked": 1}, {}, 1.0) == 80
    assert health_score({"active": 1}, {"queued": 1, "unknown": 1}, 0.5) == 70
    assert health_score({"locked": 2}, {"parked": 3}, 0.0) == 0


def test_days_are_those_of_the_time_zone_when_the_clocks_change() -> None:
    since = datetime(2026, 10, 24, 12, tzinfo=UTC)
    days = list(buckets(since, since + timedelta(days=3), Bucket.DAY, BERLIN))
    assert [each.hour for each in days] == [22, 22, 23, 23], "the 25th has 25 hours"
    assert all(each.astimezone(BERLIN).hour == 0 for each in days)


def test_hours_are_none_too_many_and_none_too_few_when_the_clocks_change() -> None:
    for night in (datetime(2026, 10, 25, tzinfo=UTC), datetime(2026, 3, 29, tzinfo=UTC)):
        hours = list(buckets(night, night + timedelta(hours=6), Bucket.HOUR, BERLIN))
        assert hours == [night + timedelta(hours=n) for n in range(6)]


def test_an_hour_begins_at_the_full_hour_of_its_own_clock() -> None:
    moment = datetime(2026, 11, 22, 12, 10, tzinfo=UTC)
    assert beginning(moment, Bucket.HOUR, ZoneInfo("Asia/Kathmandu")) == datetime(2026, 11, 22, 11, 15, tzinfo=UTC)
