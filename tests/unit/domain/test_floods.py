"""Floods in virtual time: what is told, what is counted, when it is over, and whose evidence is thin."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from runner.domain.floods import FULL_EVIDENCE, WINDOW, Flood, Judged, Notice, ended, judge

START = datetime(2026, 11, 22, 12, tzinfo=UTC)


def failures(*gaps_s: float, after: int = 5) -> list[Judged]:
    """One group's failures, each so many seconds after the one before."""
    flood, now, judged = Flood(), START, []
    for gap_s in gaps_s:
        now += timedelta(seconds=gap_s)
        judged.append(judge(flood, now, after=after))
        flood = judged[-1].flood
    return judged


def test_the_first_are_told_then_one_notice_then_silence() -> None:
    said = [each.notice for each in failures(*[1] * 9)]

    assert said == [Notice.TELL] * 5 + [Notice.FLOOD] + [Notice.HOLD] * 3


def test_slow_failures_are_no_flood() -> None:
    said = [each.notice for each in failures(*[WINDOW.total_seconds() / 5] * 100)]

    assert set(said) == {Notice.TELL}


def test_a_flood_is_over_after_the_window_without_a_failure_and_its_count_is_told_once() -> None:
    *_, last, next_one = failures(*[1] * 9, WINDOW.total_seconds())

    assert last.flood.held == 3
    assert not ended(last.flood, START + timedelta(seconds=9) + WINDOW - timedelta(seconds=1))
    assert ended(last.flood, START + timedelta(seconds=9) + WINDOW)
    assert (next_one.over, next_one.notice, next_one.flood.held) == (3, Notice.TELL, 0)


def test_a_flood_goes_on_while_failures_come_within_the_window() -> None:
    judged = failures(*[1] * 6, *[WINDOW.total_seconds() - 1] * 50)

    assert {each.notice for each in judged[6:]} == {Notice.HOLD}
    assert judged[-1].flood.held == 50


def test_evidence_is_whole_for_the_first_twenty_in_the_window_and_thin_from_then_on() -> None:
    judged = failures(*[1] * 30, WINDOW.total_seconds())

    assert [each.thin for each in judged] == [False] * FULL_EVIDENCE + [True] * 10 + [False]


@given(st.lists(st.floats(min_value=0.1, max_value=1500), max_size=200), st.integers(min_value=1, max_value=50))
def test_every_failure_is_told_or_counted_and_memory_is_bounded(gaps_s: list[float], after: int) -> None:
    judged = failures(*gaps_s, after=after)

    told = sum(each.notice is not Notice.HOLD for each in judged)
    counted = sum(each.over or 0 for each in judged) + (judged[-1].flood.held if judged else 0)
    assert told + counted == len(gaps_s)
    assert all(len(each.flood.times) <= max(after, FULL_EVIDENCE) + 1 for each in judged)
