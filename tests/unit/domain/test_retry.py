from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.domain.retry import Decision, Next, RetryPolicy, backoff_s, decide
from runner.errors import (
    AttemptError,
    BrowserGone,
    ErrorKind,
    InDoubt,
    InternalError,
    Interrupted,
    NeedsPerson,
    RateLimited,
    Rejected,
    RetryLater,
    SessionExpired,
    SignInWaits,
    SiteChanged,
)

POLICY = RetryPolicy(max_attempts=3, first_wait_s=2.0, multiplier=2.0, max_wait_s=300.0, jitter=0.5)


def decided(error: AttemptError, *, attempts: int = 1, policy: RetryPolicy = POLICY) -> Decision:
    return decide(error, attempts=attempts, policy=policy, dice=random.Random(7))


@pytest.mark.parametrize(
    "error", [RetryLater("No answer."), BrowserGone("It died."), SessionExpired("Signed out."), SiteChanged("Gone.")]
)
def test_what_may_pass_by_itself_is_tried_again_after_a_wait(error: AttemptError) -> None:
    decision = decided(error)
    assert decision.next is Next.RETRY
    assert 1.0 < decision.wait_s <= 2.0


@pytest.mark.parametrize(
    ("error", "last"),
    [(RetryLater("No answer."), 3), (SessionExpired("Signed out."), 3), (SiteChanged("Gone."), 2)],
)
def test_patience_ends_with_the_last_attempt(error: AttemptError, last: int) -> None:
    assert decided(error, attempts=last - 1).next is Next.RETRY
    decision = decided(error, attempts=last)
    assert (decision.next, decision.reason) == (Next.FAIL, f"{error.kind}: attempt {last} of {last} was the last")


def test_a_policy_of_one_attempt_allows_no_second_even_where_a_kind_would_have_two() -> None:
    once = RetryPolicy(max_attempts=1)
    assert decided(SiteChanged("Gone."), policy=once).next is Next.FAIL


@pytest.mark.parametrize("error", [Rejected("The title is too long."), InternalError("Our bug.")])
def test_what_trying_again_cannot_change_fails_at_once(error: AttemptError) -> None:
    assert decided(error).next is Next.FAIL


@pytest.mark.parametrize("kind", [ErrorKind.CAPTCHA, ErrorKind.CHALLENGE, ErrorKind.ACCOUNT_LOCKED, ErrorKind.INTERNAL])
def test_what_needs_a_person_is_parked_whatever_its_kind(kind: ErrorKind) -> None:
    decision = decided(NeedsPerson("Are you human?", kind=kind), attempts=3)
    assert (decision.next, decision.reason) == (Next.PARK, f"{kind}: a person is needed")


@pytest.mark.parametrize("attempts", [1, 3])
def test_doubt_is_never_tried_again(attempts: int) -> None:
    assert decided(InDoubt("Nobody can tell."), attempts=attempts).next is Next.UNKNOWN


def test_an_interruption_of_ours_goes_back_to_the_queue_even_after_the_last_attempt() -> None:
    assert decided(Interrupted("Stopped."), attempts=99).next is Next.REQUEUE


def test_the_site_s_own_word_is_a_floor() -> None:
    decision = decided(RateLimited("Slow down.", retry_after_s=900))
    assert (decision.wait_s, decision.reason) == (900, "rate_limited: the site asks for 900 s")


def test_a_password_that_came_to_nothing_is_left_alone_for_as_long_as_it_must_rest() -> None:
    decision = decided(SignInWaits("It came to nothing.", wait_s=900))
    assert (decision.next, decision.wait_s) == (Next.RETRY, 900)
    assert decision.reason == "session_expired: the password is left alone for 900 s"


def test_a_longer_wait_of_ours_stays_as_it_is() -> None:
    patient = RetryPolicy(first_wait_s=600, max_wait_s=600, jitter=0)
    assert decided(RateLimited("Slow down.", retry_after_s=5), policy=patient).wait_s == 600


def test_a_limit_without_a_time_waits_as_any_other() -> None:
    assert 1.0 < decided(RateLimited("Slow down.", retry_after_s=None)).wait_s <= 2.0


def test_waits_double_up_to_the_longest() -> None:
    steady = RetryPolicy(first_wait_s=2, multiplier=2, max_wait_s=10, jitter=0)
    assert [backoff_s(steady, attempt, 0.9) for attempt in range(1, 6)] == [2, 4, 8, 10, 10]


def test_the_wait_after_very_many_attempts_is_a_number() -> None:
    assert backoff_s(POLICY, 10**9, 0) == 300


@given(
    attempt=st.integers(1, 500),
    draw=st.floats(0, 1, exclude_max=True),
    first=st.floats(0.1, 60),
    jitter=st.floats(0, 1),
)
def test_no_wait_is_negative_or_longer_than_the_longest(attempt: int, draw: float, first: float, jitter: float) -> None:
    policy = RetryPolicy(first_wait_s=first, max_wait_s=120, jitter=jitter)
    full = backoff_s(policy, attempt, 0)
    assert full * (1 - jitter) - 1e-9 <= backoff_s(policy, attempt, draw) <= full <= 120


def test_the_same_dice_decide_alike() -> None:
    assert decided(RetryLater("No answer.")) == decided(RetryLater("No answer."))
