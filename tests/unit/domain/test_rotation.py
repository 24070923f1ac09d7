from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from runner.domain import rotation
from runner.domain.rotation import Candidate
from runner.domain.states import Priority

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def minutes_ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def candidate(account: str, **fields: object) -> Candidate:
    plain = Candidate(account=account, job_id=1, priority=Priority.NORMAL, due_at=minutes_ago(1), last_served_at=None)
    return replace(plain, **fields)  # type: ignore[arg-type]  # any of its fields


def chosen(*candidates: Candidate) -> str:
    choice = rotation.choose(candidates, NOW)
    assert choice is not None
    return choice.candidate.account


def test_nobody_due_is_nobody_chosen() -> None:
    assert rotation.choose([], NOW) is None


def test_the_least_recently_served_is_next() -> None:
    assert (
        chosen(candidate("amy", last_served_at=minutes_ago(5)), candidate("bob", last_served_at=minutes_ago(50)))
        == "bob"
    )


def test_who_was_never_served_goes_before_all_who_were() -> None:
    assert chosen(candidate("amy", last_served_at=datetime(1970, 1, 1, tzinfo=UTC)), candidate("bob")) == "bob"


def test_a_pressing_job_goes_before_a_longer_wait() -> None:
    urgent = candidate("amy", priority=Priority.URGENT, last_served_at=minutes_ago(1))
    assert chosen(candidate("bob"), urgent) == "amy"


def test_among_equals_the_one_due_for_longest_is_next_and_then_the_older_job() -> None:
    assert chosen(candidate("amy"), candidate("bob", due_at=minutes_ago(9))) == "bob"
    assert chosen(candidate("amy", job_id=2), candidate("bob", job_id=1)) == "bob"


def test_the_reason_is_for_a_person() -> None:
    def reason(*candidates: Candidate) -> str:
        choice = rotation.choose(candidates, NOW)
        assert choice is not None
        return choice.reason

    amy = candidate("amy", last_served_at=minutes_ago(14))
    assert reason(amy) == "last served 14 min ago, the only one due"
    assert reason(candidate("bob")) == "never served, the only one due"
    later = candidate("bob", last_served_at=minutes_ago(1))
    assert reason(amy, later) == "last served 14 min ago, longest ago among 2 due"
    urgent = replace(amy, priority=Priority.URGENT, last_served_at=minutes_ago(180))
    assert reason(urgent) == "priority urgent, last served 3 h ago, the only one due"
    raised = replace(amy, priority=Priority.HIGH, given=Priority.LOW, due_at=minutes_ago(31))
    assert reason(raised) == "priority low raised to high by waiting 31 min, last served 14 min ago, the only one due"


def test_after_a_step_back_of_the_clock_nobody_was_served_in_the_future() -> None:
    choice = rotation.choose([candidate("amy", last_served_at=minutes_ago(-1440))], NOW)
    assert choice is not None
    assert choice.reason == "last served 0 s ago, the only one due"


@given(st.permutations([candidate(f"a{number}", job_id=number, due_at=minutes_ago(number)) for number in range(6)]))
def test_the_order_in_which_they_are_asked_does_not_matter(candidates: list[Candidate]) -> None:
    assert chosen(*candidates) == "a5"


def test_all_who_are_always_due_take_turns() -> None:
    served: dict[str, datetime | None] = {f"a{number}": None for number in range(5)}
    turns = []
    for minute in range(50):
        now = NOW + timedelta(minutes=minute)
        due = [candidate(name, job_id=1, last_served_at=last) for name, last in served.items()]
        choice = rotation.choose(due, now)
        assert choice is not None
        served[choice.candidate.account] = now
        turns.append(choice.candidate.account)
    assert all(set(turns[start : start + 5]) == set(served) for start in range(0, 50, 5))
