"""The closed sets, and the one table of how a Job may change state."""

from __future__ import annotations

from enum import StrEnum


class JobState(StrEnum):
    QUEUED = "queued"  # waits for its due_at and its turn
    RUNNING = "running"  # leased by a Worker
    PARKED = "parked"  # waits for a person
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"  # an Effect was fired and nobody can tell whether it happened


class AccountState(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"  # by an operator
    PARKED = "parked"  # a Challenge or a login problem
    LOCKED = "locked"  # the site says so
    DISABLED = "disabled"


class Outcome(StrEnum):
    """How an Attempt ended."""

    SUCCEEDED = "succeeded"
    RETRIED = "retried"  # failed, and the Job was queued again
    FAILED = "failed"  # failed, and the Job with it
    PARKED = "parked"  # failed, and a person is asked
    UNKNOWN = "unknown"
    INTERRUPTED = "interrupted"
    CANCELLED = "cancelled"


class Mode(StrEnum):
    """How a Session's browser is shown."""

    HEADLESS = "headless"
    HEADED = "headed"


class Priority(StrEnum):
    URGENT = "urgent"
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"

    @property
    def rank(self) -> int:
        """0 for urgent to 3 for low: sorts the most pressing first."""
        return list(Priority).index(self)


class IfFailed(StrEnum):
    """What becomes of a Job when one that it waits for fails or is cancelled."""

    FAIL = "fail"  # it fails too
    SKIP = "skip"  # it is cancelled: it was only worth doing after the other


class EvidenceKind(StrEnum):
    SCREENSHOT = "screenshot"  # the full page at the moment of failure
    LAST_PICTURE = "last_picture"  # the last picture seen, when the page cannot be asked any more
    PAGE = "page"  # the page's HTML
    CONSOLE = "console"  # console lines and page errors, JSON lines
    NETWORK = "network"  # failed, refused and blocked requests, JSON lines
    TRACE = "trace"  # a Playwright trace
    SUMMARY = "summary"  # summary.md, for a person
    ATTEMPT_PAGE = "attempt_page"  # attempt.html: all of it on one page
    THREAD = "thread"  # a Thread as it was read, when something new stood in it


class Direction(StrEnum):
    INBOUND = "inbound"
    OUTBOUND = "outbound"


class ThreadStatus(StrEnum):
    """Whether a Thread still wants somebody's attention."""

    OPEN = "open"
    SNOOZED = "snoozed"  # until a moment, or until the counterpart writes
    CLOSED = "closed"  # until the counterpart writes


class SessionEnd(StrEnum):
    """Why a Session ended."""

    DONE = "done"
    FAILED = "failed"
    CRASHED = "crashed"
    INTERRUPTED = "interrupted"
    HANDED_OVER = "handed_over"


JOB_TRANSITIONS: dict[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.RUNNING, JobState.CANCELLED, JobState.FAILED, JobState.PARKED}),
    JobState.RUNNING: frozenset(
        {
            JobState.QUEUED,
            JobState.PARKED,
            JobState.SUCCEEDED,
            JobState.FAILED,
            JobState.CANCELLED,
            JobState.UNKNOWN,
        }
    ),
    JobState.PARKED: frozenset({JobState.QUEUED, JobState.CANCELLED, JobState.FAILED}),
    JobState.UNKNOWN: frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.QUEUED, JobState.CANCELLED}),
    JobState.FAILED: frozenset({JobState.QUEUED}),
    JobState.CANCELLED: frozenset({JobState.QUEUED}),
    JobState.SUCCEEDED: frozenset(),
}

ENDED: frozenset[JobState] = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED})
"""States in which nothing more happens by itself, and nobody is waited for."""


def may_become(before: JobState, after: JobState) -> bool:
    """Whether a Job in `before` may change to `after`."""
    return after in JOB_TRANSITIONS[before]
