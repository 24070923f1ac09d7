from __future__ import annotations

from datetime import date, timedelta

from runner.domain.inbox_figures import forecast, nearest_rank

MONDAY = date(2026, 11, 2)


def weeks(*counts: list[int]) -> list[tuple[date, int]]:
    days = [count for week in counts for count in week]
    return [(MONDAY + timedelta(days=number), count) for number, count in enumerate(days)]


def test_a_day_is_expected_to_be_as_the_same_weekday_was_on_the_mean() -> None:
    known = weeks([7, 0, 0, 0, 0, 0, 0], [9, 0, 0, 0, 0, 0, 0], [14, 0, 0, 0, 0, 0, 0])
    found = forecast(known, MONDAY + timedelta(weeks=3))
    assert (found.weeks, found.expected) == (3, 10.0)
    # The second Monday was expected to be 7 and was 9, the third 8 and was 14; twelve other days were as expected.
    assert (found.judged_days, found.error) == (14, round((2 + 6) / 14, 2))


def test_below_three_whole_weeks_nothing_is_expected() -> None:
    found = forecast(weeks([1] * 7, [1] * 7, [1] * 6), MONDAY)
    assert (found.weeks, found.expected, found.error) == (2, None, None)
    assert forecast([], MONDAY).expected is None


def test_a_percentile_is_a_value_that_was_there() -> None:
    assert nearest_rank([1.0, 2.0, 3.0, 4.0], 50) == 2.0
    assert nearest_rank([1.0, 2.0, 3.0, 4.0], 95) == 4.0
    assert nearest_rank([5.0], 50) == 5.0
    assert nearest_rank([], 50) is None
