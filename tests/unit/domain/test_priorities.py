from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.domain.priorities import RAISED_EVERY_S, raised
from runner.domain.states import Priority

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("waited_min", "counts_as"),
    [(0, "low"), (14.99, "low"), (15, "normal"), (30, "high"), (45, "urgent"), (100_000, "urgent"), (-60, "low")],
)
def test_a_low_job_is_urgent_after_three_quarters_of_an_hour(waited_min: float, counts_as: str) -> None:
    assert raised(Priority.LOW, due_at=NOW - timedelta(minutes=waited_min), now=NOW) == counts_as


@given(st.sampled_from(Priority), st.integers(-10_000, 100_000), st.integers(0, 10_000))
def test_waiting_never_lowers_a_priority_and_nothing_starves(
    given_priority: Priority, waited_s: int, more_s: int
) -> None:
    due_at = NOW - timedelta(seconds=waited_s)
    before = raised(given_priority, due_at=due_at, now=NOW)
    after = raised(given_priority, due_at=due_at, now=NOW + timedelta(seconds=more_s))
    assert after.rank <= before.rank <= given_priority.rank
    if waited_s >= given_priority.rank * RAISED_EVERY_S:
        assert before is Priority.URGENT
