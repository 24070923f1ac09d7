"""The words of an Attempt's end: which Outcome a decision is, and what a person reads beside the Job."""

from __future__ import annotations

from runner.domain.jobs import Lease
from runner.domain.retry import Decision, Next
from runner.domain.states import Outcome
from runner.errors import (
    AttemptError,
    Conflict,
    ErrorKind,
    InternalError,
    ProfileInUse,
    Rejected,
    RetryLater,
    RunnerError,
    SessionExpired,
)

OUTCOMES = {
    Next.RETRY: Outcome.RETRIED,
    Next.FAIL: Outcome.FAILED,
    Next.PARK: Outcome.PARKED,
    Next.UNKNOWN: Outcome.UNKNOWN,
    Next.REQUEUE: Outcome.INTERRUPTED,
}


def words(error: AttemptError, decision: Decision, lease: Lease) -> str:
    """What a person reads beside the Job: where patience has ended, how long it lasted and what to do instead."""
    if decision.next is not Next.FAIL or not isinstance(error, RetryLater | SessionExpired):
        return str(error)
    tried = lease.job.attempts + 1
    times = "once" if tried == 1 else f"{tried} times"
    cure = error.cure or f"Try again: runner jobs retry {lease.job.id}"
    return f"{error.what} It was tried {times}. {cure}"


def before_the_page(error: Exception) -> AttemptError:
    """An error before there was a page to ask."""
    if isinstance(error, Conflict):
        return ProfileInUse(error.what, cure=error.cure)
    if isinstance(error, RunnerError):
        return Rejected(error.what, cure=error.cure)
    if isinstance(error, TimeoutError):
        return RetryLater("The browser did not open in time.", kind=ErrorKind.TIMEOUT)
    return InternalError(f"{type(error).__name__}: {error}")
