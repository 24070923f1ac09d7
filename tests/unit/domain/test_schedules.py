from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.domain.schedules import Missed, Rule, fire
from runner.errors import NotFound, SetupError

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Asia/Kolkata", "UTC")
"""An hour one way and the other, half an hour (Lord Howe), a change at midnight (Santiago), and none at all."""

START = datetime(2026, 1, 1, tzinfo=UTC)
MOMENTS = st.integers(0, 2 * 366 * 24 * 3600).map(lambda seconds: START + timedelta(seconds=seconds))
CRONS = st.sampled_from(
    [
        "30 2 * * *",
        "0 0 * * *",
        "15 */2 * * *",
        "*/20 * * * *",
        "0,30 2 * * *",
        "30 1-3 * * *",
        "0 8 * * 1-5",
        "5 0 1 * *",
    ]
)
RULES = st.one_of(
    st.builds(Rule, cron=CRONS, timezone=st.sampled_from(ZONES), start=st.just(START)),
    st.builds(Rule, every_s=st.sampled_from([10.0, 900.0, 86_400.0]), start=st.just(START)),
)


def local(rule: Rule, due: datetime) -> str:
    return due.astimezone(ZoneInfo(rule.timezone)).strftime("%m-%d %H:%M %z")


@pytest.mark.parametrize(
    ("zone", "night", "expected"),
    [
        ("Europe/Berlin", datetime(2026, 10, 24, 12, tzinfo=UTC), ["10-25 02:30 +0200", "10-26 02:30 +0100"]),
        ("Europe/Berlin", datetime(2026, 3, 28, 12, tzinfo=UTC), ["03-29 03:00 +0200", "03-30 02:30 +0200"]),
        ("America/New_York", datetime(2026, 3, 7, 12, tzinfo=UTC), ["03-08 03:00 -0400", "03-09 02:30 -0400"]),
        ("Asia/Kolkata", datetime(2026, 3, 28, 12, tzinfo=UTC), ["03-29 02:30 +0530", "03-30 02:30 +0530"]),
    ],
)
def test_half_past_two_comes_once_in_the_nights_that_are_longer_or_shorter(
    zone: str, night: datetime, expected: list[str]
) -> None:
    rule = Rule(cron="30 2 * * *", timezone=zone, start=START)
    times = rule.due_after(night)
    assert [local(rule, next(times)) for _ in expected] == expected


def test_every_half_hour_goes_on_through_the_hour_that_comes_twice() -> None:
    rule = Rule(cron="*/30 * * * *", timezone="Europe/Berlin", start=START)
    midnight = datetime(2026, 10, 24, 22, tzinfo=UTC)
    times = list(takewhile(lambda due: due <= midnight + timedelta(hours=4), rule.due_after(midnight)))
    assert len(times) == 8


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("minute", [0, 1, 30, 59])
@pytest.mark.parametrize("hour", [0, 1, 2, 3])
def test_a_time_of_day_comes_once_on_every_day_of_two_years(zone: str, hour: int, minute: int) -> None:
    rule = Rule(cron=f"{minute} {hour} * * *", timezone=zone, start=START)
    end = START + timedelta(days=730)
    days = [due.astimezone(ZoneInfo(zone)).date() for due in takewhile(lambda due: due < end, rule.due_after(START))]
    assert days == [days[0] + timedelta(days=number) for number in range(len(days))]
    assert days[-1] >= date(2027, 12, 30)


@settings(deadline=None, max_examples=300)
@given(RULES, MOMENTS, st.integers(0, 26 * 3600))
def test_from_whatever_moment_one_asks_the_next_due_time_is_the_same(rule: Rule, begin: datetime, later_s: int) -> None:
    asked = begin + timedelta(seconds=later_s)
    walked = next(due for due in rule.due_after(begin) if due > asked)
    assert rule.next_due(asked) == walked


@settings(deadline=None, max_examples=200)
@given(RULES, MOMENTS, st.integers(0, 3 * 86_400))
def test_the_last_due_time_is_the_last_of_those_that_one_counts(rule: Rule, since: datetime, span_s: int) -> None:
    until = since + timedelta(seconds=span_s)
    counted = list(takewhile(lambda due: due <= until, rule.due_after(since - timedelta(microseconds=1))))
    assert rule.last_due(since, until) == (counted[-1] if counted else None)


@settings(deadline=None, max_examples=150)
@given(RULES, MOMENTS, st.lists(st.integers(1, 40_000), min_size=1, max_size=40), st.sampled_from(Missed))
def test_whenever_a_daemon_looks_each_due_time_fires_once_at_most_and_the_latest_is_never_lost(
    rule: Rule, begin: datetime, pauses_s: list[int], missed: Missed
) -> None:
    fired: list[datetime] = []
    now, waiting = begin, rule.next_due(begin)
    for pause_s in pauses_s:
        now += timedelta(seconds=pause_s)
        firing = fire(rule, missed, next_due_at=waiting, now=now)
        latest = rule.last_due(begin + timedelta(microseconds=1), now)
        if firing.due_at is not None:
            fired.append(firing.due_at)
            assert firing.due_at == latest
        elif latest is not None and missed is Missed.ONCE:
            assert fired[-1] == latest
        waiting = firing.next_due_at
        assert waiting is not None
        assert waiting > now
    assert fired == sorted(set(fired))


def test_a_time_that_was_missed_is_made_up_once_or_skipped() -> None:
    rule = Rule(cron="0 8 * * *", timezone="Europe/Berlin", start=START)
    waiting, now = datetime(2026, 5, 1, 6, tzinfo=UTC), datetime(2026, 5, 4, 12, tzinfo=UTC)
    latest, following = datetime(2026, 5, 4, 6, tzinfo=UTC), datetime(2026, 5, 5, 6, tzinfo=UTC)
    once = fire(rule, Missed.ONCE, next_due_at=waiting, now=now)
    assert (once.due_at, once.next_due_at, once.missed_since) == (latest, following, waiting)
    skipped = fire(rule, Missed.SKIP, next_due_at=waiting, now=now)
    assert (skipped.due_at, skipped.next_due_at, skipped.missed_since) == (None, following, waiting)


def test_some_seconds_late_is_not_missed() -> None:
    rule = Rule(every_s=600, start=START)
    firing = fire(rule, Missed.SKIP, next_due_at=START + timedelta(seconds=600), now=START + timedelta(seconds=630))
    assert firing.due_at == START + timedelta(seconds=600)
    assert firing.missed_since is None


def test_after_a_step_back_of_the_clock_it_waits_for_the_nearer_time() -> None:
    rule = Rule(every_s=600, start=START)
    firing = fire(rule, Missed.ONCE, next_due_at=START + timedelta(days=2), now=START + timedelta(days=1))
    assert firing.due_at is None
    assert firing.next_due_at == START + timedelta(days=1, seconds=600)


@pytest.mark.parametrize("cron", ["", "* * * *", "61 * * * *", "0 8 * * * *", "often", "@daily"])
def test_what_is_no_cron_rule_is_refused_with_an_example(cron: str) -> None:
    with pytest.raises(SetupError, match="Every day at 8"):
        Rule(cron=cron, start=START)


def test_a_date_that_never_comes_is_refused() -> None:
    with pytest.raises(SetupError):
        Rule(cron="0 0 31 2 *", start=START)


def test_an_unknown_time_zone_is_named_with_its_nearest() -> None:
    with pytest.raises(NotFound, match="Europe/Berlin"):
        Rule(cron="0 8 * * *", timezone="Europe/Berln", start=START)


def test_a_rule_is_either_cron_or_an_interval_and_not_too_often() -> None:
    with pytest.raises(SetupError, match="not both"):
        Rule(start=START)
    with pytest.raises(SetupError, match="not both"):
        Rule(cron="* * * * *", every_s=60, start=START)
    with pytest.raises(SetupError, match="too often"):
        Rule(every_s=1, start=START)
