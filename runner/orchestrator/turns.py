"""Why an Account is served now, comes next, or is passed over: in words for a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runner.domain.accounts import Account
from runner.domain.jobs import Job
from runner.domain.rotation import Choice
from runner.domain.states import AccountState
from runner.engine.browsing import QueueView, Waiting


@dataclass(frozen=True, kw_only=True)
class Turn:
    """Where an Account stands in the Rotation; `place` counts from 1 among those whose turn comes."""

    account: str
    running: bool
    place: int | None
    reason: str


async def turn_of(account: Account, queue: QueueView, running: Sequence[Job], coming: Sequence[Choice]) -> Turn:
    """Where an Account stands, and why."""
    waiting = await queue.waiting(account.name)
    held = next((job for job in running if job.account == account.name), None)
    place = next((n for n, each in enumerate(coming, start=1) if each.candidate.account == account.name), None)
    if held is not None:
        reason = f"job {held.id} ({held.flow}) runs: {held.reason or 'chosen by name'}"
    elif account.state is not AccountState.ACTIVE:
        reason = f"{account.state}: {account.state_reason}" if account.state_reason else f"it is {account.state}"
    elif place is not None:
        first = coming[0].candidate.account
        before = "it is next" if place == 1 else f"{place - 1} before it, {first} first"
        reason = f"{before}: {coming[place - 1].reason}"
    else:
        reason = _passed_over(waiting, len(coming))
    return Turn(account=account.name, running=held is not None, place=place, reason=reason)


def _passed_over(waiting: Waiting, before: int) -> str:
    if waiting.due:
        return f"{_jobs(waiting.due)} due, but {before} accounts or more come before it"
    if waiting.next_due_at is not None:
        return f"nothing is due: the next of {_jobs(waiting.later)} is due at {waiting.next_due_at:%Y-%m-%d %H:%M} UTC"
    if waiting.held:
        return f"{_jobs(waiting.held)} queued, but waiting for other jobs to succeed first"
    if waiting.reserved:
        return f"{_jobs(waiting.reserved)} queued, but reserved for one run"
    return "nothing is queued for it"


def _jobs(number: int) -> str:
    return "1 job" if number == 1 else f"{number} jobs"
