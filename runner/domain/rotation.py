"""Rotation: which Account's Job runs next, and the reason for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from runner.domain.states import Priority


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """An active Account that nobody holds, with its most pressing due Job.

    `priority` is the one that counts now; `given` is the one that the Job was given, when waiting has raised it.
    """

    account: str
    job_id: int
    priority: Priority
    due_at: datetime
    last_served_at: datetime | None
    given: Priority | None = None


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The Candidate chosen and why, in words that are recorded with the Job."""

    candidate: Candidate
    reason: str


def choose(candidates: Sequence[Candidate], now: datetime) -> Choice | None:
    """Choose by priority, then least recently served, then longest due; None when nobody is due."""
    if not candidates:
        return None
    best = min(candidates, key=_order)
    served = f"last served {_ago(now, best.last_served_at)} ago" if best.last_served_at else "never served"
    urgency = "" if best.priority is Priority.NORMAL else f"priority {best.priority}, "
    if best.given is not None and best.given is not best.priority:
        urgency = f"priority {best.given} raised to {best.priority} by waiting {_ago(now, best.due_at)}, "
    rivals = len(candidates) - 1
    among = "the only one due" if rivals == 0 else f"longest ago among {rivals + 1} due"
    return Choice(candidate=best, reason=f"{urgency}{served}, {among}")


def _order(candidate: Candidate) -> tuple[int, float, datetime, int]:
    served = candidate.last_served_at.timestamp() if candidate.last_served_at else float("-inf")
    return (candidate.priority.rank, served, candidate.due_at, candidate.job_id)


def _ago(now: datetime, then: datetime) -> str:
    seconds = max(0.0, (now - then).total_seconds())
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h"
