"""What a person is told about a login, and how it is learned how long one lasts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from runner.domain.accounts import Account, Profile, SecretRef
from runner.domain.logins import After, CheckResult
from runner.domain.session_health import Health, Usual, health_of, lifetimes, usual
from runner.domain.states import AccountState

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)
UNKNOWN = Usual(life=None, samples=0)


def found(day: float, signed_in: bool, after: After = After.LOOK, account: str = "amy", who: str | None = None):
    return CheckResult(account=account, at=NOW + day * DAY, signed_in=signed_in, after=after, who=who)


def account(state: AccountState = AccountState.ACTIVE, reason: str | None = None) -> Account:
    return Account(
        id=1,
        name="amy",
        site="mock",
        username="amy",
        secret=SecretRef(kind="env", name="AMY"),
        tags=(),
        state=state,
        state_reason=reason,
        last_served_at=None,
        created_at=NOW - 100 * DAY,
    )


def profile(login_days_ago: float = 1.0, seen_days_ago: float = 0.01, tried_s_ago: float | None = None) -> Profile:
    return Profile(
        account="amy",
        path="profiles/amy",
        browser_major=156,
        last_login_at=NOW - login_days_ago * DAY,
        last_probe_at=NOW - seen_days_ago * DAY,
        notes=None,
        sign_in_tried_at=None if tried_s_ago is None else NOW - timedelta(seconds=tried_s_ago),
    )


def judged(*args, usually: Usual = UNKNOWN):
    return health_of(*args, usually=usually, sign_in_wait=timedelta(minutes=15), now=NOW)


def test_a_login_that_was_just_seen_is_healthy() -> None:
    health = judged(account(), profile(login_days_ago=3.5), found(0, True))
    assert (health.health, health.valid, health.age_days, health.action) == (Health.HEALTHY, True, 3.5, "")


def test_one_that_nobody_has_looked_at_yet_is_a_warning_with_what_to_type() -> None:
    health = judged(account(), None, None)
    assert (health.health, health.valid, health.age_days) == (Health.WARNING, None, None)
    assert "runner accounts health amy --probe" in health.action


def test_one_that_was_last_seen_days_ago_is_not_said_to_be_valid() -> None:
    health = judged(account(), profile(seen_days_ago=4), found(-4, True))
    assert (health.health, health.valid) == (Health.WARNING, None)
    assert "4 days ago" in health.reason


def test_one_that_has_ended_is_a_warning_for_it_mends_itself() -> None:
    health = judged(account(), profile(), found(0, False))
    assert (health.health, health.valid) == (Health.WARNING, False)
    assert "its next job signs it in" in health.reason


def test_a_password_that_came_to_nothing_is_an_error_with_the_time_of_the_next_try() -> None:
    health = judged(account(), profile(tried_s_ago=60), found(0, False, After.SIGN_IN))
    assert health.health is Health.ERROR
    assert "after 12:14 UTC" in health.action
    assert "--keep-open" in health.action


def test_somebody_elses_login_is_an_error() -> None:
    health = judged(account(), profile(), found(0, False, who="ben"))
    assert (health.health, '"ben"' in health.reason) == (Health.ERROR, True)


@pytest.mark.parametrize("state", [AccountState.PARKED, AccountState.LOCKED])
def test_an_account_that_waits_for_a_person_is_an_error_whatever_was_seen(state: AccountState) -> None:
    health = judged(account(state, "The site asks whether a human is there."), profile(), found(0, True))
    assert health.health is Health.ERROR
    assert "asks whether a human is there" in health.reason
    assert "runner accounts resume amy" in health.action


@pytest.mark.parametrize(("days", "health"), [(23.9, Health.HEALTHY), (24.0, Health.WARNING), (40, Health.WARNING)])
def test_a_person_is_warned_when_four_fifths_of_the_usual_time_are_over(days: float, health: Health) -> None:
    known = Usual(life=30 * DAY, samples=5)
    said = judged(account(), profile(login_days_ago=days), found(0, True), usually=known)
    assert said.health is health
    assert said.usual_days == 30
    assert ("usually lasts 30 days" in said.reason) is (health is Health.WARNING)


def test_a_life_is_from_a_sign_in_to_the_next_look_that_finds_nobody() -> None:
    history = [
        found(0, False),
        found(0, True, After.SIGN_IN),
        found(5, True),
        found(10, False),
        found(10, True, After.SIGN_IN),
        found(13, False),
        found(13, False, After.CHECKPOINT),
        found(13, True, After.PERSON),
        found(20, True),
        found(1, True, After.SIGN_IN, account="ben"),
        found(8, False, account="ben"),
    ]
    assert lifetimes(history) == [10 * DAY, 3 * DAY, 7 * DAY]


def test_what_a_checkpoint_puts_right_is_no_end() -> None:
    history = [found(0, True, After.SIGN_IN), found(1, False), found(1, True, After.CHECKPOINT), found(9, False)]
    assert lifetimes(history) == [9 * DAY]


def test_what_a_person_has_signed_out_is_no_end() -> None:
    assert lifetimes([found(0, True, After.SIGN_IN), found(1, False, After.PERSON), found(2, False)]) == []


def test_nothing_is_said_before_five_logins_have_ended_and_then_what_most_reach() -> None:
    assert usual([30 * DAY] * 4).life is None
    assert usual([30 * DAY, 28 * DAY, 31 * DAY, 2 * DAY, 29 * DAY]) == Usual(life=28 * DAY, samples=5)
