from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.domain.limits import (
    OF_EFFECT,
    OF_FLOW,
    Limit,
    LimitKind,
    LimitWindow,
    Use,
    WarmUp,
    fullest,
    levels,
    only_reads,
    used_by,
)
from runner.domain.local_time import day_start
from runner.domain.pace import HoursPlan, Pacing, limits_from_json, limits_to_json
from runner.errors import SetupError
from runner.sites.flows import catalog

START = datetime(2026, 10, 24, tzinfo=UTC)
"""The day before Berlin's longest one."""

ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"]).map(
    ZoneInfo
)
LIMITS = st.builds(
    Limit,
    per_minute=st.one_of(st.none(), st.integers(1, 4)),
    per_hour=st.one_of(st.none(), st.integers(1, 12)),
    per_day=st.one_of(st.none(), st.integers(1, 20)),
).filter(lambda limit: not limit.is_none)
STEPS = st.lists(st.tuples(st.integers(0, 3_000), st.floats(0, 20), st.floats(0, 1)), min_size=30, max_size=120)


@settings(max_examples=150, deadline=None)
@given(LIMITS, ZONES, STEPS)
def test_no_window_of_the_sites_own_book_ever_holds_one_too_many(
    limit: Limit, zone: ZoneInfo, steps: list[tuple[int, float, float]]
) -> None:
    """Whoever fires whenever there is room; the Site notes it anywhere between the arming and the settling."""
    now, uses, noted = START, list[Use](), list[datetime]()
    for wait_s, takes_s, share in steps:
        now += timedelta(seconds=wait_s)
        full = fullest(levels(LimitKind.MESSAGES, limit, uses, now, zone=zone))
        if full is not None:
            assert full.room_at > now
            now = full.room_at
            assert fullest(levels(LimitKind.MESSAGES, limit, uses, now, zone=zone)) is None, "there is room as promised"
        over = now + timedelta(seconds=takes_s)
        uses.append(Use(began_at=now, over_at=over))
        noted.append(now + (over - now) * share)
        now = over
    for window in (LimitWindow.MINUTE, LimitWindow.HOUR):
        most = limit.most(window)
        for first in noted if most else ():
            assert sum(1 for at in noted if first <= at < first + window.span) <= (most or 0)
    if limit.per_day:
        days = [at.astimezone(zone).date() for at in noted]
        assert max(days.count(day) for day in days) <= limit.per_day


def test_there_is_room_at_the_first_moment_and_not_a_microsecond_before() -> None:
    limit, zone = Limit(per_minute=2), ZoneInfo("UTC")
    uses = [Use(began_at=START + timedelta(seconds=s), over_at=START + timedelta(seconds=s + 1)) for s in (0, 20)]
    now = START + timedelta(seconds=30)
    (level,) = levels(LimitKind.MESSAGES, limit, uses, now, zone=zone)
    assert (level.used, level.left, level.room_at) == (2, 0, START + timedelta(seconds=61))
    just_before = level.room_at - timedelta(microseconds=1)
    assert fullest(levels(LimitKind.MESSAGES, limit, uses, just_before, zone=zone)) is not None
    assert fullest(levels(LimitKind.MESSAGES, limit, uses, level.room_at, zone=zone)) is None


def test_what_is_not_known_to_be_over_counts_as_used_now() -> None:
    uses = [Use(began_at=START, over_at=None)]
    later = START + timedelta(days=3)
    (level,) = levels(LimitKind.MESSAGES, Limit(per_minute=1), uses, later, zone=ZoneInfo("UTC"))
    assert level.room_at == later + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", "2026-10-25", 25),
        ("Europe/Berlin", "2026-03-29", 23),
        ("Australia/Lord_Howe", "2026-04-05", 24.5),
    ],
)
def test_a_day_is_as_long_as_the_calendar_has_it(zone: str, day: str, hours: float) -> None:
    place = ZoneInfo(zone)
    begins = day_start(datetime.fromisoformat(day).date(), place)
    uses = [Use(began_at=begins, over_at=begins)]
    for now in (begins, begins + timedelta(hours=hours) - timedelta(seconds=1)):
        (level,) = levels(LimitKind.MESSAGES, Limit(per_day=1), uses, now, zone=place)
        assert level.room_at == begins + timedelta(hours=hours)


@settings(deadline=None)
@given(st.integers(1, 60), st.floats(0, 1))
def test_a_warm_up_only_rises_and_ends_at_the_whole(days: int, start: float) -> None:
    warm_up = WarmUp(days=days, start=start)
    shares = [warm_up.share(age) for age in range(days + 3)]
    assert shares == sorted(shares)
    assert shares[0] == pytest.approx(start)
    assert shares[days:] == [1.0, 1.0, 1.0]
    (level,) = levels(LimitKind.MESSAGES, Limit(per_day=3), [], START, zone=ZoneInfo("UTC"), share=shares[0])
    assert 1 <= level.most <= 3


def test_it_is_told_from_four_fifths_on_and_once() -> None:
    def near(used: int, most: int, told: bool = False) -> bool:
        windows = frozenset({LimitWindow.HOUR}) if told else frozenset[LimitWindow]()
        uses = [Use(began_at=START, over_at=START, near=windows) for _ in range(used)]
        (level,) = levels(LimitKind.MESSAGES, Limit(per_hour=most), uses, START, zone=ZoneInfo("UTC"))
        return level.comes_near

    assert [used for used in range(10) if near(used, 10)] == [7, 8, 9]
    assert not near(8, 10, told=True)
    assert near(0, 1)


def test_every_flow_that_changes_something_has_a_kind() -> None:
    for name, flow in catalog.FLOWS.items():
        assert flow.changes is not only_reads(name), name
        assert LimitKind.PAGE_LOADS in used_by(name)
    assert set(OF_EFFECT.values()) == set(OF_FLOW.values())


def test_what_is_stored_comes_back() -> None:
    limits = {LimitKind.MESSAGES: Limit(per_day=3), LimitKind.SIGN_INS: Limit()}
    assert limits_from_json(limits_to_json(limits)) == limits
    plan = HoursPlan(days={"monday": "closed"}, holidays="DE", read_outside=True)
    assert HoursPlan.from_json(plan.to_json()) == plan
    assert HoursPlan.from_json(HoursPlan().to_json()).is_none
    with pytest.raises(SetupError):
        HoursPlan.from_json({"montag": "closed"})
    with pytest.raises(SetupError):
        Limit(per_day=0)


def test_another_configuration_has_another_digest() -> None:
    plain = Pacing()
    others = [
        Pacing(limits={LimitKind.MESSAGES: Limit(per_day=1)}),
        Pacing(hours=HoursPlan(days={"sunday": "closed"})),
        Pacing(timezone="Europe/Berlin"),
        Pacing(zones={"amy": "Europe/Berlin"}),
        Pacing(warm_up=WarmUp(days=3, start=0.5)),
    ]
    assert len({plain.digest, *(each.digest for each in others)}) == 6
    assert plain.digest == Pacing().digest
